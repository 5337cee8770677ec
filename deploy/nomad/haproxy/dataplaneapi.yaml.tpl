config_version: 2
name: {{ env "node.unique.name" }}
dataplaneapi:
  # https and a password, and no tls_ca: with it, no version asks for the password.
  scheme: [https]
  tls:
    tls_host: {{ env "NOMAD_IP_dataplane" }}
    tls_port: {{ env "NOMAD_PORT_dataplane" }}
    tls_certificate: {{ env "NOMAD_SECRETS_DIR" }}/dataplane.crt
    tls_key: {{ env "NOMAD_SECRETS_DIR" }}/dataplane.key
  user:
    - name: connector
      insecure: true
      password: {{ with nomadVar (print "nomad/jobs/" (env "NOMAD_JOB_ID")) }}{{ .password | toJSON }}{{ end }}
  transaction:
    transaction_dir: {{ env "HAPROXY_HOME" }}/transactions
  resources:
    maps_dir: {{ env "HAPROXY_HOME" }}/maps
    general_storage_dir: {{ env "HAPROXY_HOME" }}/general
    ssl_certs_dir: {{ env "HAPROXY_HOME" }}/ssl
    spoe_dir: {{ env "HAPROXY_HOME" }}/spoe
    spoe_transaction_dir: {{ env "HAPROXY_HOME" }}/spoe-transactions
    dataplane_storage_dir: {{ env "HAPROXY_HOME" }}/dataplane
haproxy:
  config_file: {{ env "HAPROXY_HOME" }}/haproxy.cfg
  haproxy_bin: {{ env "HAPROXY_BIN" }}
  master_worker_mode: true
  master_runtime: {{ env "HAPROXY_HOME" }}/master.sock
  reload:
    reload_delay: 1
    reload_strategy: custom
    # Reloads go through the master socket; the Data Plane API only insists on having these.
    reload_cmd: /bin/false
    restart_cmd: /bin/false
log_targets:
  - log_to: stdout
    log_level: warning
    log_types: [app]
