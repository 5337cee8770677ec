/** Nomad's variable lock: https://developer.hashicorp.com/nomad/api-docs/variables/locks */

import { hostname } from 'node:os';

import type { LeaderSettings, NomadSettings } from '../config/types.js';
import type { NomadClient, NomadResponse } from '../observe/nomad/client.js';
import { never } from '../shared/concurrent.js';
import { asConnectorError, ConnectorError } from '../shared/errors.js';
import { isObject, type Json } from '../shared/json.js';

/** A lock that was taken. */
export interface Held {
  readonly id: string;
  /** The variable's ModifyIndex. Later holders have a higher one. */
  readonly term: number;
}

/** What everybody may read of it. */
export interface Seen {
  readonly index: number;
  /** Who took it last. It stays when the lock is free, so it doesn't say that it is held. */
  readonly holder?: string;
  /** The variable's ModifyIndex: while it is held, the holder's term. */
  readonly term?: number;
}

export interface VariableLock {
  readonly path: string;
  /** What this process calls itself as a holder: `host/pid`. */
  readonly ownName: string;
  /** Waits until the variable differs from what was seen, or for a while. */
  readonly read: (since: Seen | undefined, signal: AbortSignal) => Promise<Seen>;
  /** Undefined: another holds it. Each refusal is a Raft write of Nomad's, so only try after a change. */
  readonly acquire: () => Promise<Held | undefined>;
  /** False: it is lost. An error says nothing about the lock. */
  readonly renew: (id: string) => Promise<boolean>;
  readonly release: (id: string) => Promise<void>;
}

const waitMs = 60_000;
const holderKey = 'holder';
const conflict = 409;

export function createVariableLock(
  client: NomadClient,
  leader: LeaderSettings,
  nomad: Pick<NomadSettings, 'namespace' | 'requestTimeoutMs'>,
): VariableLock {
  const { path } = leader;
  const namespace = lockNamespace(nomad);
  const url = `/v1/var/${path.split('/').map(encodeURIComponent).join('/')}`;
  // A late answer must leave time for another try before the time to live is over.
  const timeoutMs = Math.min(nomad.requestTimeoutMs, leader.ttlMs / 3);
  const ownName = `${hostname()}/${process.pid}`;

  async function operate(operation: string, more: object): Promise<NomadResponse> {
    const json = { Namespace: namespace, Path: path, ...more };
    const query = { namespace, [`lock-${operation}`]: '' };
    const options = { query, json, signal: never, timeoutMs, allow: [conflict] };
    return client.put(url, options).catch(explain(path, namespace));
  }

  return {
    ...{ path, ownName },
    read: async (since, signal) => {
      const blocking = since === undefined ? {} : { index: since.index, wait: `${waitMs}ms` };
      const answer = await client
        .get(url, {
          ...{ query: { namespace, ...blocking }, signal, allow: [404] },
          ...(since === undefined ? {} : { waitMs: waitMs + waitMs / 16 }),
        })
        .catch(explain(path, namespace));
      return seenIn(answer, path);
    },
    acquire: async () => {
      const Lock = { TTL: `${leader.ttlMs}ms`, LockDelay: `${leader.delayMs}ms` };
      const Items = { [holderKey]: ownName };
      const answer = await operate('acquire', { Items, Lock });
      return answer.status === conflict ? undefined : heldIn(answer.body, path);
    },
    renew: async (ID) => (await operate('renew', { Lock: { ID } })).status !== conflict,
    release: async (ID) => {
      await operate('release', { Lock: { ID } });
    },
  };
}

/** Of the variable: the first that is named. */
export function lockNamespace({ namespace }: Pick<NomadSettings, 'namespace'>): string {
  const [first = 'default'] = namespace.split(',');
  return first === '*' ? 'default' : first;
}

function seenIn({ status, index, body }: NomadResponse, path: string): Seen {
  if (status === 404) return { index };
  const items = isObject(body) ? (body as { Items?: Json }).Items : undefined;
  const holder = isObject(items) ? items[holderKey] : undefined;
  const isOurs = items === undefined || items === null || holder !== undefined;
  if (!isOurs && Object.keys(items).length > 0) {
    const message = `leader.lock_path: the variable ${path} holds something else, which the lock would overwrite`;
    throw new ConnectorError('config-invalid', message, { retryable: false });
  }
  const term = isObject(body) ? (body as { ModifyIndex?: Json }).ModifyIndex : undefined;
  return {
    index,
    ...(typeof holder === 'string' ? { holder } : {}),
    ...(typeof term === 'number' ? { term } : {}),
  };
}

function heldIn(body: unknown, path: string): Held {
  const { ModifyIndex: term, Lock: lock } = body as Readonly<Record<string, Json | undefined>>;
  const id = isObject(lock) ? lock['ID'] : undefined;
  if (typeof id === 'string' && typeof term === 'number') return { id, term };
  throw new ConnectorError('nomad-untrusted', `Nomad's answer about the lock ${path} has no ID`);
}

/** Nomad's answer to a token without the right names no right. */
function explain(path: string, namespace: string): (error: unknown) => never {
  return (thrown) => {
    const error = asConnectorError(thrown);
    if (error.code !== 'nomad-refused') throw error;
    throw new ConnectorError('nomad-refused', `${rightsFor(path, namespace)} (${error.message})`);
  };
}

/** What a policy needs for it. */
export function lockBlock(path: string): string {
  return `variables { path "${path}" { capabilities = ["read", "write"] } }`;
}

/** An extra block for the same namespace would hide the rights that "*" gives there. */
function rightsFor(path: string, namespace: string): string {
  return `Nomad refuses the lock: add ${lockBlock(path)} to the namespace block of the token's policy that covers ${namespace}`;
}
