/**
 * `npm run bench:deploys -- [SCENARIO...]`: requests at a fixed rate through HAProxy while Nomad
 * deploys. Real Nomad where NOMAD_BIN names one, else the simulator with real processes.
 */

import { setTimeout as delay } from 'node:timers/promises';

import { type DataPlane, startDataPlane } from '../fixtures/dataplane/launch.js';
import { type HaproxySeries, findHaproxy } from '../fixtures/haproxy/find.js';
import { nomadBin } from '../fixtures/nomad/real.js';
import { type Started, waitFor } from '../fixtures/process.js';
import { startCommand } from '../fixtures/stack/command.js';
import { domainOf } from '../fixtures/stack.js';
import { bareClient, medianOf } from './bare-client.js';
import { status } from './cases/start.js';
import { type Shot, startLoad } from './deploys/load.js';
import { type AppVersion, type Platform, jobId } from './deploys/platform.js';
import { startReal } from './deploys/real.js';
import { type Scenario, scenarios } from './deploys/scenarios.js';
import { startSimulated } from './deploys/simulated.js';
import { type Verdict, classesOf, judge, spread } from './deploys/verdict.js';
import { ms, printTable, writeResults } from './report.js';
import { environmentOf, reloadsOf } from './world.js';

interface Run {
  readonly scenario: string;
  readonly shutdownDelayMs: number;
  readonly verdict: Verdict;
  readonly reloads: number;
  readonly workers: readonly number[];
  readonly commandMs: number;
  readonly failures: readonly Shot[];
  readonly log: readonly string[];
}

const perSecond = Number(process.env['BENCH_RATE'] ?? 100);

async function runScenario(scenario: Scenario, shutdownDelayMs: number): Promise<Run> {
  const haproxy = await findHaproxy(process.env['HAPROXY_SERIES'] as HaproxySeries | undefined);
  const dp = await startDataPlane({ haproxy });
  const platform = nomadBin() === undefined ? await startSimulated() : await startReal();
  origin = `HAProxy ${haproxy.version}, ${dp.origin}, ${platform.name}, ${perSecond} requests/s of each quick kind`;
  let connector: Started | undefined;
  try {
    const given = await scenario.app?.();
    const app: AppVersion = { version: 'v1', count: 3, shutdownDelayMs, ...given };
    await platform.deploy(app);
    const environment = { ...environmentOf(dp, platform.url), LOG_LEVEL: 'debug' };
    connector = await startCommand(['--http-listen', 'off'], environment);
    const logs = connector;
    await waitFor('the app to be served', async () => (await status({ dp }, jobId)) === 200, {
      timeoutMs: 60_000,
      process: connector,
    });
    await delay(2500);
    const commandMs = await runtimeCommand(dp);
    return { ...(await measure(scenario, dp, platform, app)), commandMs, log: logLines(logs) };
  } finally {
    await connector?.stop('SIGTERM');
    await platform.close();
    await dp.close();
  }
}

async function measure(
  scenario: Scenario,
  dp: DataPlane,
  platform: Platform,
  app: AppVersion,
): Promise<Omit<Run, 'commandMs' | 'log'>> {
  const workers = new Set([await dp.haproxy.workerPid()]);
  const reloads = await reloadsOf(dp);
  const load = startLoad({ port: dp.frontendPort, host: domainOf(jobId), perSecond });
  await delay(2000);
  const from = Date.now();
  const somePid = (): number => load.shots.findLast(({ pid }) => pid !== undefined)?.pid ?? 0;
  await scenario.run({ platform, app, somePid });
  // Long enough for the last instance to be checked, and for the slow to end.
  await delay(4000);
  const shots = await load.stop();
  workers.add(await dp.haproxy.workerPid());
  return {
    scenario: scenario.name,
    shutdownDelayMs: app.shutdownDelayMs,
    verdict: judge(shots, from, scenario.outage === true, platform.deregistered),
    reloads: (await reloadsOf(dp)) - reloads,
    workers: [...workers],
    failures: shots
      .filter(({ failure }) => failure !== undefined)
      .map((shot) => ({ ...shot, at: shot.at - from })),
  };
}

async function runtimeCommand(dp: DataPlane): Promise<number> {
  const client = bareClient(dp.url, `${dp.username}:${dp.password}`);
  const backend = `nomad_${jobId}`;
  const path = `/v3/services/haproxy/runtime/backends/${backend}/servers/${backend}_1`;
  const json = { 'content-type': 'application/json' };
  const time = await medianOf(9, () => client.send('PUT', path, '{"admin_state":"ready"}', json));
  client.close();
  return time;
}

/** The connector's own lines, without those of passes with nothing to do. */
function logLines(connector: Started): string[] {
  return connector
    .output()
    .split('\n')
    .filter((line) => line !== '' && !line.includes('"changes":0'))
    .slice(-60);
}

function tableRow({ scenario, shutdownDelayMs, verdict, reloads, workers, commandMs }: Run) {
  return [
    `${scenario}${shutdownDelayMs > 0 ? `, shutdown_delay ${shutdownDelayMs / 1000} s` : ''}`,
    ...[verdict.requests, verdict.failed, classesOf(verdict)],
    verdict.outageMs === 0 ? '' : `${verdict.duringOutage} in ${verdict.outageMs} ms`,
    ...[verdict.badVersion, reloads, workers.join(' ')],
    ...[spread(verdict.toFirst), spread(verdict.toLast), ms(commandMs)],
  ];
}

const columns = [
  ...['scenario', 'requests', 'failed', 'of which', 'while nothing ran', 'by the bad version'],
  ...['reloads', 'worker PIDs', 'to first request, ms', 'to last request, ms', 'one command, ms'],
];

let origin = '';
const words = process.argv.slice(2);
const wanted = scenarios.filter(
  ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
);
const runs: Run[] = [];
const broken: string[] = [];
for (const scenario of wanted) {
  for (const shutdownDelayMs of scenario.shutdownDelays) {
    try {
      const run = await runScenario(scenario, shutdownDelayMs);
      runs.push(run);
      process.stderr.write(`${tableRow(run).join(' | ')}\n`);
    } catch (error) {
      broken.push(`${scenario.name}: ${String(error)}`);
      process.stderr.write(`${scenario.name}: ${String(error)}\n`);
    }
  }
}
process.stdout.write(`${origin}\n\n`);
const title = 'Deploys under load (times: median / worst)';
process.stdout.write(`${printTable({ title, columns, rows: runs.map(tableRow) })}\n`);
for (const line of broken) process.stdout.write(`BROKEN ${line}\n`);
process.stdout.write(`written to ${await writeResults('deploys', { origin, runs, broken })}\n`);
process.exit(broken.length > 0 ? 1 : 0);
