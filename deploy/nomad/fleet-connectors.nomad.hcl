# A pair of connectors for the HAProxies of haproxy.nomad.hcl: one leads, the other stands by.
#
#   nomad acl policy apply -namespace default -job haproxy-nomad-connector connector policy.hcl
#   nomad var put nomad/jobs/haproxy-nomad-connector password=... ca=@dataplane-ca.crt
#   nomad job run deploy/nomad/fleet-connectors.nomad.hcl
#
# policy.hcl is deploy/nomad-policy.hcl with the block for the lock.

variable "image" {
  type    = string
  default = "haproxy-nomad-connector:0.1.0"
}

variable "datacenters" {
  type    = list(string)
  default = ["*"]
}

variable "http_port" {
  type        = number
  description = "Health, metrics and status page."
  default     = 8080
}

variable "tls_server_name" {
  type        = string
  description = "The name in the certificate of the Data Plane APIs."
  default     = "haproxy-dataplane.internal"
}

job "haproxy-nomad-connector" {
  datacenters = var.datacenters

  update {
    max_parallel = 1
    auto_revert  = true
  }

  group "connector" {
    # The port keeps them on different nodes.
    count = 2

    network {
      port "http" {
        static = var.http_port
      }
    }

    service {
      name     = "haproxy-nomad-connector"
      provider = "nomad"
      port     = "http"

      check {
        name     = "synced or standing by"
        type     = "http"
        path     = "/readyz"
        interval = "5s"
        timeout  = "2s"
      }
    }

    task "connector" {
      driver = "docker"

      config {
        image           = var.image
        network_mode    = "host"
        args            = ["--config", "${NOMAD_SECRETS_DIR}/connector.yaml", "--http-listen", "${NOMAD_ADDR_http}"]
        cap_drop        = ["all"]
        readonly_rootfs = true
      }

      # Nomad writes the token to secrets/nomad_token and renews it there.
      identity {
        env  = true
        file = true
      }

      env {
        NOMAD_NAMESPACE  = "*"
        NOMAD_TOKEN_FILE = "${NOMAD_SECRETS_DIR}/nomad_token"
      }

      template {
        destination = "secrets/connector.yaml"
        perms       = "0600"
        data        = <<-END
          haproxy:
            username: connector
            password_file: {{ env "NOMAD_SECRETS_DIR" }}/dataplane
            frontend: http
            discover:
              service: haproxy-dataplane
              job: haproxy
            ca_cert: {{ env "NOMAD_SECRETS_DIR" }}/ca.crt
            tls_server_name: ${var.tls_server_name}
          leader:
            lock_path: haproxy-nomad-connector/leader
        END
      }

      template {
        data        = "{{ with nomadVar \"nomad/jobs/haproxy-nomad-connector\" }}{{ .password }}{{ end }}"
        destination = "secrets/dataplane"
        perms       = "0600"
      }

      template {
        data        = "{{ with nomadVar \"nomad/jobs/haproxy-nomad-connector\" }}{{ .ca }}{{ end }}"
        destination = "secrets/ca.crt"
      }

      resources {
        cpu    = 200
        memory = 256
      }
    }
  }
}
