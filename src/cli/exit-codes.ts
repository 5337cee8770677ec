import { asConnectorError } from '../shared/errors.js';

/** What a run ended with. Several can be true at once; the most serious one decides. */
export interface Outcome {
  /** Wrong usage or configuration. */
  readonly usageError?: boolean;
  readonly error?: boolean;
  /** What a saved plan was made from has moved. */
  readonly planRefused?: boolean;
  /** A guard still holds removals back. */
  readonly guardHeld?: boolean;
  /** Services were skipped. */
  readonly skipped?: boolean;
  /** There were, or are, changes to make. */
  readonly changed?: boolean;
  /** `--detailed-exitcode`: changes have a code of their own. */
  readonly detailed?: boolean;
}

export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 64;

/**
 * | code | means |
 * |---|---|
 * | 64 | usage or configuration error |
 * | 5 | the saved plan no longer fits: nothing else was applied |
 * | 1 | error |
 * | 4 | a guard refused |
 * | 3 | converged except for skipped services |
 * | 2 | changes, only with `--detailed-exitcode` |
 * | 0 | converged, or the plan is printed |
 */
export function exitCode(outcome: Outcome): ExitCode {
  if (outcome.usageError === true) return 64;
  if (outcome.planRefused === true) return 5;
  if (outcome.error === true) return 1;
  if (outcome.guardHeld === true) return 4;
  if (outcome.skipped === true) return 3;
  return outcome.changed === true && outcome.detailed === true ? 2 : 0;
}

/**
 * Of `explain`.
 *
 * | code | means |
 * |---|---|
 * | 64, 1 | as above: it can't be told |
 * | 2 | nothing has that name |
 * | 3 | it doesn't answer |
 * | 0 | it answers |
 */
export function explainExitCode(explained: {
  readonly found: boolean;
  readonly answers: boolean;
}): ExitCode {
  if (explained.answers) return 0;
  return explained.found ? 3 : 2;
}

const bySeriousness: readonly ExitCode[] = [64, 5, 1, 4, 3, 2, 0];

/** Of several HAProxies. */
export function mostSerious(codes: readonly ExitCode[]): ExitCode {
  return bySeriousness.find((code) => codes.includes(code)) ?? 0;
}

/** The code of a run that ended with a thrown value. */
export function exitCodeOf(error: unknown): ExitCode {
  const { code } = asConnectorError(error);
  return exitCode({
    usageError: code === 'config-invalid',
    planRefused: code === 'plan-refused',
    error: true,
  });
}
