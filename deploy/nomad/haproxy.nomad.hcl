# HAProxy with its Data Plane API on every node. The connector finds them in Nomad's catalog.
#
#   nomad var put nomad/jobs/haproxy password=... certificate=@dataplane.crt key=@dataplane.key
#   nomad job run deploy/nomad/haproxy.nomad.hcl
#
# Run the connector first: docs/fleet-job.md says why, and what else to know.

variable "datacenters" {
  type    = list(string)
  default = ["*"]
}

variable "image" {
  type        = string
  description = "HAProxy and the Data Plane API."
  default     = "haproxytech/haproxy-debian:3.2"
}

variable "http_port" {
  type    = number
  default = 80
}

variable "health_port" {
  type        = number
  description = "Answers /ready and /healthz."
  default     = 8404
}

job "haproxy" {
  type        = "system"
  datacenters = var.datacenters

  # One node after the other, each once the connector has filled the one before. A deployment that fails
  # leaves later ones of a system job stalled, so it waits for a day instead.
  update {
    max_parallel      = 1
    health_check      = "checks"
    min_healthy_time  = "10s"
    healthy_deadline  = "24h"
    progress_deadline = "25h"
  }

  group "haproxy" {
    # Nomad's catalog loses it first. What balances over the HAProxies has these seconds to notice.
    shutdown_delay = "5s"

    # The next allocation on the node takes it over.
    ephemeral_disk {
      sticky = true
      size   = 300
    }

    restart {
      attempts = 10
      interval = "5m"
      delay    = "5s"
      mode     = "delay"
    }

    network {
      port "http" {
        static = var.http_port
      }

      port "health" {
        static = var.health_port
      }

      port "dataplane" {}
    }

    service {
      name     = "haproxy"
      provider = "nomad"
      port     = "http"
      tags     = ["${node.unique.name}"]

      check {
        name     = "filled by the connector"
        type     = "http"
        port     = "health"
        path     = "/ready"
        interval = "2s"
        timeout  = "1s"
      }
    }

    # The tag names the HAProxy for the connector: it stays when the allocation and the port change.
    service {
      name     = "haproxy-dataplane"
      provider = "nomad"
      port     = "dataplane"
      tags     = ["haproxy-name=${node.unique.name}"]
    }

    task "seed" {
      driver = "docker"

      lifecycle {
        hook = "prestart"
      }

      config {
        image        = var.image
        network_mode = "host"
        entrypoint   = ["/bin/sh"]
        args         = ["${NOMAD_TASK_DIR}/seed.sh", "${NOMAD_TASK_DIR}/haproxy.cfg"]
      }

      env {
        HAPROXY_HOME = "/alloc/data"
        HAPROXY_USER = "haproxy"
      }

      template {
        data        = file("haproxy/seed.sh")
        destination = "local/seed.sh"
      }

      template {
        data        = file("haproxy/haproxy.cfg.tpl")
        destination = "local/haproxy.cfg"
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }

    task "haproxy" {
      driver = "docker"

      # It finishes the requests that it has.
      kill_signal  = "SIGUSR1"
      kill_timeout = "30s"

      config {
        image        = var.image
        network_mode = "host"
        entrypoint   = ["haproxy"]
        args         = ["-W", "-db", "-S", "${HAPROXY_HOME}/master.sock,mode,600", "-f", "${HAPROXY_HOME}/haproxy.cfg"]
      }

      env {
        HAPROXY_HOME = "/alloc/data"
      }

      resources {
        cpu    = 500
        memory = 512
      }
    }

    task "dataplane" {
      driver = "docker"

      kill_signal = "SIGTERM"

      lifecycle {
        hook    = "poststart"
        sidecar = true
      }

      config {
        image        = var.image
        network_mode = "host"
        entrypoint   = ["dataplaneapi"]
        args         = ["-f", "${NOMAD_SECRETS_DIR}/dataplaneapi.yaml"]
      }

      env {
        HAPROXY_HOME = "/alloc/data"
        HAPROXY_BIN  = "/usr/local/sbin/haproxy"
      }

      template {
        data        = file("haproxy/dataplaneapi.yaml.tpl")
        destination = "secrets/dataplaneapi.yaml"
        perms       = "0600"
      }

      template {
        data        = "{{ with nomadVar \"nomad/jobs/haproxy\" }}{{ .certificate }}{{ end }}"
        destination = "secrets/dataplane.crt"
      }

      template {
        data        = "{{ with nomadVar \"nomad/jobs/haproxy\" }}{{ .key }}{{ end }}"
        destination = "secrets/dataplane.key"
        perms       = "0600"
      }

      resources {
        cpu    = 200
        memory = 256
      }
    }
  }
}
