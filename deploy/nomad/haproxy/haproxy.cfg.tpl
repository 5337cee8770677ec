# What HAProxy starts with on an empty disk: the operator's part. Certificates, other frontends and
# limits go here. The connector adds its backends, and its routes to the frontend `http`.
global
  maxconn 4000
  hard-stop-after 5m
{{- with env "HAPROXY_USER" }}
  user {{ . }}
  group {{ . }}
{{- end }}
  stats socket {{ env "HAPROXY_HOME" }}/stats.sock mode 600 level admin expose-fd listeners
  server-state-file {{ env "HAPROXY_HOME" }}/general/server-state

defaults web
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  timeout http-keep-alive 10s
  option redispatch 1

frontend http from web
  bind ":${NOMAD_PORT_http}" name http
  option idle-close-on-response
  default_backend not_found

# /ready: the connector has filled this HAProxy since its allocation began. Nomad's update waits for it.
# /healthz: it may get traffic: filled now, or by the allocation before, whose disk this one took over.
frontend health from web
  bind ":${NOMAD_PORT_health}" name health
  acl ready str(ready),map({{ env "HAPROXY_HOME" }}/maps/nomad_ready.map) -m found
  acl was_ready str(ready),map({{ env "HAPROXY_HOME" }}/was_ready.map) -m found
  http-request return status 200 content-type text/plain string ready if { path /ready } ready
  http-request return status 200 content-type text/plain string ok if { path /healthz } ready
  http-request return status 200 content-type text/plain string ok if { path /healthz } was_ready
  http-request return status 503 content-type text/plain string "not filled yet"

backend not_found from web
  http-request return status 404 content-type text/plain string "no such service"
