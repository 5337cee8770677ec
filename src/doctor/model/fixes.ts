import type { DegradedCode } from '../../actual/normalise/degraded.js';
import type { ProblemCode } from '../../diff/types.js';
import type { ErrorCode } from '../../shared/errors.js';

/** What `doctor` and the status page say to do: one text for each code. */
export const fixes: Readonly<Record<ErrorCode | ProblemCode | DegradedCode, string>> = {
  // A pass, or a part of one, fails.
  'nomad-unreachable': 'set nomad.address, or start Nomad',
  'nomad-refused': 'set nomad.token_file to a token with the policy of deploy/nomad-policy.hcl',
  'nomad-failed': "look into Nomad's log",
  'nomad-untrusted': 'wait for Nomad to have a leader; else give the token list-jobs and read-job',
  'haproxy-unreachable': 'set haproxy.address, or start the Data Plane API',
  'haproxy-refused':
    'set haproxy.username and haproxy.password_file as in dataplaneapi.yaml (user)',
  'haproxy-down':
    'start HAProxy with -W -S /run/haproxy/master.sock, and write into dataplaneapi.yaml, under haproxy: ' +
    'master_runtime: /run/haproxy/master.sock',
  'haproxy-unsupported': 'install HAProxy 3.0 or newer and Data Plane API 3.0 or newer',
  'haproxy-conflict': 'wait: another program changes the configuration just now',
  'haproxy-rejected': "fix what HAProxy's message names in haproxy.cfg",
  'haproxy-reload-failed': "fix what HAProxy's message names in haproxy.cfg",
  'haproxy-poisoned':
    'run the connector (a pass restores the last good file), or restart the Data Plane API',
  'haproxy-failed': "look into the Data Plane API's log",
  'other-connector': 'give this connector its own ownership.prefix and routing.map_name',
  'conflict-strategy': 'rename the backend, or set haproxy.backend_strategy: create_new',
  'not-leader': 'wait: the connector that holds leader.lock_path writes now',
  'plan-refused': 'save the plan again',
  'routes-unreadable': 'set routes.directory to a folder that the connector can read',
  'config-invalid': 'correct the setting that the message names',
  aborted: 'run it again',
  internal: 'report this as a bug',

  // Something blocks the connector's work.
  'frontend-mode': 'name a frontend of that mode in haproxy.frontend or in the tag',
  'unstable-backend':
    'compare the section in haproxy.cfg with the plan: something rewrites it after each pass',
  'foreign-entry': 'remove your entry from the map, or the tag from the job',
  'not-adopted': 'run once with --adopt to take it over, or remove it from haproxy.cfg',
  'backend-referenced': 'remove that line from haproxy.cfg; the next pass then removes the backend',
  'servers-short': 'raise the file descriptor limit of HAProxy, or lower slots.spare_factor',

  // haproxy.cfg lacks something: where to write what.
  'no-server-state-file':
    'in global: server-state-file /var/lib/haproxy/general/server-state, in the folder that ' +
    'dataplaneapi.yaml has as resources: general_storage_dir',
  'no-hard-stop-after': 'in global: hard-stop-after 5m',
  'no-idle-close-on-response': 'in that frontend, or its defaults: option idle-close-on-response',
  'frontend-missing': 'set haproxy.frontend (or haproxy.frontends) to a frontend of haproxy.cfg',
  'custom-backend-redispatch': 'in that backend, or its defaults: option redispatch 1',
  'custom-backend-state': 'in that backend, or its defaults: load-server-state-from-file global',
  'peers-missing': 'add that section to haproxy.cfg, or set haproxy.peers to one that is there',
  'out-of-scope': 'add the namespace to nomad.namespace, or remove what is left as the line says',
};
