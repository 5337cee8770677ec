import { judgeClock } from '../model/clock.js';
import { masterLines } from '../model/dataplane-answers.js';
import { judgeLoaded } from '../model/loaded.js';
import { judgeMaps } from '../model/maps.js';
import { judgeVersion } from '../model/versions.js';
import { objectsOf, textAt } from '../../shared/json.js';
import {
  check,
  error,
  type Facts,
  type Finding,
  ok,
  type ProcessFact,
  type ReloadFact,
  type SectionsFact,
  warning,
} from '../types.js';

export const dataplaneChecks = [
  check({
    id: 'dataplane-reach',
    group: 'Data Plane API',
    about: 'the Data Plane API answers (DNS, connection, TLS, version 3), and accepts the password',
    remedy:
      '`haproxy.address`, `haproxy.ca_cert`, `haproxy.username`, `haproxy.password_file`, as the line says',
    needs: ['dataplane'],
    atStart: false,
    run: ({ dataplane: { at } }) => ok(`${at} answers, and accepts the password`),
  }),
  check({
    id: 'dataplane-version',
    group: 'Data Plane API',
    about: 'the version is one that was tested',
    remedy: 'a tested version',
    needs: ['dataplaneVersion'],
    atStart: true,
    run: ({ dataplaneVersion: { version } }) =>
      version === undefined
        ? ok('a development build, without a version')
        : judgeVersion('dataplane', version),
  }),
  check({
    id: 'dataplane-clock',
    group: 'Data Plane API',
    about: "its clock and this host's differ by at most 5 s",
    remedy: 'chrony or systemd-timesyncd on both hosts',
    needs: ['dataplane'],
    atStart: true,
    run: ({ dataplane: { aheadMs } }) => judgeClock('the Data Plane API', aheadMs),
  }),
];

/** After `haproxy-reach`, which says best what they may lack. */
export const reloadChecks = [
  check({
    id: 'reload-strategy',
    group: 'Data Plane API',
    about:
      "it talks to HAProxy's master socket: a reload through it tells whether HAProxy took the configuration",
    remedy:
      '`master_runtime` and `master_worker_mode: true` in dataplaneapi.yaml; HAProxy with `-W -S`',
    needs: ['process', 'sections'],
    atStart: true,
    run: ({ process, sections }) => judgeStrategy(process, sections),
  }),
  check({
    id: 'last-reload',
    group: 'Data Plane API',
    about: 'the last reload succeeded',
    remedy:
      'what HAProxy complains about in haproxy.cfg; a `reload_cmd` that works, or the master socket',
    needs: ['reloads'],
    atStart: false,
    run: ({ reloads }) => judgeReloads(reloads),
  }),
];

export const haproxyChecks = [
  check({
    id: 'haproxy-reach',
    group: 'HAProxy',
    about: 'HAProxy runs, and the Data Plane API reaches its socket',
    remedy: 'HAProxy with `-W -S /run/haproxy/master.sock`; the same socket as `master_runtime`',
    needs: ['process'],
    atStart: false,
    run: ({ process }) =>
      ok(`HAProxy answers${process.socket === undefined ? '' : ` on ${process.socket}`}`),
  }),
  check({
    id: 'haproxy-version',
    group: 'HAProxy',
    about: 'the version is one that was tested',
    remedy: 'a tested version',
    needs: ['process'],
    atStart: true,
    run: ({ process }) => judgeVersion('haproxy', process.version),
  }),
  check({
    id: 'master-worker',
    group: 'HAProxy',
    about: 'HAProxy runs in master-worker mode: reloads need it',
    remedy: 'HAProxy with `-W -S /run/haproxy/master.sock`',
    needs: ['process'],
    atStart: true,
    run: ({ process: { unstoppable } }) =>
      unstoppable === 0
        ? error('HAProxy has no master process, so that nothing can reload it', masterLines)
        : ok(unstoppable === undefined ? 'the Data Plane API does not tell' : 'master and worker'),
  }),
  check({
    id: 'loaded-configuration',
    group: 'HAProxy',
    about: 'HAProxy runs the file that the Data Plane API edits, as it is now',
    remedy:
      'reload HAProxy; `haproxy.config_file` of dataplaneapi.yaml: the file that HAProxy has as `-f`',
    needs: ['actual', 'sections', 'loaded'],
    atStart: false,
    run: ({ actual, sections, loaded }) => judgeLoaded(actual, sections, loaded),
  }),
  check({
    id: 'maps',
    group: 'HAProxy',
    about: 'HAProxy loads the map files of the Data Plane API, at the same paths',
    remedy:
      '`resources.maps_dir` of dataplaneapi.yaml: the folder that haproxy.cfg names, shared by both',
    needs: ['settings', 'actual', 'maps'],
    atStart: false,
    run: ({ settings, actual, maps }) => judgeMaps(settings, actual, maps),
  }),
];

export const descriptorCheck = check({
  id: 'descriptors',
  group: 'HAProxy',
  about: 'HAProxy has file descriptors for all servers that the services want, spare ones included',
  remedy:
    '`LimitNOFILE` of the unit, `ulimit -n`, `fd-hard-limit`, or a lower `maxconn` ([File descriptors](operations.md#file-descriptors))',
  needs: ['process', 'picture'],
  atStart: false,
  run: ({ process, picture }) => judgeDescriptors(process, picture),
});

function judgeStrategy({ socket }: ProcessFact, { global }: SectionsFact): Finding {
  if (socket === undefined) return ok('the Data Plane API does not tell which socket it uses');
  const stats = objectsOf(global['runtime_apis']).map((one) => textAt(one, 'address'));
  if (!stats.includes(socket)) return ok(`reloads go through the master socket, and are verified`);
  return error(
    `the Data Plane API uses the stats socket ${socket}: it reloads with reload_cmd, and can't tell ` +
      'whether HAProxy took the configuration',
    masterLines,
  );
}

function judgeReloads(reloads: readonly ReloadFact[]): Finding {
  const last = reloads.at(-1);
  if (last === undefined) return ok('none since the Data Plane API started');
  if (last.status !== 'failed') return ok(`${last.id}: ${last.status}`);
  return error(
    `reload ${last.id} failed${last.response === '' ? ' (see the log of the Data Plane API)' : `: ${last.response}`}`,
    last.response === '' ? masterLines : 'haproxy -c -f haproxy.cfg, and correct what it names',
  );
}

function judgeDescriptors(
  { maxSockets, maxConnections }: ProcessFact,
  { plan, actual }: Facts['picture'],
): Finding {
  const short = plan.problems.find(({ code }) => code === 'servers-short');
  const { fdHardLimit } = actual.global;
  if (short !== undefined) {
    const lower = maxConnections === undefined ? '' : `, or lower maxconn ${maxConnections}`;
    const raise = fdHardLimit === undefined ? '' : `, fd-hard-limit above ${fdHardLimit} in global`;
    return warning(short.message, `LimitNOFILE=1048576 in HAProxy's unit${raise}${lower}`);
  }
  return ok(`enough${maxSockets === undefined ? '' : ` (HAProxy reserves ${maxSockets})`}`);
}
