The connector keeps the frontend [[ var "frontend" . ]] in sync once it has its policy and its password:

  nomad acl policy apply -namespace default -job haproxy-nomad-connector connector nomad-policy.hcl
  nomad var put nomad/jobs/haproxy-nomad-connector password=...

Its readiness is the job's check: nomad service info haproxy-nomad-connector
