import { formatAddress } from '../../haproxy/addresses.js';
import type { SlotConfig } from '../../haproxy/slots.js';
import { compareText } from '../../shared/compare.js';
import { type JsonObject, textAt } from '../../shared/json.js';
import type { EntryStep, Plan, PlannedSlot, SlotBefore, SlotStep, Step } from '../types.js';

export type Sign = '+' | '~' | '-' | '!';

/** One line of the printed plan. */
export interface PlanLine {
  readonly sign: Sign;
  /** What it belongs to: lines are sorted and grouped by it. */
  readonly group: string;
  readonly subject: string;
  readonly detail: string;
  /** A heading above its servers; counted only when it changes itself. */
  readonly level: 0 | 1;
  readonly counts: boolean;
}

/** The plan as lines, in a stable order: by backend, the backend itself first. */
export function planLines(plan: Plan): readonly PlanLine[] {
  const isRule = ({ kind }: Step): boolean => kind === 'insert-rule' || kind === 'delete-rule';
  const lines = [
    ...plan.steps.filter((step) => !isRule(step)).flatMap(linesOf),
    // A wildcard is looked up once for each depth: one line says it.
    ...uniqueBy(plan.steps.filter(isRule).flatMap(linesOf), (line) => JSON.stringify(line)),
  ];
  const headed = new Set(lines.filter(({ level }) => level === 0).map(({ group }) => group));
  const headings = plan.steps.flatMap((step) => headingOf(step, headed));
  return [...lines, ...uniqueBy(headings, ({ group }) => group)].sort(compare);
}

function compare(a: PlanLine, b: PlanLine): number {
  return (
    compareText(a.group, b.group) ||
    a.level - b.level ||
    signs.indexOf(a.sign) - signs.indexOf(b.sign) ||
    compareText(a.subject, b.subject) ||
    compareText(a.detail, b.detail)
  );
}

/** What comes, what changes, what goes. */
const signs: readonly Sign[] = ['+', '~', '-', '!'];

function uniqueBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()];
}

/** Servers that change in a backend that stays stand below a heading. */
function headingOf(step: Step, headed: ReadonlySet<string>): PlanLine[] {
  if (!isAboutServer(step)) return [];
  const group = `backend ${step.backend}`;
  if (headed.has(group)) return [];
  const detail = 'slot' in step ? step.slot.service : step.service;
  return [{ sign: '~', group, subject: group, detail, level: 0, counts: false }];
}

type ServerStep = SlotStep | Extract<Step, { kind: `${string}-server` }>;

function isAboutServer(step: Step): step is ServerStep {
  return step.route === 'no-reload' || step.kind.endsWith('-server');
}

function linesOf(step: Step): PlanLine[] {
  switch (step.kind) {
    case 'create-backend':
      return [heading('+', step.backend, step.service), ...addedServers(step)];
    case 'replace-backend': {
      const changed = step.changes.length > 0;
      const why = changed ? `: ${step.changes.join(', ')}` : '';
      return [
        { ...heading('~', step.backend, `${step.service}${why}`), counts: changed },
        ...changedServers(step),
      ];
    }
    case 'delete-backend':
      return [heading('-', step.backend, step.service), ...removedServers(step)];
    case 'create-server':
      return addedServers({ ...step, slots: [step.slot] });
    case 'replace-server':
      return [server('~', step.backend, step.slot.config, 'check or settings')];
    case 'delete-server':
      return removedServers({ ...step, before: [step.before] });
    case 'bind-slot':
    case 'update-slot':
    case 'drain-slot':
    case 'free-slot':
    case 'repair-slot':
      return slotLines(step);
    case 'add-entry':
      return [entryLine('+', step)];
    case 'set-entry':
      return [entryLine('~', step)];
    case 'delete-entry':
      return [entryLine('-', step)];
    case 'insert-rule':
    case 'delete-rule': {
      const sign = step.kind === 'insert-rule' ? '+' : '-';
      return [top(sign, `rule in frontend ${step.frontend}`, ruleText(step.rule))];
    }
    case 'create-map':
      return [top('+', `map ${step.map}`, '')];
    case 'set-marker':
    case 'reload':
      return [];
  }
}

function entryLine(sign: Sign, { map, key, value }: EntryStep): PlanLine {
  const check = /_check_(path|host)$/.exec(map)?.[1];
  if (check !== undefined)
    return top(sign, `check of ${key}`, value === '' ? '' : `${check} ${value}`);
  return top(sign, `route ${key}`, value === '' ? '' : `to backend ${value}`);
}

