# All that the connector needs in Nomad:
#
#   nomad acl policy apply -namespace default -job haproxy-nomad-connector connector deploy/nomad-policy.hcl
#
# For some namespaces only, write one block for each instead of "*".
namespace "*" {
  capabilities = ["list-jobs", "read-job"]
}
