import { type DegradedCode, findDegraded } from '../../actual/normalise/degraded.js';
import type { ActualState } from '../../actual/types.js';
import type { Settings } from '../../config/types.js';
import { isObject, type JsonObject, objectsOf, textAt } from '../../shared/json.js';
import { fixes } from '../model/fixes.js';
import { check, error, type Finding, orOk, type SectionsFact, warning } from '../types.js';

/** Without it nothing is routed. The rest costs requests only when something happens. */
const severe: readonly DegradedCode[] = ['frontend-missing'];

export const configurationChecks = [
  degradedCheck(
    'server-state-file',
    'a reload keeps the state of servers: `server-state-file`',
    ['no-server-state-file'],
    'global has a server-state-file in the general storage',
  ),
  degradedCheck(
    'hard-stop-after',
    'old workers end: `hard-stop-after`',
    ['no-hard-stop-after'],
    'global has hard-stop-after',
  ),
  degradedCheck(
    'frontend',
    'the frontends of `haproxy.frontend` exist',
    ['frontend-missing'],
    'the frontends exist',
  ),
  check({
    id: 'frontend-binds',
    group: 'haproxy.cfg',
    about:
      'these frontends listen somewhere, and have a `default_backend` for hosts without a route',
    remedy: '`bind :443 ...` and `default_backend ...` in the frontend',
    needs: ['settings', 'sections'],
    atStart: true,
    run: ({ settings, sections }) => judgeFrontends(settings, sections),
  }),
  degradedCheck(
    'idle-close',
    'a reload cuts no keep-alive connection: `option idle-close-on-response`',
    ['no-idle-close-on-response'],
    'the frontends have option idle-close-on-response',
  ),
  degradedCheck(
    'custom-backends',
    "your backends with the connector's servers: `option redispatch 1`, `load-server-state-from-file global`",
    ['custom-backend-redispatch', 'custom-backend-state'],
    'backends with servers of the connector lose no request',
  ),
  degradedCheck(
    'peers',
    'the section of `haproxy.peers` exists',
    ['peers-missing'],
    'haproxy.peers names no section that is missing',
  ),
  check({
    id: 'custom-retries',
    group: 'haproxy.cfg',
    about: 'the same backends try a failed connection again: `retries` and `retry-on` allow it',
    remedy: '`retries 3` and `retry-on conn-failure` in that backend, or its defaults',
    needs: ['actual', 'sections'],
    atStart: true,
    run: ({ actual, sections }) => judgeRetries(actual, sections),
  }),
  check({
    id: 'defaults',
    group: 'haproxy.cfg',
    about:
      'the defaults that new backends inherit: timeouts, `retries` above 0, no `http-reuse always`',
    remedy: 'the line that is named, in that defaults section',
    needs: ['actual', 'sections'],
    atStart: true,
    run: ({ actual, sections }) => judgeDefaults(actual, sections),
  }),
];

export const scopeCheck = degradedCheck(
  'out-of-scope',
  'no service is left of a namespace that the settings no longer name',
  ['out-of-scope'],
  'nothing is left of other namespaces',
  'Connector',
);

function degradedCheck(
  id: string,
  about: string,
  codes: readonly DegradedCode[],
  good: string,
  group: 'haproxy.cfg' | 'Connector' = 'haproxy.cfg',
) {
  return check({
    id,
    group,
    about,
    remedy: codes.map((code) => fixes[code]).join('; '),
    needs: ['settings', 'actual', 'sections'],
    atStart: false,
    run: ({ settings, actual, sections }) => {
      const found = findDegraded(actual, settings.haproxy.frontends).filter(({ code }) =>
        codes.includes(code),
      );
      return orOk(
        found.map(({ code, message }) =>
          severe.includes(code)
            ? error(message, fixOf(code, sections))
            : warning(message, fixOf(code, sections)),
        ),
        good,
      );
    },
  });
}

