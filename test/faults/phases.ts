/**
 * The scenario: a service comes, changes in every way that makes the connector ask for something
 * else, and goes again, so that the next lap begins where this one did. Another service stays as it is.
 */

import { readFile, writeFile } from 'node:fs/promises';

import { domainOf, enabledTags } from '../../fixtures/stack.js';
import { allocOf, at } from '../stack/helpers.js';
import { updateInPlace } from '../deploys/stack.js';
import { jump } from './clock.js';
import { ensureConnector, type World } from './world.js';

export interface Phase {
  readonly name: string;
  /** Phases of the same lap without which it makes no sense. */
  readonly needs: readonly string[];
  /** Before requests are counted. */
  readonly prepare?: (world: World) => Promise<void>;
  readonly change: (world: World) => void;
  /** A drain that goes on is as it should be. */
  readonly mayDrain?: true;
}

const wild = 'x.wild.example.com';
const more = 'more.example.com';
const late = domainOf('late');
const tags = [...enabledTags('late'), 'haproxy.domain=*.wild.example.com'];
const ends = 'service goes';
const begins = 'service comes';

/** By host: who should answer now; nobody but the operator's default, where it is empty. */
export function routesOf({ serving, hasMore }: World): Readonly<Record<string, readonly string[]>> {
  return { [late]: serving, [wild]: serving, [more]: hasMore ? serving : [] };
}

export const phases: readonly Phase[] = [
  {
    name: begins,
    needs: [ends],
    prepare: forgetMap,
    change: (world) => {
      world.late = world.stack.serve('late', [world.apps[2]!], { tags });
      world.serving = ['c'];
    },
  },
  {
    name: 'instance comes',
    needs: [begins, ends],
    change: (world) => {
      world.late?.addInstance(at(world.apps[3]!));
      world.serving = ['c', 'd'];
    },
  },
  {
    name: 'instance goes',
    needs: [begins, 'instance comes', ends],
    change: (world) => {
      const { nomad } = world.stack;
      nomad.stopAlloc(allocOf(nomad, world.apps[2]!));
      world.serving = ['d'];
    },
    mayDrain: true,
  },
  {
    name: 'drain ends',
    needs: [begins, 'instance comes', 'instance goes', ends],
    change: (world) => {
      // A drain lasts for 2 s at least.
      if (world.program === undefined) jump(3000);
      nudge(world);
    },
  },
  {
    name: 'domain comes',
    needs: [begins, ends],
    change: (world) => retag(world, [...tags, `haproxy.domain=${more}`], true),
  },
  {
    name: 'domain goes',
    needs: [begins, 'domain comes', ends],
    change: (world) => retag(world, tags, false),
  },
  {
    name: ends,
    needs: [begins],
    prepare: async (world) => {
      world.saved = await world.stack.configuration();
    },
    change: (world) => {
      world.stack.nomad.removeService('late');
      world.late = undefined;
      [world.serving, world.hasMore] = [[], false];
    },
  },
  { name: 'reload was lost', needs: [begins, ends], prepare: loseReload, change: nudge },
];

function retag(world: World, wanted: readonly string[], hasMore: boolean): void {
  if (world.late !== undefined) updateInPlace(world.stack, world.late, wanted);
  world.hasMore = hasMore;
}

/** Nomad's index moves, and nothing else: a pass. */
export function nudge({ stack }: Pick<World, 'stack'>): void {
  stack.nomad.state.commit('ServiceRegistration', (tx) => tx.touch('services'));
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
