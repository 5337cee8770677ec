/**
 * `npm run test:faults`: the whole table, as Markdown on stdout and in the file FAULTS_OUT. FAULTS_ROWS
 * and FAULTS_STEPS are regular expressions that pick some of it, FAULTS_PART (`0-50`, percent) a fair
 * sample of that; FAULTS_JOBS stacks run side by side; after FAULTS_SECONDS no case begins. Nomad is a
 * real one where NOMAD_BIN is set, but for FAULTS_NOMAD=simulator.
 */

import { fork } from 'node:child_process';
import { writeFile } from 'node:fs/promises';

import { nomadBin } from '../../fixtures/nomad/real.js';
import { installClock } from './clock.js';
import { type Fault, faults } from './faults.js';
import { renderTable, summaryOf } from './report.js';
import { nameOf } from './steps.js';
import { type Cell, type Result, runTable, type Table } from './table.js';
import type { Nomad } from './world.js';

const rows = new RegExp(process.env['FAULTS_ROWS'] ?? '');
const columns = new RegExp(process.env['FAULTS_STEPS'] ?? '');
const [from = 0, to = 100] = (process.env['FAULTS_PART'] ?? '0-100').split('-').map(Number);
const jobs = Number(process.env['FAULTS_JOBS'] ?? 2);
const [, , role, index] = process.argv;

await (role === 'job' ? runJob(Number(index)) : runAll());

async function runJob(at: number): Promise<void> {
  installClock();
  const chosen = faults.filter(({ name }: Fault) => rows.test(name));
  const table = await runTable({
    nomad: nomadFor(process.env['FAULTS_NOMAD']),
    faults: chosen,
    choose: ({ step }: Cell) => columns.test(nameOf(step)),
    part: { from, to },
    seconds: Number(process.env['FAULTS_SECONDS'] ?? 3600),
    shard: { index: at, of: jobs },
    onResult: (result, left) => process.stderr.write(`${lineOf(at, result, left)}\n`),
  });
  process.send?.(table);
  process.disconnect();
}

function nomadFor(wanted: string | undefined): Nomad {
  if (wanted === 'real' || wanted === 'simulator') return wanted;
  if (wanted !== undefined) throw new Error('FAULTS_NOMAD is real or simulator');
  return nomadBin() === undefined ? 'simulator' : 'real';
}

function lineOf(at: number, { fault, step, outcome, why, ms }: Result, left: number): string {
  const rest = why === undefined ? '' : `: ${why}`;
  return `[${at}, ${left} left] ${outcome} ${ms} ms ${fault} at ${step}${rest}`;
}

async function runAll(): Promise<void> {
  const tables = await Promise.all(Array.from({ length: jobs }, (_, at) => startJob(at)));
  const [first] = tables;
  if (first === undefined) throw new Error('no job ran');
  const results = tables.flatMap((table) => table.results);
  const order = new Map(faults.map(({ name }, at) => [name, at]));
  results.sort((one, other) => (order.get(one.fault) ?? 0) - (order.get(other.fault) ?? 0));
  const steps = [...new Set(tables.flatMap((table) => table.steps))];
  const text = renderTable({ origin: first.origin, steps, results });
  process.stdout.write(text);
  const out = process.env['FAULTS_OUT'];
  if (out !== undefined) await writeFile(out, text);
  process.stderr.write(`${summaryOf(results)}\n`);
  process.exitCode = results.some(({ outcome }) => outcome === 'failed') ? 1 : 0;
}

function startJob(at: number): Promise<Table> {
  return new Promise((resolve, reject) => {
    const child = fork(import.meta.filename, ['job', String(at)], { execArgv: process.execArgv });
    let table: Table | undefined;
    child.on('message', (message) => (table = message as Table));
    child.on('exit', (code) => {
      if (table === undefined) reject(new Error(`job ${at} ended with ${code} and no table`));
      else resolve(table);
    });
  });
}
