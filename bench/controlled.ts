/** The daemon's loop around a case, with its defaults, and what HAProxy's process says of a server. */

import { setTimeout as delay } from 'node:timers/promises';

import { type Connector, startConnector } from '../fixtures/stack/connector.js';
import { waitFor } from '../fixtures/process.js';
import { type Metered, type World, newMeter } from './world.js';

const long = { timeoutMs: 120_000 };
/** Longer than the debounce, so that the next change finds a quiet loop. */
const quietMs = 150;

export interface Controlled {
  readonly connector: Connector;
  /** What the task cost, from its first request to the loop being at rest again. */
  readonly cost: (task: () => Promise<void>) => Promise<Metered & { readonly reloads: number }>;
  /** No pass asks for another one. */
  readonly rest: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export async function controlled(world: World): Promise<Controlled> {
  const meter = newMeter();
  const connector = startConnector(world.settings, { hooks: meter.hooks });
  const rest = async (): Promise<void> => {
    await waitFor(
      'the loop to rest',
      () => {
        const last = connector.results.at(-1);
        return last !== undefined && last.rest.steps.length === 0 && !last.rest.inMotion;
      },
      long,
    );
  };
  await waitFor('the first pass', () => connector.results.length > 0, long);
  await rest();
  return {
    connector,
    rest,
    cost: async (task) => {
      const before = await world.reloads();
      const passes = connector.results.length;
      meter.take();
      await task();
      // What the task waited for may be there in the middle of a pass.
      await waitFor('a pass to end', () => connector.results.length > passes, long);
      await rest();
      await delay(quietMs);
      if (connector.failures.length > 0) throw connector.failures[0] as Error;
      return { ...meter.take(), reloads: (await world.reloads()) - before };
    },
    stop: () => connector.stop(),
  };
}

export interface SeenServer {
  readonly port: number;
  readonly ready: boolean;
  readonly up: boolean;
}

/** `show servers state`; without a backend, of all of them. */
export async function serversOf({ dp }: Pick<World, 'dp'>, backend = ''): Promise<SeenServer[]> {
  const text = await dp.haproxy.runtimeCommand(`show servers state ${backend}`.trim());
  return text
    .split('\n')
    .filter((line) => /^\d+ nomad_\S+ \d+ /.test(line))
    .map((line) => line.split(' '))
    .map((fields) => ({
      port: Number(fields[18]),
      ready: (Number(fields[6]) & 0x7b) === 0,
      up: Number(fields[5]) === 2,
    }));
}

/** Milliseconds from `since` (of the epoch) until the condition holds. */
export async function msUntil(
  since: number,
  what: string,
  condition: () => Promise<boolean>,
): Promise<number> {
  await waitFor(what, condition, { timeoutMs: 120_000, intervalMs: 2 });
  return Date.now() - since;
}
