import { fork } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { freePort } from '../../fixtures/ports.js';
import { waitFor } from '../../fixtures/process.js';
import { domainOf } from '../../fixtures/stack.js';
import { median } from '../bare-client.js';
import { type Controlled, controlled, serversOf } from '../controlled.js';
import type { Figure } from '../figure.js';
import { backendOf, floorsOf } from '../floors.js';
import type { ReadyCommand, ReadyReply } from '../ready-app.js';
import type { World } from '../world.js';

/** Without probes a sample takes as long as the check's interval. */
const samples = { on: 30, off: 5 } as const;

/** From the moment an instance listens (and is registered) to its first request. */
export async function benchReady(world: World): Promise<Figure[]> {
  const floors = floorsOf(world);
  const floor = { name: 'runtime command', value: await floors.runtimeCommand() };
  floors.close();
  const figures: Figure[] = [];
  for (const probe of ['on', 'off'] as const) {
    const { checks } = world.settings;
    const settings = { ...world.settings, checks: { ...checks, probe: probe === 'on' } };
    const running = await controlled({ ...world, settings });
    try {
      for (const [what, measure] of [
        ['late', listensLate],
        ['already', listensAlready],
      ] as const) {
        const times: number[] = [];
        for (let at = 0; at < samples[probe]; at++) {
          times.push(await sample(world, running, at, measure));
        }
        const name = `first request, listens ${what}, probes ${probe}`;
        const { n } = world;
        figures.push({ name, n, floor, value: median(times), worst: Math.max(...times) });
      }
    } finally {
      await running.stop();
    }
  }
  return figures;
}

type Measure = (
  app: ReadyApp,
  register: () => Promise<number>,
  bound: () => Promise<void>,
) => Promise<number>;

const listensAlready: Measure = async (app, register) => {
  await app.listen();
  const registered = await register();
  return (await app.served) - registered;
};

const listensLate: Measure = async (app, register, bound) => {
  await register();
  await bound();
  await delay(500 + 2000 * Math.random());
  const listens = await app.listen();
  return (await app.served) - listens;
};

async function sample(
  world: World,
  { rest }: Controlled,
  at: number,
  measure: Measure,
): Promise<number> {
  const name = world.names[at % world.names.length] ?? '';
  const port = await freePort();
  const host = domainOf(name);
  const app = startReadyApp({ port, frontendPort: world.dp.frontendPort, host });
  const find = async () =>
    (await serversOf(world, backendOf(name))).find((server) => server.port === port);
  const bound = async (): Promise<void> => {
    await waitFor('it to be bound', async () => (await find())?.ready === true);
  };
  try {
    const register = () => world.nomad.send({ kind: 'add-instance', name, port });
    const ms = await measure(app, register, bound);
    await world.nomad.send({ kind: 'stop-instance', name, port });
    await waitFor('it to go', async () => (await find())?.ready !== true);
    await rest();
    return ms;
  } finally {
    app.close();
  }
}

interface ReadyApp {
  /** When it did. */
  listen(): Promise<number>;
  /** When it had its first request. */
  readonly served: Promise<number>;
  close(): void;
}

function startReadyApp(command: ReadyCommand): ReadyApp {
  const file = resolve(import.meta.dirname, '../ready-app.ts');
  const child = fork(file, { execArgv: ['--import', 'tsx'], stdio: 'inherit' });
  const heard = (key: keyof ReadyReply): Promise<number> =>
    new Promise((done) => {
      child.on('message', ({ [key]: at }: ReadyReply) => {
        if (at !== undefined) done(at);
      });
    });
  const [listens, served] = [heard('listens'), heard('served')];
  return {
    listen: () => {
      child.send(command);
      return listens;
    },
    served,
    close: () => void child.kill(),
  };
}
