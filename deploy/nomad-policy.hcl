# All that the connector needs in Nomad:
#
#   nomad acl policy apply -namespace default -job haproxy-nomad-connector connector deploy/nomad-policy.hcl
#
# For some namespaces only, write one block for each instead of "*"; that of haproxy.discover is one of
# them, and needs read-job.
namespace "*" {
  capabilities = ["list-jobs", "read-job"]

  # Only with leader.lock_path. It belongs into this block: one for the lock's namespace alone would
  # hide the rights above there.
  #
  # variables {
  #   path "haproxy-nomad-connector/leader" {
  #     capabilities = ["read", "write"]
  #   }
  # }
}
