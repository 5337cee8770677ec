import { keptLines, planLines, type PlanLine, type Sign } from './lines.js';
import { visible } from '../../shared/text.js';
import { isStructural } from '../dispatch.js';
import type { Skipped } from '../../desired/types.js';
import type { Held, Plan, Problem, ReloadReason } from '../types.js';

/** Colours a sign. The identity if colours are off. */
export type Paint = (sign: Sign, text: string) => string;

/** Applied to every text of a plan before it is shown. */
export type Redact = (text: string) => string;

/**
 * The plan for people. The last line is always printed. It is `No changes.` only if nothing is to
 * be done, skipped or held.
 */
export function printPlan(
  plan: Plan,
  paint: Paint = (_, text) => text,
  redact: Redact = (text) => text,
): string {
  const { url, configVersion, catalogIndex } = plan.header;
  const clean = (text: string): string => visible(redact(text));
  const lines = planLines(plan).map((line) => cleanLine(line, clean));
  const width = Math.max(0, ...lines.map(({ subject, level }) => subject.length + level * 4));
  return [
    `HAProxy ${clean(url)} (config v${configVersion}, Nomad index ${catalogIndex})`,
    ...lines.map((line) => paint(line.sign, printLine(line, width))),
    ...notes(plan).map((note) => paint('!', `  ! ${clean(note)}`)),
    clean(summary(plan, lines)),
    '',
  ].join('\n');
}

function cleanLine(line: PlanLine, clean: Redact): PlanLine {
  return { ...line, subject: clean(line.subject), detail: clean(line.detail) };
}

/** Details start in this column, or further right if a subject needs the room. */
const minWidth = 31;
const maxWidth = 60;

function printLine({ sign, subject, detail, level }: PlanLine, width: number): string {
  const indent = level === 0 ? '  ' : '      ';
  const column = Math.max(minWidth, Math.min(width, maxWidth) + 2);
  const pad = detail === '' ? subject : subject.padEnd(column - level * 4);
  return `${indent}${sign} ${pad}${detail}`;
}

function notes({ skipped, held, problems, kept }: Plan): string[] {
  const held_ = held === undefined ? [] : [`held: ${heldText(held)}`];
  return [
    ...[...skipped]
      .map(({ service, reason }) => `service ${shortName(service)} skipped: ${reason}`)
      .sort(),
    ...held_,
    ...problems.map(({ message }) => `problem: ${message}`),
    ...keptLines(kept).map((line) => `kept, as sync.policy says: ${keptText(line)}`),
  ];
}

/** `remove backend nomad_web (default/web)`. */
function keptText({ sign, group, subject, detail }: PlanLine): string {
  const where = group === subject ? '' : ` of ${group}`;
  return `${actionOf(sign)} ${subject}${where}${detail === '' ? '' : ` (${detail})`}`;
}

function heldText({ instances, backends, reason }: NonNullable<Plan['held']>): string {
  return `removal of ${instances.length} servers and ${backends.length} backends: ${reason}`;
}

/** `default/web` -> `web`; other namespaces are named. */
function shortName(service: string): string {
  return service.startsWith('default/') ? service.slice('default/'.length) : service;
}

function summary(plan: Plan, lines: readonly PlanLine[]): string {
  const { length } = keptLines(plan.kept);
  const kept = length === 0 ? '' : `, ${length} kept`;
  if (isEmpty(plan)) return `No changes${kept}.`;
  const count = (sign: Sign): number =>
    lines.filter((line) => line.sign === sign && line.counts).length;
  const skipped = plan.skipped.length === 0 ? '' : `, ${plan.skipped.length} skipped`;
  const held = plan.held === undefined ? '' : ', removals held';
  return (
    `Plan: ${count('+')} to add, ${count('~')} to change, ${count('-')} to remove` +
    `${skipped}${held}${kept}. Reload: ${reloadText(plan)}.`
  );
}

function isEmpty({ steps, skipped, held, problems }: Plan): boolean {
  return steps.length + skipped.length + problems.length === 0 && held === undefined;
}

/** Whether HAProxy must reload, and why. */
export function reloadsOf(plan: Plan): readonly { reason: string; code: ReloadReason }[] {
  const reloads = plan.steps.filter(isStructural);
  // The marker changes with every reload, so it is only a reason if it is the only one.
  const others = reloads.filter(({ reload }) => reload !== 'generation');
  const shown = others.length > 0 ? others : reloads;
  return shown.map(({ reason, reload }) => ({ reason, code: reload }));
}

function reloadText(plan: Plan): string {
  const reasons = [...new Set(reloadsOf(plan).map(({ reason }) => reason))];
  if (reasons.length === 0) return 'no';
  const [first = '', ...rest] = reasons;
  return rest.length === 0 ? `yes (${first})` : `yes (${first} and ${rest.length} more)`;
}

/** Rises when a program that reads plans would have to change. */
export const planFormatVersion = 1;

/** The plan for programs, with stable keys: docs/plan.schema.json. */
export interface PlanDocument {
  readonly format_version: typeof planFormatVersion;
  readonly haproxy: string;
  readonly configVersion: number;
  readonly nomadIndex: number;
  readonly changes: readonly PlanChange[];
  readonly skipped: readonly Pick<Skipped, 'service' | 'code' | 'reason'>[];
  readonly held: Held | null;
  /** What `sync` would change too; absent under `sync`. */
  readonly kept?: readonly PlanChange[];
  readonly problems: readonly Problem[];
  readonly reloads: readonly { readonly reason: string; readonly code: ReloadReason }[];
  readonly noChanges: boolean;
}

interface PlanChange {
  readonly action: 'add' | 'change' | 'remove';
  readonly within?: string;
  readonly subject: string;
  readonly detail?: string;
}

export function planDocument(plan: Plan): PlanDocument {
  return {
    format_version: planFormatVersion,
    haproxy: plan.header.url,
    configVersion: plan.header.configVersion,
    nomadIndex: plan.header.catalogIndex,
    changes: planLines(plan)
      .filter(({ counts }) => counts)
      .map(changeOf),
    skipped: plan.skipped.map(({ service, code, reason }) => ({ service, code, reason })),
    held: plan.held ?? null,
    ...(plan.kept === undefined ? {} : { kept: keptLines(plan.kept).map(changeOf) }),
    problems: plan.problems,
    reloads: reloadsOf(plan),
    noChanges: isEmpty(plan),
  };
}

function changeOf({ sign, group, subject, detail }: PlanLine): PlanChange {
  return {
    action: actionOf(sign),
    ...(group === subject ? {} : { within: group }),
    subject,
    ...(detail === '' ? {} : { detail }),
  };
}

function actionOf(sign: Sign): 'add' | 'change' | 'remove' {
  return sign === '+' ? 'add' : sign === '-' ? 'remove' : 'change';
}
