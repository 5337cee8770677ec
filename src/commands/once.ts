import { setTimeout as delay } from 'node:timers/promises';

import { exitCode } from '../cli/exit-codes.js';
import { planDocument, printPlan, type Paint } from '../diff/print/print.js';
import type { Held } from '../diff/types.js';
import type { Picture } from '../pass/picture.js';
import type { Outcome } from '../pass/run.js';
import { asConnectorError, ConnectorError } from '../shared/errors.js';
import type { Report } from './targets.js';

export interface SingleRun {
  /** Over one target. */
  readonly pass: () => Promise<readonly Outcome[]>;
  readonly signal: AbortSignal;
  readonly writes: boolean;
  readonly detailedExitcode: boolean;
  /** The passes apply a saved plan or fail: what another one would do was not approved. */
  readonly approved?: boolean;
  /** Called with the picture whose plan is printed. */
  readonly onPlan?: (picture: Picture) => Promise<void>;
  readonly paint: Paint;
  /** Applied to every text of the plan. */
  readonly redact: (text: string) => string;
}

const confirmMs = 500;
const maxTries = 4;

/** Runs passes over one target until nothing can be released, and reports the plan. */
export async function runOnce(run: SingleRun): Promise<Report> {
  const single = !run.writes || run.approved === true;
  const pictures = single ? [await passOnce(run)] : await converge(run);
  const first = pictures.find(({ plan }) => plan.steps.length > 0) ?? pictures[0];
  const last = pictures.at(-1);
  if (first === undefined || last === undefined) throw new Error('no pass ran');
  // Also what HAProxy refused in the pass.
  const { skipped } = last.rest;
  const plan = { ...first.plan, skipped };
  await run.onPlan?.(first);
  const { redact, paint } = run;
  const code = exitCode({
    error: last.rest.problems.length > 0 || (run.writes && last.rest.steps.length > 0),
    guardHeld: last.rest.held !== undefined,
    skipped: skipped.length > 0,
    changed: first.plan.steps.length > 0,
    detailed: run.detailedExitcode,
  });
  return { text: printPlan(plan, paint, redact), json: planDocument(plan), code };
}

/** Runs another pass shortly after a held removal or a conflict with another writer. */
async function converge(run: SingleRun): Promise<Picture[]> {
  const pictures: Picture[] = [];
  for (let tries = 1; ; tries++) {
    try {
      const picture = await passOnce(run);
      pictures.push(picture);
      if (!mayRelease(picture.rest.held, maxTries - tries)) return pictures;
    } catch (error) {
      if (asConnectorError(error).code !== 'haproxy-conflict' || tries >= maxTries) throw error;
    }
    await delay(confirmMs, undefined, { signal: run.signal });
  }
}

/** What is held for minutes isn't waited for; what a second read may release is. */
function mayRelease(held: Held | undefined, triesLeft: number): boolean {
  if (held?.releasable !== true || triesLeft <= 0) return false;
  return held.lasting === undefined || held.lasting.remainingMs <= triesLeft * confirmMs;
}

/** Of the one target. Throws what it failed for. */
async function passOnce({ pass, approved }: SingleRun): Promise<Picture> {
  const [outcome] = await pass();
  if (outcome === undefined) throw new ConnectorError('internal', 'no target is configured');
  if (!('error' in outcome)) return outcome.picture;
  const isConflict = approved === true && outcome.error.code === 'haproxy-conflict';
  throw isConflict ? overtaken(outcome.error) : outcome.error;
}

function overtaken(cause: ConnectorError): ConnectorError {
  const message = "another writer changed HAProxy's configuration while the saved plan was applied";
  return new ConnectorError('plan-refused', message, { retryable: false, cause });
}
