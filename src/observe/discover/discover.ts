/** Finds HAProxies in Nomad's catalog, and keeps finding them. */

import { setTimeout as delay } from 'node:timers/promises';

import type { DiscoverSettings, TargetSettings } from '../../config/types.js';
import { createBackoff } from '../../shared/backoff.js';
import { asConnectorError, type ConnectorError } from '../../shared/errors.js';
import { nomadApi } from '../nomad/api.js';
import type { NomadClient } from '../nomad/client.js';
import { judge } from './model/judge.js';
import type { DiscoverRead, Judged, Member, Members } from './model/types.js';
import { readInstances } from './read.js';

export interface DiscoverOptions {
  readonly client: NomadClient;
  readonly discover: DiscoverSettings;
  /** How long an absence without a trace must last, in milliseconds. */
  readonly holdMs: number;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

export interface DiscoveryOptions extends DiscoverOptions {
  /** Longest time between two reads, in milliseconds. */
  readonly intervalMs: number;
  /** After each read. */
  readonly onJudged: (judged: Judged) => void;
  /** The last list stays. */
  readonly onFailed: (error: ConnectorError) => void;
  readonly signal: AbortSignal;
}

export interface Discovery {
  /** Resolves after the abort. */
  readonly done: Promise<void>;
}

const nothingKnown: Members = { members: [], index: 0 };

/** Time between reads while one has to be followed by another soon. */
const openMs = 500;
/** Least time between reads: many instances come at once, and a proxy may not block. */
const leastPauseMs = 100;
const backoffMs = { min: 250, max: 10_000 };

/** One read, for a single run. */
export async function discoverOnce(options: DiscoverOptions, signal: AbortSignal): Promise<Judged> {
  const read = await readInstances(nomadApi(options.client), options.discover, signal);
  return judgeBy(options, nothingKnown, read);
}

/** Reads at each change of the service, until the signal. */
export function startDiscovery(options: DiscoveryOptions): Discovery {
  const { client, discover, signal } = options;
  const api = nomadApi(client);
  const backoff = createBackoff(backoffMs.min, backoffMs.max);
  let known = nothingKnown;

  async function step(): Promise<void> {
    const read = await readInstances(api, discover, signal);
    const judged = judgeBy(options, known, read);
    known = judged;
    options.onJudged(judged);
    backoff.reset();
    await delay(judged.isOpen ? openMs : leastPauseMs, undefined, { signal });
    if (!judged.isOpen) await changed(options, read.index);
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        await step();
      } catch (error) {
        if (signal.aborted) return;
        options.onFailed(asConnectorError(error));
        await backoff.wait(signal);
      }
    }
  }
  return { done: run() };
}

function judgeBy(
  { discover, holdMs, now = Date.now }: DiscoverOptions,
  known: Members,
  read: DiscoverRead,
) {
  return judge(known, read, { ...discover, holdMs, now: now() });
}

/** Waits for a change of the service, or until a read is due. */
async function changed(
  { client, discover, intervalMs, signal }: DiscoveryOptions,
  index: number,
): Promise<void> {
  const { service, namespace } = discover;
  await client.get(`/v1/service/${encodeURIComponent(service)}`, {
    query: { namespace, index, wait: `${Math.ceil(intervalMs)}ms` },
    signal,
    ofOne: true,
    // Nomad adds up to a sixteenth to the wait.
    waitMs: Math.ceil(intervalMs * (17 / 16)),
  });
}

export function targetOf({ shared }: DiscoverSettings, member: Member): TargetSettings {
  const { name, address, allocation } = member;
  return { ...shared, name, address, allocation };
}