/** The file that a lookup reads, as `%[...,map(/path/nomad_exact.map)]` names it. */
const lookupFile = /^%\[.*map[a-z_]*\((?:[^,()]*\/)?([^/,()]+)\.map\)\]$/;

function ruleText(rule: JsonObject): string {
  const file = lookupFile.exec(textAt(rule, 'name'))?.[1];
  if (file !== undefined) return `use_backend by map ${file}`;
  const acl = textAt(rule, 'acl_name');
  if (acl !== '') return `acl ${acl} ${textAt(rule, 'criterion')} ${textAt(rule, 'value')}`.trim();
  const condition = `${textAt(rule, 'cond')} ${textAt(rule, 'cond_test')}`.trim();
  const name = textAt(rule, 'name');
  if (name === '') return `http-request ${textAt(rule, 'type')} ${textAt(rule, 'var_name')}`;
  return `use_backend ${name} ${condition}`.trim();
}

function top(sign: Sign, subject: string, detail: string): PlanLine {
  return { sign, group: subject, subject, detail, level: 0, counts: true };
}

function heading(sign: Sign, backend: string, detail: string): PlanLine {
  return top(sign, `backend ${backend}`, detail);
}

function server(sign: Sign, backend: string, config: SlotConfig, detail: string): PlanLine {
  const subject = `server ${addressOf(config)}`;
  return { sign, group: `backend ${backend}`, subject, detail, level: 1, counts: true };
}

export function addressOf({ address, port }: SlotConfig): string {
  return formatAddress(address, port);
}

function addedServers(step: {
  readonly backend: string;
  readonly slots: readonly PlannedSlot[];
  readonly summary: string;
}): PlanLine[] {
  return step.slots
    .filter(({ binding }) => binding !== undefined)
    .map(({ config }) => server('+', step.backend, config, step.summary));
}

function removedServers(step: {
  readonly backend: string;
  readonly before: readonly SlotBefore[];
}): PlanLine[] {
  return step.before
    .filter(({ binding }) => binding !== undefined)
    .map(({ config }) => server('-', step.backend, config, ''));
}

function changedServers(step: {
  readonly backend: string;
  readonly service: string;
  readonly slots: readonly PlannedSlot[];
  readonly before: readonly SlotBefore[];
  readonly summary: string;
}): PlanLine[] {
  const before = new Map(step.before.map((slot) => [slot.name, slot]));
  return step.slots.flatMap((slot) => {
    const old = before.get(slot.name);
    return slotChange(step.backend, old, slot, step.summary);
  });
}

function slotLines({ kind, backend, before, slot, summary }: SlotStep): PlanLine[] {
  if (kind === 'repair-slot') return [server('~', backend, slot.config, `make ${slot.admin}`)];
  return slotChange(backend, before, slot, summary);
}

function slotChange(
  backend: string,
  before: SlotBefore | undefined,
  slot: PlannedSlot,
  summary: string,
): PlanLine[] {
  const { binding, config } = slot;
  if (binding === undefined) {
    if (before?.binding === undefined) return [];
    return [server('-', backend, before.config, 'drained, free its slot')];
  }
  if (before?.binding?.id !== binding.id) return [server('+', backend, config, summary)];
  const draining = before.binding.drainingSince !== undefined;
  if (binding.drainingSince !== undefined) {
    return draining ? [] : [server('-', backend, config, 'drain, then free its slot')];
  }
  if (draining) return [server('+', backend, config, 'is back, end the drain')];
  const restarted = before.binding.createIndex !== binding.createIndex;
  const changes =
    configChanges(before.config, config) || (restarted ? 'its instance restarted' : '');
  return changes === '' ? [] : [server('~', backend, config, changes)];
}

function configChanges(before: SlotConfig, after: SlotConfig): string {
  const changes: string[] = [];
  if (addressOf(before) !== addressOf(after)) changes.push(`from ${addressOf(before)}`);
  if (before.weight !== after.weight) changes.push(`weight ${before.weight} -> ${after.weight}`);
  if (before.checkPort !== after.checkPort) changes.push(`check port ${after.checkPort ?? 'none'}`);
  if (before.disabled !== after.disabled) changes.push(after.disabled ? 'hold' : 'serve');
  return changes.join(', ');
}
