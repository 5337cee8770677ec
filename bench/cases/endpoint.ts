import { waitFor } from '../../fixtures/process.js';
import { median } from '../bare-client.js';
import { controlled, msUntil, serversOf } from '../controlled.js';
import type { Figure } from '../figure.js';
import { backendOf, floorsOf } from '../floors.js';
import type { World } from '../world.js';

const rounds = 5;
/** Of removals, which are short and vary: where they fall into the loop's other work is chance. */
const removals = 30;
const long = { timeoutMs: 120_000 };

/** One instance comes, or goes; each time in another service, under the real loop. */
export async function benchEndpoint(world: World): Promise<Figure[]> {
  const { connector, cost, rest, stop } = await controlled(world);
  const floors = floorsOf(world);
  const write = { name: 'no-reload write', value: await floors.noReloadWrite() };
  const command = { name: 'runtime command', value: await floors.runtimeCommand() };
  floors.close();
  await connector.waitSettled();
  const came: number[] = [];
  const up: number[] = [];
  const went: number[] = [];
  const costs: { readonly comes: Cost[]; readonly goes: Cost[] } = { comes: [], goes: [] };
  const [, , port] = world.ports;
  const third = async (name: string) =>
    (await serversOf(world, backendOf(name))).find((server) => server.port === port);
  const isUp = async (name: string): Promise<boolean> => (await third(name))?.up === true;
  const add = (name: string): Promise<number> =>
    world.nomad.send({ kind: 'add-instance', name, port });
  const remove = async (name: string): Promise<void> => {
    const at = await world.nomad.send({ kind: 'stop-instance', name, port });
    went.push(await msUntil(at, 'it to go', async () => (await third(name))?.ready !== true));
  };
  try {
    for (let round = 0; round < rounds; round++) {
      const name = world.names[round % world.names.length] ?? '';
      costs.comes.push(
        await cost(async () => {
          const at = await add(name);
          const isReady = async () => (await third(name))?.ready === true;
          came.push(await msUntil(at, 'it to come', isReady));
          up.push(await msUntil(at, 'it to be up', () => isUp(name)));
        }),
      );
      costs.goes.push(await cost(() => remove(name)));
    }
    while (went.length < removals) {
      const names = world.names.slice(0, removals - went.length);
      for (const name of names) await add(name);
      for (const name of names) await waitFor(`${name} to be up`, () => isUp(name), long);
      await rest();
      for (const name of names) costs.goes.push(await cost(() => remove(name)));
    }
  } finally {
    await stop();
  }
  return [
    figure('endpoint comes: in HAProxy', world, came, write, costs.comes),
    figure('endpoint comes: checked and UP', world, up, write, costs.comes),
    figure('endpoint goes: no new request', world, went, command, costs.goes),
  ];
}

type Cost = Awaited<ReturnType<Awaited<ReturnType<typeof controlled>>['cost']>>;

function figure(
  name: string,
  { n }: World,
  times: readonly number[],
  floor: Figure['floor'],
  costs: readonly Cost[],
): Figure {
  return {
    ...{ name, n, floor },
    value: median(times),
    worst: Math.max(...times),
    nomadRequests: median(costs.map(({ nomad }) => nomad)),
    dataPlaneRequests: median(costs.map(({ dataPlane }) => dataPlane)),
    reloads: costs.reduce((sum, { reloads }) => sum + reloads, 0),
  };
}
