# The connector as a Nomad job beside one HAProxy, which listens on the host `haproxy_address` names.
#
#   nomad acl policy apply -namespace default -job haproxy-nomad-connector connector deploy/nomad-policy.hcl
#   nomad var put nomad/jobs/haproxy-nomad-connector password=...
#   nomad job run -var frontend=https deploy/nomad/connector.nomad.hcl

variable "image" {
  type    = string
  default = "haproxy-nomad-connector:0.1.0"
}

variable "datacenters" {
  type    = list(string)
  default = ["*"]
}

variable "haproxy_address" {
  type        = string
  description = "URL of the Data Plane API. It must be reachable with host networking."
  default     = "http://127.0.0.1:5555"
}

variable "haproxy_username" {
  type    = string
  default = "admin"
}

variable "frontend" {
  type        = string
  description = "Frontend that gets the routes."
  default     = "https"
}

variable "nomad_namespace" {
  type        = string
  description = "The namespaces to read: * for all, or a list with commas."
  default     = "*"
}

variable "http_port" {
  type        = number
  description = "Health, metrics and status page."
  default     = 8080
}

job "haproxy-nomad-connector" {
  datacenters = var.datacenters

  # A second one would do no harm, and no good.
  update {
    max_parallel = 1
    auto_revert  = true
  }

  group "connector" {
    count = 1

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
        image        = var.image
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
        NOMAD_NAMESPACE       = var.nomad_namespace
        NOMAD_TOKEN_FILE      = "${NOMAD_SECRETS_DIR}/nomad_token"
        HAPROXY_DATAPLANE_URL = var.haproxy_address
        HAPROXY_USERNAME      = var.haproxy_username
        HAPROXY_PASSWORD_FILE = "${NOMAD_SECRETS_DIR}/dataplane"
        HAPROXY_FRONTEND      = var.frontend
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
