import type { ConnectorError, ErrorCode } from '../../shared/errors.js';
import type { Lack } from '../types.js';

/** What to do about an error that a pass, or a part of one, fails with. */
const fixes: Readonly<Record<ErrorCode, string>> = {
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
  'haproxy-conflict': 'run doctor again: another program changes the configuration just now',
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
  aborted: 'run doctor again',
  internal: 'report this as a bug',
};

export function fixFor(code: ErrorCode): string {
  return fixes[code];
}

const shorts: Partial<Readonly<Record<ErrorCode, string>>> = {
  'nomad-unreachable': "Nomad can't be reached",
  'nomad-refused': 'Nomad refuses the token',
  'haproxy-unreachable': "the Data Plane API can't be reached",
  'haproxy-refused': 'the Data Plane API refuses the password',
  'haproxy-down': "the Data Plane API doesn't reach HAProxy",
};

export function lackOf({ code, message }: ConnectorError): Lack {
  return { says: message, fix: fixes[code], short: shorts[code] ?? message };
}
