/**
 * The scenario: a service comes, changes in every way that makes the connector ask for something
 * else, and goes again, so that the next lap begins where this one did. Another service stays as it is.
 */

import { readFile, writeFile } from 'node:fs/promises';

import { domainOf, enabledTags } from '../../fixtures/stack.js';
import { jump } from './clock.js';
import type { Late } from './platform.js';
import { ensureConnector, type World } from './world.js';

export interface Phase {
  readonly name: string;
  /** Phases of the same lap without which it makes no sense. */
  readonly needs: readonly string[];
  /** Before requests are counted. */
  readonly prepare?: (world: World) => Promise<void>;
  /** Resolves when Nomad has taken it. */
  readonly change: (world: World) => Promise<void>;
  /** A drain that goes on is as it should be. */
  readonly mayDrain?: true;
}

const wild = 'x.wild.example.com';
const more = 'more.example.com';
const domain = domainOf('late');
const tags = [...enabledTags('late'), 'haproxy.domain=*.wild.example.com'];
const withMore = [...tags, `haproxy.domain=${more}`];
const ends = 'service goes';
const begins = 'service comes';

/** By host: who should answer now; nobody but the operator's default, where it is empty. */
export function routesOf({ platform, late }: World): Readonly<Record<string, readonly string[]>> {
  const serving = platform.late;
  return { [domain]: serving, [wild]: serving, [more]: late?.tags === withMore ? serving : [] };
}

export const phases: readonly Phase[] = [
  {
    name: begins,
    needs: [ends],
    prepare: forgetMap,
    change: (world) => set(world, { count: 1, tags }),
  },
  {
    name: 'instance comes',
    needs: [begins, ends],
    change: (world) => set(world, { count: 2, tags }),
  },
  {
    name: 'instance goes',
    needs: [begins, 'instance comes', ends],
    change: (world) => set(world, { count: 1, tags }),
    mayDrain: true,
  },
  {
    name: 'drain ends',
    needs: [begins, 'instance comes', 'instance goes', ends],
    change: (world) => {
      // A drain lasts for 2 s at least.
      if (world.program === undefined) jump(3000);
      return nudge(world);
    },
  },
  {
    name: 'domain comes',
    needs: [begins, ends],
    change: (world) => retag(world, withMore),
  },
  {
    name: 'domain goes',
    needs: [begins, 'domain comes', ends],
    change: (world) => retag(world, tags),
  },
  {
    name: ends,
    needs: [begins],
    prepare: async (world) => {
      world.saved = await world.stack.configuration();
    },
    change: (world) => set(world, undefined),
  },
  { name: 'reload was lost', needs: [begins, ends], prepare: loseReload, change: nudge },
];

function set(world: World, late: Late | undefined): Promise<void> {
  world.late = late;
  return world.platform.set(late);
}

function retag(world: World, wanted: readonly string[]): Promise<void> {
  return set(world, { count: world.late?.count ?? 0, tags: wanted });
}

function nudge({ platform }: World): Promise<void> {
  return platform.nudge();
}

/** The service is the first with a wildcard again: its map is to be made, and its rules. */
async function forgetMap(world: World): Promise<void> {
  const { dp } = world.stack;
  const root = '/v3/services/haproxy';
  const rules = `${root}/configuration/frontends/http_front/backend_switching_rules`;
  const listed = ((await dp.send('GET', rules)).body ?? []) as { readonly name?: string }[];
  const found = [...listed.entries()].filter(([, { name }]) => name?.includes('nomad_wildcard'));
  if (found.length === 0) return;
  const { body: version } = await dp.send('GET', `${root}/configuration/version`);
  const opened = await dp.send('POST', `${root}/transactions?version=${version as number}`);
  const { id } = opened.body as { id: string };
  for (const [index] of found.reverse()) {
    await dp.send('DELETE', `${rules}/${index}?transaction_id=${id}`);
  }
  const { status } = await dp.send('PUT', `${root}/transactions/${id}?force_reload=true`);
  if (status >= 300) throw new Error(`the rules stay: ${status}`);
  await dp.send('DELETE', `${root}/storage/maps/nomad_wildcard.map?skip_reload=true`);
  await (await ensureConnector(world)).waitSettled();
}

/** HAProxy runs what was before, and the file has what came after. */
async function loseReload({ stack, load, saved }: World): Promise<void> {
  const { dp } = stack;
  if (saved === undefined) return;
  load.expectDown(true);
  await Promise.all([dp.killDataPlane(), dp.stopHaproxy()]);
  const after = await readFile(dp.dirs.config, 'utf8');
  await writeFile(dp.dirs.config, saved);
  await dp.startHaproxy();
  await writeFile(dp.dirs.config, after);
  await dp.startDataPlane();
  await stack.waitServed(domainOf('web'));
  load.expectDown(false);
}
