app {
  url = ""
}

pack {
  name        = "haproxy_nomad_connector"
  description = "Keeps HAProxy in sync with Nomad's service catalog, through the HAProxy Data Plane API."
  version     = "0.1.0"
}
