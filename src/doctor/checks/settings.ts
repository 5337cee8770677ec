import type { Hazard, HazardMessage } from '../../config/hazards.js';
import type { Settings } from '../../config/types.js';
import { check, error, type Finding, ok, orOk, warning } from '../types.js';

export const settingsChecks = [
  check({
    id: 'settings',
    group: 'Settings',
    about: 'the settings are valid, and files that they name can be read',
    remedy: 'correct the setting that the line names ([Configuration](configuration.md))',
    needs: ['settings'],
    atStart: false,
    run: () => ok('valid'),
  }),
  check({
    id: 'transport',
    group: 'Settings',
    about:
      'credentials and answers are safe on their way: https to other hosts, verified certificates',
    remedy: '`https://` in `nomad.address` and `haproxy.address`, with `ca_cert`',
    needs: ['hazards'],
    atStart: false,
    run: ({ hazards }) =>
      orOk(
        of(hazards, 'plain http to another host', 'the certificate is not verified').concat(
          of(hazards, 'TLS settings have no effect'),
        ),
        'no credential leaves this host in plain text',
      ),
  }),
  check({
    id: 'password',
    group: 'Settings',
    about: "the Data Plane API's password is not the default one",
    remedy: '`haproxy.password_file`, with the user of dataplaneapi.yaml',
    needs: ['hazards'],
    atStart: false,
    run: ({ hazards }) =>
      orOk(of(hazards, 'the default password is in use'), 'the password is not the default one'),
  }),
  check({
    id: 'secret-files',
    group: 'Settings',
    about: 'only their owner can read the files that hold secrets',
    remedy: '`chmod 0600` on the file',
    needs: ['hazards'],
    atStart: false,
    run: ({ hazards }) =>
      orOk(
        of(hazards, 'others can access a secret file'),
        'nobody else can read files with secrets',
      ),
  }),
  check({
    id: 'guard',
    group: 'Settings',
    about: 'the guard against losing what Nomad forgot is on',
    remedy: 'remove `guard.allow_removals`; `guard.traceless_hold: 5m`',
    needs: ['settings'],
    atStart: true,
    run: ({ settings }) => judgeGuard(settings),
  }),
  check({
    id: 'http-port',
    group: 'Settings',
    about: 'the port for health and metrics is free, or a connector listens there',
    remedy: 'another port in `http.listen`, or `off`',
    needs: ['settings', 'port'],
    atStart: false,
    run: ({ settings: { http }, port }) => {
      const at = `${http.host.includes(':') ? `[${http.host}]` : http.host}:${http.port}`;
      if (port.state === 'unusable') {
        return error(
          `${at} ${portTroubles[port.code] ?? "can't be used"} (${port.code})`,
          `set http.listen to a free port, such as 127.0.0.1:${http.port + 1}, or end the other program`,
        );
      }
      if (port.state === 'off') return ok('http.listen is off');
      return ok(port.state === 'free' ? `${at} is free` : `a connector listens on ${at}`);
    },
  }),
  check({
    id: 'route-files',
    group: 'Settings',
    about: 'the folder of the route files can be read',
    remedy: '`routes.directory`: an existing folder',
    needs: ['settings', 'routeFolder'],
    atStart: false,
    run: ({ settings, routeFolder }) => {
      const { directory = '' } = settings.routes;
      if ('code' in routeFolder) {
        const fix = `mkdir -p ${directory}, readable for this user, or set routes.directory`;
        return error(`${directory} can't be read (${routeFolder.code})`, fix);
      }
      return ok(routeFolder.state === 'unset' ? 'none are used' : `${directory} can be read`);
    },
  }),
];

const portTroubles: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is used by another program',
  EACCES: 'is a port that this user may not listen on',
  EADDRNOTAVAIL: 'is not an address of this host',
};

const fixes: Readonly<Record<HazardMessage, (fields: Hazard['fields']) => string>> = {
  'plain http to another host': ({ key = '', host = '' }) =>
    `${key}: https://${host}:..., with ${key.replace('address', 'ca_cert')}`,
  'the default password is in use': () =>
    'set haproxy.password_file, and that password in dataplaneapi.yaml, under dataplaneapi: user',
  'the certificate is not verified': () =>
    'remove nomad.skip_verify, and set nomad.ca_cert to the file of the authority',
  'TLS settings have no effect': ({ section = '' }) =>
    `set ${section}.address to an https:// URL, or remove ${section}.ca_cert, client_cert and tls_server_name`,
  'others can access a secret file': ({ path = '' }) => `chmod 0600 ${path}`,
};

function of(hazards: readonly Hazard[], ...messages: readonly HazardMessage[]): Finding[] {
  return hazards
    .filter(({ message }) => messages.includes(message))
    .map(({ message, fields }) => warning(saysOf(message, fields), fixes[message](fields)));
}

function saysOf(message: string, { key, host, path, mode, username, section }: Hazard['fields']) {
  const what = [key, host ?? path, mode, username && `user ${username}`, section];
  return `${message}: ${what.filter((one) => one !== undefined).join(' ')}`;
}

function judgeGuard({ guard }: Settings): readonly Finding[] {
  const found: Finding[] = [];
  if (guard.allowRemovals) {
    const says = 'guard.allow_removals is set: a wiped Nomad empties HAProxy at once';
    found.push(warning(says, 'remove guard.allow_removals; --allow-removals does it for one run'));
  }
  if (guard.tracelessHoldMs === 0) {
    const says = 'guard.traceless_hold is 0: what Nomad forgets goes at once';
    found.push(warning(says, 'guard.traceless_hold: 5m'));
  }
  if (guard.maxRemovalPercent >= 100) {
    const says = `guard.max_removal_percent is ${guard.maxRemovalPercent}: nothing is held back`;
    found.push(warning(says, 'guard.max_removal_percent: 30'));
  }
  return orOk(found, 'large removals without a cause are held');
}
