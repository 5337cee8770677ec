job "haproxy-nomad-connector" {
  datacenters = [[ var "datacenters" . | toJson ]]

  # A second one would do no harm, and no good.
  update {
    max_parallel = 1
    auto_revert  = true
  }

  group "connector" {
    count = 1

    network {
      port "http" {
        static = [[ var "http_port" . ]]
      }
    }

    service {
      name     = "haproxy-nomad-connector"
      provider = "nomad"
      port     = "http"

      check {
        name     = "synced"
        type     = "http"
        path     = "/readyz"
        interval = "5s"
        timeout  = "2s"
      }
    }

    task "connector" {
      driver = "docker"

      config {
        image        = [[ var "image" . | quote ]]
        network_mode = "host"
        args         = ["--http-listen", "${NOMAD_ADDR_http}"]
        cap_drop     = ["all"]

        readonly_rootfs = true
      }

      # Nomad writes the token to secrets/nomad_token and renews it there.
      identity {
        env  = true
        file = true
      }

      env {
        NOMAD_NAMESPACE       = [[ var "nomad_namespace" . | quote ]]
        NOMAD_TOKEN_FILE      = "${NOMAD_SECRETS_DIR}/nomad_token"
        HAPROXY_DATAPLANE_URL = [[ var "haproxy_address" . | quote ]]
        HAPROXY_USERNAME      = [[ var "haproxy_username" . | quote ]]
        HAPROXY_PASSWORD_FILE = "${NOMAD_SECRETS_DIR}/dataplane"
        HAPROXY_FRONTEND      = [[ var "frontend" . | quote ]]
      }

      template {
        data        = "{{ with nomadVar \"nomad/jobs/haproxy-nomad-connector\" }}{{ .password }}{{ end }}"
        destination = "secrets/dataplane"
        perms       = "0600"
      }

      resources {
        cpu    = 200
        memory = 256
      }
    }
  }
}