/** With the names that haproxy.cfg has. */
function fixOf(code: DegradedCode, { global, frontends }: SectionsFact): string {
  if (code === 'frontend-missing' && frontends.length > 0) {
    const names = frontends.map((one) => textAt(one, 'name')).join(', ');
    return `${fixes[code]}: ${names}`;
  }
  const file = stateFileOf(global);
  if (code === 'no-server-state-file' && file !== '') {
    return `${file} is elsewhere. ${fixes[code]}`;
  }
  return fixes[code];
}

/** Data Plane API 3.0 has it at the top. */
function stateFileOf(global: JsonObject): string {
  const { performance_options: performance } = global;
  const inside = isObject(performance) ? textAt(performance, 'server_state_file') : '';
  return inside || textAt(global, 'server_state_file');
}

function judgeFrontends({ haproxy }: Settings, { frontends }: SectionsFact): readonly Finding[] {
  const routed = frontends.filter((one) => haproxy.frontends.includes(textAt(one, 'name')));
  const found = routed.flatMap((one): Finding[] => {
    const name = textAt(one, 'name');
    const binds = isObject(one['binds']) ? Object.keys(one['binds']) : objectsOf(one['binds']);
    const findings: Finding[] = [];
    if (binds.length === 0) {
      findings.push(error(`frontend ${name} has no bind: nothing reaches it`, `in it: bind :443`));
    }
    if (textAt(one, 'default_backend') === '') {
      const says = `frontend ${name} has no default_backend: a host without a route gets a 503`;
      findings.push(warning(says, 'in it: default_backend NAME, of a backend that answers 404'));
    }
    return findings;
  });
  return orOk(
    found,
    routed.length === 0 ? 'see frontend' : 'they listen, and have a default_backend',
  );
}

/** HAProxy's own are `retries 3` and `retry-on conn-failure` (configuration manual, 4.2). */
function judgeRetries({ backends }: ActualState, sections: SectionsFact): readonly Finding[] {
  const found = Object.values(backends).flatMap(({ name, ours, slots }): Finding[] => {
    if (ours || slots.length === 0) return [];
    const own = sections.backends.find((one) => textAt(one, 'name') === name) ?? {};
    const defaults = sections.defaults.find((one) => textAt(one, 'name') === textAt(own, 'from'));
    const { retries, retry_on: on } = { ...defaults, ...own };
    const findings: Finding[] = [];
    if (retries === 0) {
      const says = `backend ${name} has retries 0: a failed connection is a failed request`;
      findings.push(warning(says, 'in that backend: retries 3'));
    }
    if (typeof on === 'string' && !/\b(conn-failure|all-retryable-errors)\b/.test(on)) {
      const says = `backend ${name} has retry-on ${on}: a failed connection is a failed request`;
      findings.push(
        warning(says, `in that backend: retry-on conn-failure ${on}`.replace(/ none$/, '')),
      );
    }
    return findings;
  });
  return orOk(found, 'failed connections are tried again');
}

/** HAProxy warns of each, and without them waits for as long as the other side likes. */
const timeouts = [
  ['connect_timeout', 'timeout connect 5s'],
  ['client_timeout', 'timeout client 30s'],
  ['server_timeout', 'timeout server 30s'],
] as const;

function judgeDefaults({ defaults }: ActualState, sections: SectionsFact): readonly Finding[] {
  const section = sections.defaults.find((one) => textAt(one, 'name') === defaults);
  if (section === undefined) {
    const says = 'new backends have no defaults: haproxy.cfg has none, or the frontend names none';
    return [warning(says, 'defaults web ..., and: frontend NAME from web')];
  }
  const found: Finding[] = timeouts
    .filter(([key]) => typeof section[key] !== 'number')
    .map(([, line]) =>
      warning(`defaults ${defaults} has no ${line.replace(/ \S+$/, '')}`, `in it: ${line}`),
    );
  if (section['retries'] === 0) {
    const says = `defaults ${defaults} has retries 0: a failed connection is a failed request`;
    found.push(warning(says, 'in it: retries 3'));
  }
  if (section['http_reuse'] === 'always') {
    const says =
      `defaults ${defaults} has http-reuse always: the first request of a client can fail with the ` +
      'connection that it was sent on';
    found.push(warning(says, 'in it: http-reuse safe'));
  }
  return orOk(found, `defaults ${defaults} fits`);
}
