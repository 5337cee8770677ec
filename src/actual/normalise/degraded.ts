import type { ActualBackend, ActualState } from '../types.js';

/** What the operator's configuration lacks. A metric label, so the set is bounded. */
export const degradedCodes = [
  'no-server-state-file',
  'no-hard-stop-after',
  'no-idle-close-on-response',
  'frontend-missing',
  'custom-backend-redispatch',
  'custom-backend-state',
  'out-of-scope',
  'peers-missing',
] as const;

export type DegradedCode = (typeof degradedCodes)[number];

export interface Degraded {
  readonly code: DegradedCode;
  readonly message: string;
}

/**
 * Without these, the connector runs with weaker guarantees. Each message says what to add and why.
 */
export function findDegraded(
  {
    global,
    frontends,
    backends,
    peers,
  }: Pick<ActualState, 'global' | 'frontends' | 'backends' | 'peers'>,
  names: readonly string[],
): readonly Degraded[] {
  const found: Degraded[] = [];
  if (global.serverStateFile === undefined) {
    found.push({
      code: 'no-server-state-file',
      message:
        "global has no server-state-file in the data plane's general storage: a reload sends " +
        'traffic to DOWN servers until their checks fail again',
    });
  }
  if (!global.hardStopAfter) {
    found.push({
      code: 'no-hard-stop-after',
      message:
        'global has no hard-stop-after: long-lived connections keep old workers running indefinitely',
    });
  }
  for (const name of names) {
    const frontend = frontends[name];
    if (frontend === undefined) {
      found.push({ code: 'frontend-missing', message: `frontend ${name} does not exist` });
    } else if (frontend.mode === 'http' && !frontend.idleCloseOnResponse) {
      found.push({
        code: 'no-idle-close-on-response',
        message:
          `frontend ${name} has no "option idle-close-on-response": ` +
          'a reload can cut requests on keep-alive connections',
      });
    }
  }
  if (peers?.exists === false) {
    found.push({
      code: 'peers-missing',
      message:
        `haproxy.peers: the section "peers ${peers.name}" does not exist: ` +
        'rate limits begin anew with each reload, and each HAProxy counts by itself',
    });
  }
  return [...found, ...Object.values(backends).flatMap(inCustomBackend), ...outsideOf(backends)];
}

/** What a namespace left that was in the settings before. */
function outsideOf(backends: ActualState['backends']): Degraded[] {
  const all = Object.values(backends).flatMap(({ name, outOfScope = [] }) =>
    outOfScope.map((service) => `${name} (${service})`),
  );
  if (all.length === 0) return [];
  const named = all.slice(0, maxNamed).join(', ');
  const more = all.length > maxNamed ? ` and ${all.length - maxNamed} more` : '';
  return [
    {
      code: 'out-of-scope',
      message:
        `services of namespaces that nomad.namespace does not name stay as they are: ${named}${more}. ` +
        'To remove them, run once with --allow-removals, their nomad.namespace and a tags.prefix ' +
        'that no job uses, then once with --allow-removals and these settings',
    },
  ];
}

const maxNamed = 10;

/** What the connector writes into its own backends is the operator's part in his. */
function inCustomBackend(backend: ActualBackend): Degraded[] {
  const { name, ours, slots, redispatches, loadsServerState } = backend;
  if (ours || slots.length === 0) return [];
  const found: Degraded[] = [];
  if (redispatches !== true) {
    found.push({
      code: 'custom-backend-redispatch',
      message:
        `backend ${name} has no "option redispatch 1": ` +
        'requests to an instance that just disappeared fail',
    });
  }
  if (loadsServerState !== true) {
    found.push({
      code: 'custom-backend-state',
      message:
        `backend ${name} has no "load-server-state-from-file global": ` +
        'a reload sends traffic to servers that were DOWN or not checked yet',
    });
  }
  return found;
}
