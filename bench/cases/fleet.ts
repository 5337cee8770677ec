/** One connector for several HAProxies, beside the same connector for one of them. */

import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';

import { type DataPlane, startDataPlane } from '../../fixtures/dataplane/launch.js';
import { type HaproxySeries, findHaproxy } from '../../fixtures/haproxy/find.js';
import { freePort } from '../../fixtures/ports.js';
import { type Started, start, waitFor } from '../../fixtures/process.js';
import { domainOf, requestThrough } from '../../fixtures/stack.js';
import { median } from '../bare-client.js';
import { builtProgram } from '../built.js';
import { msUntil, serversOf } from '../controlled.js';
import type { Figure } from '../figure.js';
import { backendOf } from '../floors.js';
import { type NomadChild, startNomadChild } from '../nomad.js';
import { cpuSeconds, residentMb } from '../process-figures.js';
import { environmentOf, reloadsOf, startOneApp, withDescriptors } from '../world.js';

const rounds = 5;
const idleSeconds = Number(process.env['BENCH_IDLE_SECONDS'] ?? 30);
const long = { timeoutMs: 300_000 };
/** Longer than the debounce and a pass that reads back what it wrote. */
const quietMs = 5000;

interface Fleet {
  readonly planes: readonly DataPlane[];
  readonly nomad: NomadChild;
  readonly names: readonly string[];
  readonly ports: readonly [number, number, number];
}

interface Measured {
  readonly name: string;
  readonly value: number;
  readonly worst?: number;
  readonly unit?: NonNullable<Figure['unit']>;
  readonly nomadRequests?: number;
  readonly reloads?: number;
}

/** Figures of so many targets, each with that of one target as its floor. */
export async function benchFleet(targets: number, n: number): Promise<Figure[]> {
  const one = await measure(1, n);
  const all = await measure(targets, n);
  return all.map(({ name, ...rest }, at) => ({
    ...{ name: `fleet of ${targets}: ${name}`, n, ...rest },
    floor: { name: 'one target', value: one[at]?.value ?? 0 },
  }));
}

async function measure(targets: number, n: number): Promise<Measured[]> {
  const haproxy = await findHaproxy(process.env['HAPROXY_SERIES'] as HaproxySeries | undefined);
  const app = await startOneApp(haproxy.bin);
  const planes: DataPlane[] = [];
  const nomad = await startNomadChild();
  let connector: Started | undefined;
  try {
    for (let at = 0; at < targets; at++) {
      planes.push(await startDataPlane({ haproxy, haproxyConfig: withDescriptors }));
    }
    const names = Array.from({ length: n }, (_, index) => `svc${index}`);
    const fleet: Fleet = { planes, nomad, names, ports: app.ports };
    const [first, second] = app.ports;
    await nomad.send({ kind: 'serve', names, ports: [first, second] });
    const begin = Date.now();
    const { program, url } = await startConnector(fleet);
    connector = program;
    const started = await untilReady(program, url, begin);
    const figures: Measured[] = [
      { name: 'start to in sync', value: started, ...(await costSince(fleet, 0)) },
    ];
    await settle(fleet);
    figures.push(...(await instanceComesAndGoes(fleet)));
    figures.push(await serviceComes(fleet));
    figures.push(...(await rests(program)));
    return figures;
  } finally {
    await connector?.stop('SIGTERM');
    await Promise.all([...planes.map((dp) => dp.close()), nomad.close(), app.close()]);
  }
}

async function startConnector({
  planes,
  nomad,
}: Fleet): Promise<{ program: Started; url: string }> {
  const [dp] = planes as readonly [DataPlane];
  const file = join(dp.dirs.root, 'fleet.json');
  const listed = planes.map(({ url }, at) => ({ name: `edge-${at + 1}`, address: url }));
  await writeFile(file, JSON.stringify({ haproxy: { targets: listed } }));
  const { HAPROXY_DATAPLANE_URL: _, ...env } = environmentOf(dp, nomad.url);
  const listen = `127.0.0.1:${await freePort()}`;
  const args = [await builtProgram(), '--config', file, '--http-listen', listen];
  const program = await start(process.execPath, args, { name: 'connector', env });
  return { program, url: `http://${listen}` };
}

