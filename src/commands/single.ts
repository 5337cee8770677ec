import { setTimeout as delay } from 'node:timers/promises';

import { exitCode, type ExitCode } from '../cli/exit-codes.js';
import { planAsJson, printPlan, type Paint } from '../diff/print/print.js';
import { asConnectorError } from '../shared/errors.js';
import type { PassResult } from '../pass/pass.js';

export interface SingleRun {
  readonly pass: (signal: AbortSignal) => Promise<PassResult>;
  readonly signal: AbortSignal;
  readonly writes: boolean;
  readonly output: 'text' | 'json';
  readonly detailedExitcode: boolean;
  readonly paint: Paint;
  readonly print: (text: string) => void;
}

const confirmMs = 500;
const maxTries = 4;

/** `--once` and `--dry-run`: the plan on stdout, and what it came to as the exit code. */
export async function runOnce(run: SingleRun): Promise<ExitCode> {
  const results = run.writes ? await converge(run) : [await run.pass(run.signal)];
  const first = results.find(({ plan }) => plan.steps.length > 0) ?? results[0];
  const last = results.at(-1);
  if (first === undefined || last === undefined) throw new Error('no pass was made');
  const plan = { ...first.plan, skipped: last.plan.skipped };
  run.print(run.output === 'json' ? `${planAsJson(plan)}\n` : printPlan(plan, run.paint));
  return exitCode({
    error: last.rest.problems.length > 0 || (run.writes && last.rest.steps.length > 0),
    guardHeld: last.rest.held !== undefined,
    skipped: last.plan.skipped.length > 0,
    changed: first.plan.steps.length > 0,
    detailed: run.detailedExitcode,
  });
}

/** A held removal is read again within a second, and so is what another writer was faster with. */
async function converge(run: SingleRun): Promise<PassResult[]> {
  const results: PassResult[] = [];
  for (let tries = 1; ; tries++) {
    try {
      const result = await run.pass(run.signal);
      results.push(result);
      if (result.rest.held?.releasable !== true || tries >= maxTries) return results;
    } catch (error) {
      if (asConnectorError(error).code !== 'haproxy-conflict' || tries >= maxTries) throw error;
    }
    await delay(confirmMs, undefined, { signal: run.signal });
  }
}
