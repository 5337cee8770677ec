import type { DegradedCode } from '../../../actual/normalise/degraded.js';
import type { ProblemCode } from '../../../diff/types.js';

/** What to do about what the operator's configuration lacks, or what blocks our work. */
export const fixes: Readonly<Record<DegradedCode | ProblemCode, string>> = {
  'no-server-state-file':
    "global: server-state-file FILE, in the folder of the Data Plane API's general storage",
  'no-hard-stop-after': 'global: hard-stop-after 5m',
  'no-idle-close-on-response': 'in that frontend or its defaults: option idle-close-on-response',
  'frontend-missing': 'add the frontend to haproxy.cfg, or name another in haproxy.frontend',
  'custom-backend-redispatch': 'in that backend or its defaults: option redispatch 1',
  'custom-backend-state': 'in that backend or its defaults: load-server-state-from-file global',
  'out-of-scope': 'name the namespace in nomad.namespace again, or remove them as described',
  'peers-missing': 'add that section to haproxy.cfg, or name another in haproxy.peers',
  'frontend-mode': 'name a frontend of that mode in haproxy.frontend or in the tag',
  'unstable-backend':
    'compare the section in haproxy.cfg with the plan: something rewrites it after each pass',
  'foreign-entry': 'remove your entry from the map, or the tag from the job',
  'not-adopted': 'run once with --adopt to take it over, or remove it from haproxy.cfg',
  'backend-referenced': 'remove that line from haproxy.cfg; the next pass then removes the backend',
  'servers-short': 'raise the file descriptor limit of HAProxy, or lower slots.spare_factor',
};
