import { onePass } from '../../fixtures/stack/connector.js';
import { assemble } from '../../src/assembly.js';
import type { Settings } from '../../src/config/types.js';
import type { Figure } from '../figure.js';
import { floorsOf } from '../floors.js';
import type { World } from '../world.js';

/** All N backends get another form, as they do with a release or a setting. */
export async function benchChange(world: World): Promise<Figure[]> {
  const { checks } = world.settings;
  await world.pass();
  return [await passOver(world, 'change: apply', { checks: { ...checks, rise: 3 } })];
}

/** Half of the N services go, beside the other half. */
export async function benchRemove(world: World): Promise<Figure[]> {
  const { guard } = world.settings;
  const names = world.names.slice(world.n / 2);
  await world.pass();
  await world.nomad.send({ kind: 'remove-all', names });
  return [
    await passOver(world, 'remove half: apply', { guard: { ...guard, allowRemovals: true } }),
  ];
}

/** The time that the pass spends on writing. */
async function passOver(world: World, name: string, more: Partial<Settings>): Promise<Figure> {
  const { meter } = world;
  const settings = { ...world.settings, ...more };
  const { nomad, pass } = assemble(settings, { writes: true, hooks: meter.hooks });
  const reloadsBefore = await world.reloads();
  meter.take();
  try {
    const result = await onePass(pass, new AbortController().signal);
    if (result.rest.steps.length > 0) throw new Error(`${name}: something is left to do`);
  } finally {
    nomad.close();
  }
  const { phases, dataPlane, nomad: nomadRequests } = meter.take();
  const reloads = (await world.reloads()) - reloadsBefore;
  const floors = floorsOf(world);
  const floor = { name: 'forced load', value: await floors.forcedLoad() };
  floors.close();
  const counts = { nomadRequests, dataPlaneRequests: dataPlane, reloads };
  return { name, n: world.n, value: phases.apply ?? 0, floor, ...counts, phases };
}
