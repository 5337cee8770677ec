# A dev agent that other containers reach, and that runs tasks as plain processes beside itself.
bind_addr            = "0.0.0.0"
disable_update_check = true
log_level            = "WARN"

client {
  network_interface = "eth0"
  options = {
    "fingerprint.denylist" = "env_aws,env_azure,env_digitalocean,env_gce,consul,vault,cni,bridge"
  }
}

plugin "raw_exec" {
  config {
    enabled = true
  }
}
