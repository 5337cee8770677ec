import type { TargetSettings } from '../../config/types.js';
import type { Lack } from '../types.js';

export function loginLack({ address, username }: TargetSettings, status: number): Lack {
  return {
    says: `the Data Plane API at ${address} refuses the password of user ${username} (HTTP ${status})`,
    fix:
      'set haproxy.username and haproxy.password_file (or HAPROXY_PASSWORD) to a user in ' +
      'dataplaneapi.yaml, under dataplaneapi: user',
    short: 'the Data Plane API refuses the password',
  };
}

export function notVersion3(at: string, status: number): Lack {
  return {
    says: `${at} is not a Data Plane API of version 3: /v3/info answers ${status}`,
    fix: 'install Data Plane API 3.0 or newer, or set haproxy.address to it',
    short: "the Data Plane API can't be reached",
  };
}

export const masterLines =
  'start HAProxy with -W -S /run/haproxy/master.sock, and write into dataplaneapi.yaml, under haproxy: ' +
  'master_worker_mode: true and master_runtime: /run/haproxy/master.sock';

export function noRuntime(why: string): Lack {
  return {
    says: `the Data Plane API doesn't reach HAProxy: ${why.replace(/\s+/g, ' ').slice(0, 300)}`,
    fix: masterLines,
    short: "the Data Plane API doesn't reach HAProxy",
  };
}
