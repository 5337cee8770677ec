/**
 * `npm run bench -- [CASE... [N...]] [--large]`: tables on stdout, JSON in bench/results. Without a
 * case all of them; without N 10, 100, 500 and 1,000, and 5,000 with `--large`. The last table is that
 * of the targets. `npm run bench -- --table FILE...`: that table alone, of earlier runs side by side.
 * `npm run bench -- fleet [TARGETS [N]]`: that many HAProxies with N services beside one; 10 and 1,000.
 */

import { type HaproxySeries, findHaproxy } from '../fixtures/haproxy/find.js';
import { benchBurst } from './cases/burst.js';
import { benchDomains } from './cases/domains.js';
import { benchEndpoint } from './cases/endpoint.js';
import { benchFleet } from './cases/fleet.js';
import { benchHold } from './cases/hold.js';
import { benchIdle } from './cases/idle.js';
import { benchChange, benchRemove } from './cases/many.js';
import { benchMemory } from './cases/memory.js';
import { benchNoop } from './cases/noop.js';
import { benchProcess } from './cases/process.js';
import { benchPure } from './cases/pure.js';
import { benchReady } from './cases/ready.js';
import { benchScale } from './cases/scale.js';
import { benchService } from './cases/service.js';
import { benchStart } from './cases/start.js';
import { type Figure, phaseTable, tableOf } from './figure.js';
import { printTable, writeResults } from './report.js';
import { type Results, legend, readResults, summaryTable } from './summary.js';
import { startWorld, type World } from './world.js';

type Case = (world: World) => Promise<Figure[]>;

/** Whether a case wants HAProxy as it was before the first pass. */
const cases: Readonly<Record<string, { readonly run: Case; readonly fresh: boolean }>> = {
  start: { run: benchStart, fresh: true },
  noop: { run: benchNoop, fresh: false },
  endpoint: { run: benchEndpoint, fresh: false },
  ready: { run: benchReady, fresh: false },
  service: { run: benchService, fresh: false },
  burst: { run: benchBurst, fresh: false },
  change: { run: benchChange, fresh: true },
  remove: { run: benchRemove, fresh: true },
  pure: { run: benchPure, fresh: true },
  scale: { run: benchScale, fresh: false },
  hold: { run: benchHold, fresh: true },
  process: { run: benchProcess, fresh: true },
  idle: { run: benchIdle, fresh: false },
  memory: { run: benchMemory, fresh: false },
};

/** These need HAProxy and nothing else. */
const alone: Readonly<Record<string, (n: number) => Promise<Figure[]>>> = { domains: benchDomains };
const allNames: readonly string[] = [...Object.keys(cases), ...Object.keys(alone)];

/** Minutes each. */
const onlyByName: readonly string[] = ['ready'];

/** A thousand passes over a large catalog take minutes: those are for those who ask by name. */
const memorySizes: readonly number[] = [10, 100];

interface Wanted {
  readonly names: readonly string[];
  readonly sizes: readonly number[];
  readonly byName: boolean;
}

function parse(args: readonly string[]): Wanted {
  const words = args.filter((word) => word !== '--large');
  const names = words.filter((word) => !/^\d+$/.test(word));
  const unknown = names.find((name) => !allNames.includes(name));
  if (unknown !== undefined) {
    throw new Error(`no case ${unknown}; there are ${allNames.join(', ')}`);
  }
  const given = words.filter((word) => /^\d+$/.test(word)).map(Number);
  const sizes = given.length > 0 ? given : [10, 100, 500, 1000];
  return {
    names: names.length > 0 ? names : allNames,
    sizes: args.includes('--large') ? [...sizes, 5000] : sizes,
    byName: names.length > 0,
  };
}

async function benchSize(n: number, { names, byName }: Wanted): Promise<void> {
  const wanted = names
    .filter((name) => cases[name] !== undefined)
    .filter((name) => byName || !onlyByName.includes(name))
    .filter((name) => name !== 'memory' || byName || memorySizes.includes(n));
  let world: World | undefined;
  for (const name of wanted) {
    const { run, fresh } = cases[name] as (typeof cases)[string];
    try {
      if (fresh) world = await world?.close().then(() => undefined);
      world ??= await startWorld(n);
      origin = world.origin;
      if (!fresh) await world.pass();
      world.meter.take();
      note(name, n, await run(world));
    } catch (error) {
      failed.push(`${name} ${n}: ${String(error)}`);
      // What the case left behind would be measured by the next one.
      world = await world?.close().then(() => undefined);
    }
  }
  await world?.close();
}

async function benchAlone(n: number, { names }: Wanted): Promise<void> {
  for (const [name, run] of Object.entries(alone).filter(([name]) => names.includes(name))) {
    try {
      note(name, n, await run(n));
    } catch (error) {
      failed.push(`${name} ${n}: ${String(error)}`);
    }
  }
}

/** As it comes: a long run that is cut short has not been for nothing. */
function note(name: string, n: number, figures: readonly Figure[]): void {
  (found[name] ??= []).push(...figures);
  process.stderr.write(`${printTable(tableOf(`${name} ${n}`, figures))}\n`);
}

/** Earlier runs, such as one on the stand-in and one on the real Data Plane API. */
async function tabulate(files: readonly string[]): Promise<void> {
  const runs: Results[] = await Promise.all(files.map(readResults));
  process.stdout.write(`${legend(runs)}\n${printTable(summaryTable(runs))}`);
}

async function fleet([targets = 10, n = 1000]: readonly number[]): Promise<void> {
  const figures = await benchFleet(targets, n);
  process.stdout.write(`${printTable(tableOf(`fleet ${targets} ${n}`, figures))}\n`);
  const file = await writeResults('bench-fleet', { targets, found: { fleet: figures } });
  process.stdout.write(`written to ${file}\n`);
}

if (process.argv[2] === 'fleet') {
  await fleet(process.argv.slice(3).map(Number));
  process.exit();
}
if (process.argv[2] === '--table') {
  await tabulate(process.argv.slice(3));
  process.exit();
}
const { version } = await findHaproxy(process.env['HAPROXY_SERIES'] as HaproxySeries | undefined);
let origin = `HAProxy ${version}, Node ${process.versions.node}`;
const wanted = parse(process.argv.slice(2));
const found: Record<string, Figure[]> = {};
const failed: string[] = [];
for (const n of wanted.sizes) {
  await benchSize(n, wanted);
  await benchAlone(n, wanted);
}
process.stdout.write(`${origin}\n\n`);
for (const [name, figures] of Object.entries(found)) {
  process.stdout.write(`${printTable(tableOf(name, figures))}\n`);
}
const phases = phaseTable(Object.values(found).flat());
if (phases.rows.length > 0) process.stdout.write(`${printTable(phases)}\n`);
process.stdout.write(`${printTable(summaryTable([{ origin, found }]))}\n`);
for (const line of failed) process.stdout.write(`FAILED ${line}\n`);
const file = await writeResults(`bench-${wanted.names.join('-')}`, { origin, found, failed });
process.stdout.write(`written to ${file}\n`);
process.exit(failed.length > 0 ? 1 : 0);