async function untilReady(program: Started, url: string, begin: number): Promise<number> {
  const isReady = async (): Promise<boolean> => (await fetch(`${url}/readyz`)).ok;
  const options = { ...long, process: program };
  await waitFor('all to be in sync', () => isReady().catch(() => false), options);
  return Date.now() - begin;
}

/** Since the last count. */
function nomadRequests({ nomad }: Fleet): Promise<number> {
  return nomad.send({ kind: 'count-requests' });
}

/** What it cost since the last count of requests, and since so many reloads of all. */
async function costSince(
  fleet: Fleet,
  reloads: number,
): Promise<Pick<Measured, 'nomadRequests' | 'reloads'>> {
  const total = await totalReloads(fleet);
  return { nomadRequests: await nomadRequests(fleet), reloads: total - reloads };
}

/** Every instance checked and UP everywhere, and the loops at rest. */
async function settle(fleet: Fleet): Promise<void> {
  const wanted = 2 * fleet.names.length;
  for (const dp of fleet.planes) {
    const areUp = async (): Promise<boolean> =>
      (await serversOf({ dp })).filter(({ up, ready }) => up && ready).length >= wanted;
    await waitFor('every instance to be UP', areUp, { ...long, intervalMs: 500 });
  }
  await delay(quietMs);
}

async function instanceComesAndGoes(fleet: Fleet): Promise<Measured[]> {
  const { nomad, names, ports } = fleet;
  const [, , port] = ports;
  const [came, went, cost]: [number[], number[], number[]] = [[], [], []];
  const before = await totalReloads(fleet);
  for (let round = 0; round < rounds; round++) {
    const name = names[round % names.length] ?? '';
    const third = async (dp: DataPlane) =>
      (await serversOf({ dp }, backendOf(name))).find((server) => server.port === port);
    await nomadRequests(fleet);
    const at = await nomad.send({ kind: 'add-instance', name, port });
    const isUp = async (dp: DataPlane): Promise<boolean> => (await third(dp))?.up === true;
    came.push(await onAll(fleet, (dp) => msUntil(at, 'it to be UP', () => isUp(dp))));
    await delay(quietMs);
    cost.push(await nomadRequests(fleet));
    const left = await nomad.send({ kind: 'stop-instance', name, port });
    const isGone = async (dp: DataPlane): Promise<boolean> => (await third(dp))?.ready !== true;
    went.push(await onAll(fleet, (dp) => msUntil(left, 'it to go', () => isGone(dp))));
    await delay(quietMs);
  }
  const reloads = (await totalReloads(fleet)) - before;
  const figure = (name: string, times: readonly number[]): Measured => ({
    ...{ name, value: median(times), worst: Math.max(...times), reloads },
  });
  return [
    { ...figure('an instance comes: UP on the last', came), nomadRequests: median(cost) },
    figure('an instance goes: no new request on the last', went),
  ];
}

async function serviceComes(fleet: Fleet): Promise<Measured> {
  const [first, second] = fleet.ports;
  const before = await totalReloads(fleet);
  await nomadRequests(fleet);
  const names = ['late'];
  const at = await fleet.nomad.send({ kind: 'serve', names, ports: [first, second] });
  const answers = async (dp: DataPlane): Promise<boolean> =>
    (await requestThrough(dp.frontendPort, domainOf('late'), '/')).status === 200;
  const value = await onAll(fleet, (dp) => msUntil(at, 'its answer', () => answers(dp)));
  await delay(quietMs);
  return {
    name: 'a service comes: answers on the last',
    value,
    ...(await costSince(fleet, before)),
  };
}

/** Nothing changes: the watch of each HAProxy, and a pass over each by the timer. */
async function rests({ pid }: Started): Promise<Measured[]> {
  const before = await cpuSeconds(pid);
  await delay(idleSeconds * 1000);
  const used = (await cpuSeconds(pid)) - before;
  return [
    { name: 'idle CPU of the connector', value: (used / idleSeconds) * 100, unit: '%' },
    { name: 'resident memory of the connector', value: await residentMb(pid), unit: 'MB' },
  ];
}

async function onAll({ planes }: Fleet, task: (dp: DataPlane) => Promise<number>): Promise<number> {
  return Math.max(...(await Promise.all(planes.map(task))));
}

async function totalReloads({ planes }: Fleet): Promise<number> {
  return (await Promise.all(planes.map(reloadsOf))).reduce((sum, count) => sum + count, 0);
}
