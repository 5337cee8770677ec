/** The rows of the table: what goes wrong when a request is there. */

import { createServer, type Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { freePort } from '../../fixtures/ports.js';
import { waitFor } from '../../fixtures/process.js';
import type { Verdict } from '../../fixtures/stack/interceptor.js';
import { domainOf } from '../../fixtures/stack.js';
import { jump } from './clock.js';
import type { Step } from './steps.js';
import type { World } from './world.js';

export interface Fault {
  readonly name: string;
  /** The connector is a process of its own. */
  readonly program?: true;
  readonly fits: (step: Step) => boolean;
  /** Why it can't be had here. */
  readonly missing?: (world: World) => string | undefined;
  /** Once the stack is settled, before anything changes. */
  readonly before?: (world: World) => Promise<void>;
  /** When the request of the step is there. */
  readonly strike: (world: World) => Verdict | Promise<Verdict>;
  /** After that, what an operator's service manager would do. Nobody looks after the connector. */
  readonly recover?: (world: World) => Promise<void>;
  /** Before the last checks. */
  readonly after?: (world: World) => Promise<void>;
}

const any = (): boolean => true;
const writes = ({ isWrite }: Step): boolean => isWrite;
const toNomad = ({ party }: Step): boolean => party === 'nomad';
const toDataPlane = ({ party }: Step): boolean => party === 'dataplane';
const onlyOnce = ({ request, party }: Step): boolean =>
  party === 'dataplane' && !request.includes('(tx)') && !request.startsWith('GET storage');
const lists = ({ request }: Step): boolean =>
  /^(services|allocations|jobs|GET (runtime\/backends|storage\/maps|configuration\/backends|transactions))/.test(
    request,
  );
/** How long something stalls; well below every timeout. */
const stallMs = 300;

const answered = (status: number): Fault => ({
  name: `answered ${status}`,
  fits: any,
  strike: () => ({ answer: { status, body: { code: status, message: `the fault: ${status}` } } }),
});

const answers: readonly Fault[] = [
  { name: 'never arrives', fits: any, strike: () => 'cut' },
  { name: 'answer lost', fits: writes, strike: () => 'cut-answer' },
  { name: 'answered slowly', fits: any, strike: () => ({ delayMs: stallMs }) },
  { name: 'answered too late', fits: writes, strike: () => ({ delayMs: 3300 }) },
  ...[400, 404, 409, 500].map(answered),
  { name: 'answered with garbage', fits: any, strike: () => ({ rewrite: () => '{"fault": [nul' }) },
  {
    name: 'answered 202, never done',
    fits: writes,
    strike: () => ({ answer: { status: 202, body: null } }),
  },
  {
    name: 'done, but answered 500',
    fits: writes,
    strike: () => ({ doneBut: { status: 500, body: { code: 500, message: 'the fault: done' } } }),
  },
  {
    name: 'list cut short',
    fits: lists,
    strike: () => ({ rewrite: half }),
  },
];

function half(body: string): string {
  const all = JSON.parse(body) as unknown;
  return Array.isArray(all) ? JSON.stringify(all.slice(0, all.length / 2)) : body;
}

/** Until a pass has failed for it, or none will. */
async function noticed({ connector }: World): Promise<void> {
  const known = connector?.failures.length ?? 0;
  const end = performance.now() + 600;
  while (performance.now() < end && (connector?.failures.length ?? 0) === known) await pause(10);
}

const connectors: readonly Fault[] = [
  {
    name: 'connector killed',
    program: true,
    fits: writes,
    strike: killProgram('SIGKILL'),
  },
  {
    name: 'connector stalled',
    program: true,
    fits: writes,
    strike: ({ program }) => {
      const pid = program?.pid ?? 0;
      process.kill(pid, 'SIGSTOP');
      setTimeout(() => process.kill(pid, 'SIGCONT'), stallMs);
      return undefined;
    },
    recover: () => pause(stallMs),
  },
  {
    name: 'connector restarted',
    program: true,
    fits: writes,
    strike: (world) => {
      world.program?.stop('SIGTERM', 15_000).catch(() => undefined);
      return undefined;
    },
    recover: async (world) => {
      await world.program?.stop('SIGTERM', 15_000);
      world.program = undefined;
    },
  },
];

function killProgram(signal: NodeJS.Signals): Fault['strike'] {
  return async (world) => {
    const { program } = world;
    world.program = undefined;
    await program?.stop(signal);
    return undefined;
  };
}

const dataPlanes: readonly Fault[] = [
  {
    name: 'data plane killed before',
    fits: writes,
    strike: async ({ stack }): Promise<Verdict> => {
      await stack.dp.killDataPlane();
      return 'cut';
    },
    recover: restartDataPlane,
  },
  {
    name: 'data plane killed after',
    fits: writes,
    strike: ({ stack }) => ({ done: () => stack.dp.killDataPlane() }),
    recover: restartDataPlane,
  },
  {
    name: 'data plane killed meanwhile',
    fits: writes,
    strike: ({ stack }) => {
      setTimeout(() => void stack.dp.killDataPlane(), 8);
      return undefined;
    },
    recover: restartDataPlane,
  },
  {
    name: 'data plane stalled',
    fits: writes,
    strike: ({ stack }) => {
      stack.dp.signalDataPlane('SIGSTOP');
      setTimeout(() => stack.dp.signalDataPlane('SIGCONT'), stallMs);
      return undefined;
    },
    recover: () => pause(stallMs),
  },
  {
    name: 'data plane restarted',
    fits: writes,
    strike: async ({ stack }) => {
      await stack.dp.killDataPlane('SIGTERM');
      await stack.dp.startDataPlane();
      return undefined;
    },
  },
];

async function restartDataPlane(world: World): Promise<void> {
  await noticed(world);
  // Whatever of it is left: its end may be under way.
  await world.stack.dp.killDataPlane();
  await world.stack.dp.startDataPlane();
}

/** A worker that dies takes its master along, and the other way round; then it is started again. */
async function restartHaproxy({ stack, load }: World): Promise<void> {
  await stack.dp.stopHaproxy('SIGKILL');
  await stack.dp.startHaproxy();
  await stack.waitServed(domainOf('web'));
  load.expectDown(false);
}

function killHaproxy(who: 'worker' | 'master'): Fault {
  return {
    name: `HAProxy ${who} killed`,
    fits: writes,
    strike: async ({ stack, load }) => {
      const { haproxy } = stack.dp;
      load.expectDown(true);
      process.kill(who === 'master' ? haproxy.pid : await haproxy.workerPid(), 'SIGKILL');
      return undefined;
    },
    recover: async (world) => {
      await noticed(world);
      await restartHaproxy(world);
    },
  };
}

function stallHaproxy(who: 'worker' | 'master'): Fault {
  return {
    name: `HAProxy ${who} stalled`,
    fits: writes,
    strike: async ({ stack }) => {
      const { haproxy } = stack.dp;
      const pid = who === 'master' ? haproxy.pid : await haproxy.workerPid();
      process.kill(pid, 'SIGSTOP');
      setTimeout(() => {
        try {
          process.kill(pid, 'SIGCONT');
        } catch {
          // It has gone.
        }
      }, stallMs);
      return undefined;
    },
    recover: () => pause(stallMs),
  };
}

const haproxies: readonly Fault[] = [
  killHaproxy('worker'),
  killHaproxy('master'),
  stallHaproxy('worker'),
  stallHaproxy('master'),
  {
    name: 'HAProxy restarted',
    fits: writes,
    strike: async (world) => {
      world.load.expectDown(true);
      await restartHaproxy(world);
      return undefined;
    },
  },
  {
    name: 'HAProxy reloaded by hand',
    fits: writes,
    strike: async ({ stack }) => {
      await stack.dp.haproxy.masterCommand('reload');
      return undefined;
    },
  },
];

const nomads: readonly Fault[] = [
  {
    name: 'Nomad killed',
    fits: toNomad,
    strike: async ({ platform }): Promise<Verdict> => {
      await platform.kill();
      return 'cut';
    },
    recover: async (world) => {
      await noticed(world);
      await world.platform.recover();
    },
  },
  {
    name: 'Nomad stalled',
    fits: toNomad,
    strike: ({ platform }) => {
      platform.stall(stallMs);
      return undefined;
    },
    recover: () => pause(stallMs),
  },
  {
    name: 'Nomad restarted',
    fits: toNomad,
    strike: async ({ platform }) => {
      await platform.restart();
      return undefined;
    },
    recover: ({ platform }) => platform.recover(),
  },
];

const root = '/v3/services/haproxy';

/** A change of somebody else's through the Data Plane API, as fast as its version is found. */
/** In a transaction of its own, which it deletes where the commit fails. */
async function otherWriter({ stack }: World, name: string, reload: boolean): Promise<boolean> {
  const { dp } = stack;
  const { body: version } = await dp.send('GET', `${root}/configuration/version`);
  const opened = await dp.send('POST', `${root}/transactions?version=${version as number}`);
  const { id } = opened.body as { readonly id?: string };
  if (id === undefined) return false;
  const path = `${root}/configuration/backends?transaction_id=${id}`;
  const made = await dp.send('POST', path, { name, mode: 'http' });
  const commit = `${root}/transactions/${id}${reload ? '?force_reload=true' : ''}`;
  if (made.status < 300 && (await dp.send('PUT', commit)).status < 300) return true;
  await dp.send('DELETE', `${root}/transactions/${id}`);
  return false;
}

let names = 0;
const made: string[] = [];

/** They stand in the file until `sweep`. */
async function expectAll({ stack }: World): Promise<void> {
  const text = await stack.configuration();
  const lost = made.filter((name) => !new RegExp(`^backend ${name}\\b`, 'm').test(text));
  made.splice(0);
  if (lost.length > 0) throw new Error(`what another wrote is gone: ${lost.join(', ')}`);
  await sweep(stack);
}

async function sweep(stack: World['stack']): Promise<void> {
  const ofFaults = /^(backend|frontend) (theirs|hand)_/;
  const sections = (text: string): string[] =>
    text.split(/^(?=(?:# by hand\n)?(?:backend|frontend|defaults|global|listen)\b)/m);
  const kept = (text: string): string =>
    sections(text)
      .filter((section) => !ofFaults.test(section.replace('# by hand\n', '')))
      .join('');
  const text = await stack.configuration();
  if (kept(text) !== text) await stack.editConfiguration(kept);
}

async function handEdit({ stack }: World): Promise<void> {
  const name = `hand_${++names}`;
  await stack.editConfiguration((text) => `${text}\n# by hand\nbackend ${name}\n  mode http\n`);
  made.push(name);
}

let writer: { stop: boolean; running: Promise<void> } | undefined;
let taken: Server | undefined;

const surroundings: readonly Fault[] = [
  {
    name: 'disk full',
    fits: (step) => writes(step) && toDataPlane(step),
    missing: ({ disk }) => (disk === undefined ? 'no small disk could be mounted' : undefined),
    strike: async ({ disk }) => {
      await disk?.fill();
      return undefined;
    },
    recover: async (world) => {
      await noticed(world);
      await world.disk?.free();
    },
    after: async ({ disk }) => disk?.free(),
  },
  {
    name: 'a second writer is faster',
    fits: (step) => writes(step) && toDataPlane(step),
    strike: async (world) => {
      const name = `theirs_${++names}`;
      if (await otherWriter(world, name, true)) made.push(name);
      return undefined;
    },
    after: expectAll,
  },
  {
    name: 'a second writer all the time',
    fits: (step) => writes(step) && onlyOnce(step),
    before: (world) => {
      const own = { stop: false, running: Promise.resolve() };
      own.running = (async () => {
        while (!own.stop) {
          const name = `theirs_${++names}`;
          if (await otherWriter(world, name, false).catch(() => false)) made.push(name);
          await pause(250);
        }
      })();
      writer = own;
      return Promise.resolve();
    },
    strike: () => undefined,
    recover: async () => {
      await pause(1500);
      if (writer !== undefined) writer.stop = true;
      await writer?.running;
    },
    after: expectAll,
  },
  {
    name: 'an edit by hand',
    fits: (step) => writes(step) && toDataPlane(step),
    strike: async (world) => {
      await handEdit(world);
      return undefined;
    },
    after: expectAll,
  },
  {
    name: 'a port that is in use',
    fits: (step) => writes(step) && toDataPlane(step),
    before: async () => {
      taken = createServer();
      const port = await freePort();
      await new Promise<void>((done) => taken?.listen(port, '127.0.0.1', done));
    },
    strike: async ({ stack, load }) => {
      // A HAProxy that can't bind has the old one pause all its ports for up to 2 s, and tries again.
      load.expectDown(true);
      const { port } = taken?.address() as { port: number };
      const name = `theirs_${++names}`;
      const frontend = `\nfrontend ${name}\n  mode http\n  bind 127.0.0.1:${port}\n`;
      await stack.editConfiguration((text) => text + frontend);
      return undefined;
    },
    after: async ({ stack, load }) => {
      await new Promise((done) => taken?.close(done));
      await sweep(stack);
      await stack.waitServed(domainOf('web'));
      load.expectDown(false);
    },
  },
  {
    name: 'transactions open to the limit',
    fits: (step) =>
      onlyOnce(step) && /^service (comes|goes)|^reload/.test(step.phase) && writes(step),
    before: async ({ stack }) => {
      const { body: version } = await stack.dp.send('GET', `${root}/configuration/version`);
      for (let count = 0; count < 30; count++) {
        const path = `${root}/transactions?version=${version as number}`;
        if ((await stack.dp.send('POST', path)).status >= 300) break;
      }
    },
    strike: () => undefined,
  },
  {
    name: 'clock jumps an hour ahead',
    fits: (step) => writes(step) && toDataPlane(step),
    strike: () => void jump(3_600_000),
  },
  {
    name: 'clock jumps an hour back',
    fits: (step) => writes(step) && toDataPlane(step),
    strike: () => void jump(-3_600_000),
  },
];

export const faults: readonly Fault[] = [
  ...answers,
  ...connectors,
  ...dataPlanes,
  ...haproxies,
  ...nomads,
  ...surroundings,
];

/** What a fault may have left, after a case that failed. */
export async function calmDown(world: World): Promise<void> {
  if (writer !== undefined) writer.stop = true;
  await writer?.running;
  taken?.close();
  made.splice(0);
  await world.disk?.free();
}

export async function waitStruck({ platform }: World, isStruck: () => boolean): Promise<boolean> {
  const { patienceMs } = platform;
  return waitFor('the request', isStruck, { timeoutMs: patienceMs }).catch(() => false);
}
