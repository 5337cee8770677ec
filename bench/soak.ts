/**
 * `npm run soak -- [CHANGES [MINUTES]]`: changes of Nomad's catalog at a steady rate, against the
 * daemon as a process of its own, with requests to services that are never removed. A table of
 * memory, file handles, HAProxy's workers and lost requests on stdout, JSON in bench/results.
 */

import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import type { App } from '../fixtures/apps/app.js';
import type { ServiceHandle } from '../fixtures/nomad/services.js';
import { waitFor } from '../fixtures/process.js';
import { type Stack, domainOf, startStack } from '../fixtures/stack.js';
import { ms, printTable, writeResults } from './report.js';
import { reloadsOf } from './world.js';

const changes = Number(process.argv[2] ?? 10_000);
const minutes = Number(process.argv[3] ?? 60);
const steady = Array.from({ length: 20 }, (_, at) => `svc${at}`);
/** One change in so many makes, changes or removes a service; each costs a reload. */
const structuralEvery = 25;
const samples = 20;

interface Sample {
  readonly change: number;
  readonly rssMb: number;
  readonly handles: number;
  readonly haproxyMb: number;
  readonly workers: number;
  readonly reloads: number;
  readonly requests: number;
  readonly failed: number;
}

/** Instances of the steady services and a few that come and go, on three apps. */
class Cluster {
  readonly #handles = new Map<string, ServiceHandle>();
  readonly #stack: Stack;
  readonly #apps: readonly App[];
  #passing: ServiceHandle | undefined;

  constructor(stack: Stack, apps: readonly App[]) {
    this.#stack = stack;
    this.#apps = apps;
    for (const name of steady) this.#handles.set(name, stack.serve(name, apps.slice(0, 2)));
  }

  /** The nth change: mostly an instance that is replaced, added or stopped. */
  change(nth: number): void {
    if (nth % structuralEvery === 0) return this.#structural(nth / structuralEvery);
    const handle = this.#handles.get(steady[nth % steady.length] ?? '');
    const { allocs = [] } = handle ?? {};
    const port = this.#freePort(allocs.length, nth);
    const [oldest] = allocs;
    if (allocs.length < 3) handle?.addInstance({ port });
    else if (oldest !== undefined) this.#stack.nomad.stopAlloc(oldest.ID);
  }

  #freePort(count: number, nth: number): number {
    return this.#apps[(nth + count) % this.#apps.length]?.port ?? 0;
  }

  /** A service comes, gets another path in a new version, and goes. */
  #structural(nth: number): void {
    const { nomad } = this.#stack;
    const name = `passing${Math.floor((nth - 1) / 3)}`;
    const [app] = this.#apps;
    if (nth % 3 === 1) {
      this.#passing = this.#stack.serve(name, this.#apps.slice(0, 1));
    } else if (nth % 3 === 2) {
      const [old] = this.#passing?.allocs ?? [];
      this.#passing?.update((group) => ({
        ...group,
        Services: (group.Services ?? []).map((service) => ({
          ...service,
          Tags: [...(service.Tags ?? []), `haproxy.path=/v${nth}`],
        })),
      }));
      if (old !== undefined) this.#passing?.replaceInstance(old.ID, { port: app?.port ?? 0 });
    } else {
      nomad.removeService(name);
      if (nth % 60 === 0) nomad.collectGarbage();
    }
  }
}

async function sizeOf(pid: number): Promise<{ readonly rssMb: number; readonly handles: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const rssMb = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
  return { rssMb, handles: (await readdir(`/proc/${pid}/fd`)).length };
}

/** HAProxy's workers, old ones that still drain included. */
async function workersOf(stack: Stack): Promise<readonly number[]> {
  return waitFor('the list of workers', async () => {
    const text = await stack.dp.haproxy.masterCommand('show proc');
    const pids = [...text.matchAll(/^(\d+)\s+worker/gm)].map(([, pid]) => Number(pid));
    return pids.length === 0 ? undefined : pids;
  });
}

function startLoad(stack: Stack) {
  const count = { requests: 0, failed: 0 };
  let isOver = false;
  const loop = (async () => {
    while (!isOver) {
      const host = domainOf(steady[count.requests % steady.length] ?? '');
      const { status } = await stack.request(host).catch(() => ({ status: 0 }));
      count.requests += 1;
      if (status !== 200) count.failed += 1;
      await delay(20);
    }
  })();
  return { count, end: () => ((isOver = true), loop) };
}

async function soak(stack: Stack): Promise<readonly Sample[]> {
  const apps = await Promise.all(['a', 'b', 'c'].map((name) => stack.app(name)));
  const cluster = new Cluster(stack, apps);
  const daemon = await stack.spawnConnector();
  for (const name of steady) await stack.waitServed(domainOf(name));
  const load = startLoad(stack);
  const seen: Sample[] = [];
  const sample = async (change: number): Promise<void> => {
    const workers = await workersOf(stack);
    const haproxy = await Promise.all(workers.map((pid) => sizeOf(pid).catch(() => undefined)));
    const one = {
      ...{ change, ...(await sizeOf(daemon.pid)), ...load.count, workers: workers.length },
      haproxyMb: haproxy.reduce((sum, each) => sum + (each?.rssMb ?? 0), 0),
      reloads: await reloadsOf(stack.dp),
    };
    seen.push(one);
    process.stderr.write(`${JSON.stringify(one)}\n`);
  };
  const begin = Date.now();
  await sample(0);
  for (let nth = 1; nth <= changes; nth += 1) {
    cluster.change(nth);
    if (nth % Math.ceil(changes / samples) === 0) await sample(nth);
    await delay(Math.max(0, begin + (nth * minutes * 60_000) / changes - Date.now()));
  }
  await load.end();
  await daemon.stop('SIGTERM');
  return seen;
}

const stack = await startStack();
try {
  const seen = await soak(stack);
  const columns = ['change', 'connector MB', 'handles', 'HAProxy MB', 'workers', 'reloads'];
  process.stdout.write(
    printTable({
      title: `soak: ${changes} changes in ${minutes} minutes; ${stack.origin}`,
      columns: [...columns, 'requests', 'failed'],
      rows: seen.map((one) => [
        ...[one.change, ms(one.rssMb), one.handles, ms(one.haproxyMb), one.workers, one.reloads],
        ...[one.requests, one.failed],
      ]),
    }),
  );
  process.stdout.write(`written to ${await writeResults('soak', seen)}\n`);
} finally {
  await stack.close();
}
