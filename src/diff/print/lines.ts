import { formatAddress } from '../../haproxy/addresses.js';
import type { SlotConfig } from '../../haproxy/slots.js';
import { compareText } from '../../shared/compare.js';
import { type JsonObject, textAt } from '../../shared/json.js';
import { byKind, isRuleStep, stepIs, type StepHandlers } from '../dispatch.js';
import { effectOf } from '../steps.js';
import type {
  EntryStep,
  Plan,
  PlannedSlot,
  RuleStep,
  SlotBefore,
  SlotStep,
  Step,
} from '../types.js';

export type Sign = '+' | '~' | '-' | '!';

/** One line of the printed plan. */
export interface PlanLine {
  readonly sign: Sign;
  /** The object it belongs to, for sorting and grouping. */
  readonly group: string;
  readonly subject: string;
  readonly detail: string;
  /** A heading above its servers, counted only if it changes itself. */
  readonly level: 0 | 1;
  readonly counts: boolean;
}

/** The plan as lines in a stable order: by backend, with the backend itself first. */
export function planLines(plan: Plan): readonly PlanLine[] {
  const lines = [
    ...plan.steps.filter((step) => !isRuleStep(step)).flatMap(linesOf),
    // A wildcard has one lookup per depth. One line is enough.
    ...uniqueBy(plan.steps.filter(isRuleStep).flatMap(linesOf), (line) => JSON.stringify(line)),
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

/** Lines for additions, changes and removals. */
const signs: readonly Sign[] = ['+', '~', '-', '!'];

function uniqueBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()];
}

/** Changed servers of an unchanged backend get a heading. */
function headingOf(step: Step, headed: ReadonlySet<string>): PlanLine[] {
  if (!isAboutServer(step)) return [];
  const group = `backend ${step.backend}`;
  if (headed.has(group)) return [];
  const detail = 'slot' in step ? step.slot.service : step.service;
  return [{ sign: '~', group, subject: group, detail, level: 0, counts: false }];
}

const isAboutServer = stepIs({ object: ['slot', 'health', 'server'] });

const stepLines: StepHandlers<readonly PlanLine[]> = {
  'create-map': ({ map }) => [top('+', `map ${map}`, '')],
  'write-map': ({ map }) => [top('~', `map ${map}`, 'file')],
  'create-backend': (step) => [heading('+', step.backend, step.service), ...addedServers(step)],
  'replace-backend': (step) => {
    const changed = step.changes.length > 0;
    const why = changed ? `: ${step.changes.join(', ')}` : '';
    return [
      { ...heading('~', step.backend, `${step.service}${why}`), counts: changed },
      ...changedServers(step),
    ];
  },
  'delete-backend': (step) => [heading('-', step.backend, step.service), ...removedServers(step)],
  'create-server': (step) => addedServers({ ...step, slots: [step.slot] }),
  'replace-server': ({ backend, slot }) => [server('~', backend, slot.config, 'check or settings')],
  'delete-server': (step) => removedServers({ ...step, before: [step.before] }),
  'insert-rule': ruleLines,
  'delete-rule': ruleLines,
  'set-marker': () => [],
  'bind-slot': slotLines,
  'update-slot': slotLines,
  'drain-slot': slotLines,
  'free-slot': slotLines,
  'repair-slot': ({ backend, slot }) => [server('~', backend, slot.config, `make ${slot.admin}`)],
  'open-server': ({ backend, config }) => [server('~', backend, config, 'passed its check')],
  'add-entry': entryLines,
  'set-entry': entryLines,
  'delete-entry': entryLines,
  reload: () => [],
};

function linesOf(step: Step): readonly PlanLine[] {
  return byKind(step, stepLines);
}

const signOf = { create: '+', change: '~', remove: '-' } as const;

function ruleLines({ kind, frontend, rule }: RuleStep): PlanLine[] {
  return [top(signOf[effectOf(kind)], `rule in frontend ${frontend}`, ruleText(rule))];
}

function entryLines({ kind, map, key, value }: EntryStep): PlanLine[] {
  const sign = signOf[effectOf(kind)];
  const check = /_check_(path|host)$/.exec(map)?.[1];
  const target = check === undefined ? `to backend ${value}` : `${check} ${value}`;
  const subject = check === undefined ? `route ${key}` : `check of ${key}`;
  return [top(sign, subject, value === '' ? '' : target)];
}

/** The file that a lookup reads, as `...,map(/path/nomad_exact.map)` names it. */
const lookupFile = /,map[a-z_]*\((?:[^,()]*\/)?([^/,()]+)\.map[,)]/;

function ruleText(rule: JsonObject): string {
  const backend = textAt(rule, 'name');
  const file = lookupFile.exec(`${backend} ${textAt(rule, 'cond_test')}`)?.[1];
  if (backend.startsWith('%[') && file !== undefined) return `use_backend by map ${file}`;
  const acl = textAt(rule, 'acl_name');
  if (acl !== '') return `acl ${acl} ${textAt(rule, 'criterion')} ${textAt(rule, 'value')}`.trim();
  const condition = `${textAt(rule, 'cond')} ${textAt(rule, 'cond_test')}`.trim();
  if (backend === '') return `http-request ${textAt(rule, 'type')} ${textAt(rule, 'var_name')}`;
  return `use_backend ${backend} ${condition}`.trim();
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

function slotLines({ backend, before, slot, summary }: SlotStep): PlanLine[] {
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
    return [server('-', backend, before.config, 'drained; free its slot')];
  }
  if (before?.binding?.id !== binding.id) return [server('+', backend, config, summary)];
  const draining = before.binding.drainingSince !== undefined;
  if (binding.drainingSince !== undefined) {
    return draining ? [] : [server('-', backend, config, 'drain, then free its slot')];
  }
  if (draining) return [server('+', backend, config, 'is back; end the drain')];
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
