import { type Dirs, globalSection } from '../fixtures/dataplane/config.js';

/** The operator's haproxy.cfg. The defaults have a name, or the data plane would give them one. */
export function operatorConfig(dirs: Dirs, frontendPort: number): string {
  return `# Kept by hand: the connector adds to it, and changes nothing in it
${globalSection(dirs)}
defaults web
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s

frontend http_front from web
  bind 127.0.0.1:${frontendPort}
  option idle-close-on-response
  # a route of the operator's own
  use_backend by_hand if { path_beg /by-hand }
  default_backend nothing_here

backend by_hand from web
  http-request return status 200 content-type text/plain string "by hand"

# Nothing else matched
backend nothing_here from web
  http-request return status 404 content-type text/plain string "nothing here"
`;
}
