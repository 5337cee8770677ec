import { type ExitCode, exitCodeOf, mostSerious } from '../cli/exit-codes.js';
import type { Settings, TargetSettings } from '../config/types.js';
import { asConnectorError, ConnectorError } from '../shared/errors.js';
import { plainJson, visible } from '../shared/text.js';
import type { Logger } from '../telemetry/logger.js';

/** What a command found out about one HAProxy. */
export interface Report {
  /** Ends with a line break; redacted. */
  readonly text: string;
  /** The same for programs; redacted when it is printed. */
  readonly json: object;
  readonly code: ExitCode;
}

type MaybeTarget = TargetSettings | undefined;

export interface Reporting<Target extends MaybeTarget = TargetSettings> {
  /** Undefined: there is none, and all else is reported. */
  readonly targets: readonly Target[];
  /** Asked for all at once. What it throws ends that target's report, and no other. */
  readonly reportOf: (target: Target) => Promise<Report>;
  /** What is said of several together, once all reports are there. */
  readonly together?: () => Omit<Report, 'code'>;
  readonly output: 'text' | 'json';
  readonly logger: Logger;
  readonly print: (text: string) => void;
  readonly redact: (text: string) => string;
}

/** The named targets in the settings' order, or all. Throws `config-invalid` for an unknown name. */
export function chosenTargets(
  { targets }: Pick<Settings, 'targets'>,
  names?: readonly string[],
): readonly TargetSettings[] {
  if (names === undefined) return targets;
  const known = targets.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return targets.filter(({ name }) => names.includes(name));
  const message = `--target: there is no target ${JSON.stringify(unknown)}; there is ${known.join(', ')}`;
  throw new ConnectorError('config-invalid', message, { retryable: false });
}

/**
 * Prints a report for each target. One alone is printed as it is, and throws what it failed for; of
 * several each has its name above it, and the most serious exit code is that of all.
 */
export async function reportAll<Target extends MaybeTarget>(
  reporting: Reporting<Target>,
): Promise<ExitCode> {
  const { targets, reportOf, output, print, redact } = reporting;
  if (targets.length === 1) {
    const { text, json, code } = await reportOf(targets[0] as Target);
    print(output === 'json' ? `${plainJson(json, 2, redact)}\n` : text);
    return code;
  }
  const settled = await Promise.allSettled(targets.map((target) => reportOf(target)));
  logFailures(reporting, settled);
  const named = settled.map((one, at) => ({
    name: targets[at]?.name ?? '',
    report: one.status === 'fulfilled' ? one.value : reportOfFailure(one.reason, redact),
  }));
  const all = reporting.together?.();
  print(output === 'json' ? jsonOf(named, all?.json, redact) : textOf(named, all?.text));
  return mostSerious(named.map(({ report }) => report.code));
}

interface Named {
  readonly name: string;
  readonly report: Report;
}

function textOf(named: readonly Named[], together = ''): string {
  const blocks = named.map(({ name, report }) => `== ${visible(name)} ==\n${report.text}`);
  return [...blocks, ...(together === '' ? [] : [together])].join('\n');
}

function jsonOf(
  named: readonly Named[],
  together: object | undefined,
  redact: (text: string) => string,
): string {
  const targets = named.map(({ name, report }) => ({ target: name, ...report.json }));
  return `${plainJson({ targets, ...together }, 2, redact)}\n`;
}

function reportOfFailure(reason: unknown, redact: (text: string) => string): Report {
  const { code, message } = asConnectorError(reason);
  const text = `failed (${code}): ${visible(redact(message))}\n`;
  return { text, json: { error: { code, message } }, code: exitCodeOf(reason) };
}

/** Where Nomad can't be read, all fail for the same error. */
function logFailures(
  { targets, logger }: Pick<Reporting<MaybeTarget>, 'targets' | 'logger'>,
  settled: readonly PromiseSettledResult<Report>[],
): void {
  const reasons = settled.map((one): unknown =>
    one.status === 'rejected' ? one.reason : undefined,
  );
  const failed = new Set(reasons.filter((reason) => reason !== undefined));
  for (const error of failed) {
    const names = targets.filter((_, at) => reasons[at] === error).map((one) => one?.name);
    logger.error('failed', { targets: names, error });
  }
}
