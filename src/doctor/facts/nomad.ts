import { setTimeout as delay } from 'node:timers/promises';

import { createTokenSource } from '../../observe/nomad/token.js';
import { createNomadClient, type NomadClient } from '../../observe/nomad/client.js';
import { namespacesOf } from '../../config/namespaces.js';
import { createVariableLock, lockBlock, lockNamespace } from '../../leader/lock.js';
import { createLineReader } from '../../observe/nomad/answers/heartbeat.js';
import type { Settings } from '../../config/types.js';
import { scopeOf } from '../../shared/concurrent.js';
import { asConnectorError } from '../../shared/errors.js';
import { isObject, objectsOf, textAt } from '../../shared/json.js';
import {
  maxNamespaces,
  namespacesLack,
  noLeader,
  tokenKind,
  tokenLack,
} from '../model/nomad-answers.js';
import type { Whom } from '../model/reach.js';
import { mayWriteVariable } from '../model/lock.js';
import {
  type LockFact,
  type Right,
  rights,
  type RightFact,
  type StreamFact,
  type TokenFact,
} from '../types.js';
import { type Ask, asker, type Reply } from './ask.js';
import { type Gatherers, Lacking } from './source.js';

type NomadFacts = Pick<
  Gatherers,
  'nomad' | 'nomadVersion' | 'token' | 'namespaces' | 'rights' | 'stream' | 'lock'
>;

/** Longer than that, and nobody waits for the doctor. */
const longestMs = 10_000;
/** Nomad sends the first heartbeat at once to those who may listen. */
const heartbeatMs = 3000;
const againMs = 200;

export function nomadFacts(
  settings: Settings,
  onToken: (token: string) => void = () => undefined,
): NomadFacts {
  const ask = nomadAsker(settings, onToken);
  const timeoutMs = requestMsOf(settings) + 1000;
  return {
    nomad: {
      timeoutMs,
      gather: async (_, signal) => {
        const reply = await ask('/v1/status/leader', signal);
        if (reply.status >= 500) throw new Lacking(noLeader(addressOf(settings), reply.status));
        return { at: addressOf(settings), ...aheadOf(reply) };
      },
    },
    nomadVersion: {
      timeoutMs: 2 * timeoutMs,
      gather: async (get, signal) => {
        await get('nomad');
        return versionOf(await ask('/v1/agent/self', signal));
      },
    },
    token: {
      timeoutMs: 2 * timeoutMs,
      gather: async (get, signal) => {
        await get('nomad');
        const { status, body } = await ask('/v1/acl/token/self', signal);
        const isSet = (settings.nomad.token ?? settings.nomad.tokenFile) !== undefined;
        if (status === 401 || status === 403) throw new Lacking(tokenLack(settings, isSet));
        return tokenKind(status, body);
      },
    },
    namespaces: {
      timeoutMs: 3 * timeoutMs,
      gather: async (get, signal) => {
        await get('token');
        const { status, body } = await ask('/v1/namespaces', signal);
        if (status !== 200) throw new Lacking(namespacesLack(status));
        return objectsOf(body).map((one) => textAt(one, 'Name'));
      },
    },
    rights: {
      timeoutMs: 6 * timeoutMs,
      gather: async (get, signal) => {
        const names = askedNamespaces(settings, await get('namespaces'));
        const all = rights.map(async (right) => [right, await rightIn(right, names, ask, signal)]);
        return Object.fromEntries(await Promise.all(all)) as Record<Right, RightFact[]>;
      },
    },
    stream: {
      timeoutMs: 2 * timeoutMs + heartbeatMs,
      gather: async (get, signal) => {
        await get('token');
        return listenAll(settings, signal);
      },
    },
    lock: {
      timeoutMs: 4 * timeoutMs,
      gather: async (get, signal) => {
        const { kind } = await get('token');
        return lockOf(settings, ask, kind, signal);
      },
    },
  };
}

function requestMsOf({ nomad }: Settings): number {
  return Math.min(nomad.requestTimeoutMs, longestMs);
}

function nomadAsker(settings: Settings, onToken: (token: string) => void): Ask {
  const { nomad, limits } = settings;
  const timeoutMs = requestMsOf(settings);
  const token = createTokenSource(nomad, onToken);
  const { address, unixSocket, region } = nomad;
  const at = unixSocket ?? address;
  const whom: Whom = { name: 'Nomad', section: 'nomad', at, timeoutMs };
  const base = unixSocket === undefined ? address : `unix:${unixSocket}:`;
  let ask: Ask | undefined;
  return (path, signal) => {
    // At the first question: TLS files that can't be used are this fact's failure.
    ask ??= asker({
      ...{ whom, base, tls: nomad, answerBytes: limits.answerBytes },
      headers: async () => {
        const value = await token.current();
        return value === undefined ? {} : { 'x-nomad-token': value };
      },
    });
    const separator = path.includes('?') ? '&' : '?';
    return ask(region === undefined ? path : `${path}${separator}region=${region}`, signal);
  };
}

function addressOf({ nomad }: Settings): string {
  return nomad.unixSocket ?? nomad.address;
}

function aheadOf({ aheadMs }: Reply): { aheadMs?: number } {
  return aheadMs === undefined ? {} : { aheadMs };
}

