# Two instances of a small web app that answers its version: the web server of Nomad's own image.
variable "name" {
  type    = string
  default = "web"
}

variable "app_version" {
  type    = string
  default = "v1"
}

variable "count" {
  type    = number
  default = 2
}

job "app" {
  id   = var.name
  name = var.name

  update {
    max_parallel     = 1
    health_check     = "checks"
    min_healthy_time = "1s"
    healthy_deadline = "30s"
  }

  group "app" {
    count = var.count

    # The instance leaves the catalog first, and HAProxy has these seconds to stop using it.
    shutdown_delay = "3s"

    network {
      port "http" {}
    }

    service {
      name     = var.name
      provider = "nomad"
      port     = "http"
      tags = [
        "haproxy.enable=true",
        "haproxy.domain=${var.name}.example.com",
      ]

      check {
        type     = "http"
        path     = "/health"
        interval = "1s"
        timeout  = "1s"
      }
    }

    task "app" {
      driver = "raw_exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "exec /bin/busybox httpd -f -p $NOMAD_PORT_http -h local"]
      }

      template {
        destination = "local/index.html"
        data        = var.app_version
      }

      template {
        destination = "local/health"
        data        = "ok"
      }

      resources {
        cpu    = 20
        memory = 32
      }
    }
  }
}