/** Needs `agent:read`, which the connector has no other use for. */
function versionOf({ status, body }: Reply): { version?: string } {
  const config = status === 200 && isObject(body) && isObject(body['config']) ? body['config'] : {};
  const { Version: version } = config;
  const text = isObject(version) ? textAt(version, 'Version') : '';
  return text === '' ? {} : { version: text };
}

/** Those of the settings; for all, those that Nomad shows. */
function askedNamespaces({ nomad }: Settings, shown: readonly string[]): readonly string[] {
  const named = namespacesOf(nomad.namespace);
  if (!named.includes('*')) return named.slice(0, maxNamespaces);
  return shown.length === 0 ? ['default'] : shown.slice(0, maxNamespaces);
}

/** No such object is needed: Nomad decides about the right first (measured with 2.0.5). */
const nobody = 'haproxy-nomad-connector-doctor';

const paths: Readonly<Record<Right, string>> = {
  jobs: '/v1/jobs?per_page=1',
  job: `/v1/job/${nobody}?`,
  services: `/v1/service/${nobody}?`,
  allocations: '/v1/allocations?per_page=1',
};

async function rightIn(
  right: Right,
  namespaces: readonly string[],
  ask: Ask,
  signal: AbortSignal,
): Promise<readonly RightFact[]> {
  const found: RightFact[] = [];
  for (const namespace of namespaces) {
    const query = `namespace=${encodeURIComponent(namespace)}`;
    const { status } = await ask(`${paths[right]}&${query}`.replace('?&', '?'), signal);
    found.push({ namespace, status });
  }
  return found;
}

/** Reads the variable, and the token's policies: whether it can be written is not tried. */
async function lockOf(
  settings: Settings,
  ask: Ask,
  kind: TokenFact['kind'],
  signal: AbortSignal,
): Promise<LockFact> {
  const { leader, nomad } = settings;
  if (leader === undefined) return { state: 'unset' };
  const { path } = leader;
  const namespace = lockNamespace(nomad);
  const common = { state: 'asked', path, namespace, block: lockBlock(path) } as const;
  const access = await lockAccess(settings, signal);
  if (access !== 'unknown') return { ...common, access };
  if (kind === 'acls-off' || kind === 'management') return { ...common, access: 'full' };
  const policies = await policiesOf(ask, signal);
  if (policies === undefined) return { ...common, access };
  const mayWrite = mayWriteVariable(policies, namespace, path);
  return { ...common, access: mayWrite ? 'full' : 'read-only' };
}

async function lockAccess(
  { leader, nomad, limits }: Settings,
  signal: AbortSignal,
): Promise<'refused' | 'others' | 'unknown'> {
  if (leader === undefined) return 'unknown';
  const client = createNomadClient({ settings: nomad, limits });
  try {
    await createVariableLock(client, leader, nomad).read(undefined, signal);
    return 'unknown';
  } catch (thrown) {
    const { code } = asConnectorError(thrown);
    if (code === 'nomad-refused') return 'refused';
    if (code === 'config-invalid') return 'others';
    throw thrown;
  } finally {
    client.close();
  }
}

/** Nomad shows a token its own policies (2.0.5); undefined: it doesn't. */
async function policiesOf(ask: Ask, signal: AbortSignal): Promise<readonly unknown[] | undefined> {
  const { status, body } = await ask('/v1/acl/policies', signal);
  const names = status === 200 ? objectsOf(body).map((one) => textAt(one, 'Name')) : [];
  if (names.length === 0) return undefined;
  const found = await Promise.all(
    names.map((name) => ask(`/v1/acl/policy/${encodeURIComponent(name)}`, signal)),
  );
  return found.every((one) => one.status === 200) ? found.map((one) => one.body) : undefined;
}

async function listenAll(settings: Settings, signal: AbortSignal): Promise<readonly StreamFact[]> {
  const client = createNomadClient({ settings: settings.nomad, limits: settings.limits });
  try {
    const names = namespacesOf(settings.nomad.namespace).slice(0, maxNamespaces);
    return await Promise.all(
      names.map(async (namespace) => ({
        namespace,
        state: await listen(client, namespace, signal),
      })),
    );
  } finally {
    client.close();
  }
}

/**
 * With the topics of the connector's own subscription. Nomad ends streams when a policy changes
 * (2.0.5), so one that ends without a word is opened again.
 */
async function listen(
  client: NomadClient,
  namespace: string,
  parent: AbortSignal,
): Promise<StreamFact['state']> {
  const scope = scopeOf(parent);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    scope.abort();
  }, heartbeatMs);
  try {
    while (!scope.signal.aborted) {
      if (await hears(client, namespace, scope.signal)) return 'heard';
      await delay(againMs, undefined, { signal: scope.signal });
    }
  } catch {
    if (!isLate) return 'failed';
  } finally {
    clearTimeout(timer);
    scope.done();
    scope.abort();
  }
  return 'silent';
}

/** Whether a line came before the stream ended. */
async function hears(
  client: NomadClient,
  namespace: string,
  signal: AbortSignal,
): Promise<boolean> {
  const query = { topic: ['Service', 'Allocation', 'Job'], namespace };
  const stream = await client.stream('/v1/event/stream', { query, signal });
  const lines = createLineReader();
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    if (lines.push(chunk).length > 0) return true;
  }
  return false;
}
