import { formatAddress } from '../../haproxy/addresses.js';
import type { Binding, SlotConfig } from '../../haproxy/slots.js';
import { compareText } from '../../shared/compare.js';
import { type JsonObject, textAt } from '../../shared/json.js';
import { byKind, isRuleStep, stepIs, type StepHandlers, type StepOf } from '../dispatch.js';
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
import { type InstanceBehind, instanceBehind, instanceText, type NodeOf } from './instance.js';

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

/** A line, with the instance behind its server. */
interface StepLine extends PlanLine {
  readonly instance?: InstanceBehind;
}

/** The plan as lines in a stable order: by backend, with the backend itself first. */
export function planLines(plan: Plan, nodeOf: NodeOf = () => undefined): readonly PlanLine[] {
  const lines = [
    ...plan.steps.filter((step) => !isRuleStep(step)).flatMap(linesOf),
    // A wildcard has one lookup per depth. One line is enough.
    ...uniqueBy(plan.steps.filter(isRuleStep).flatMap(linesOf), (line) => JSON.stringify(line)),
  ];
  const headed = new Set(lines.filter(({ level }) => level === 0).map(({ group }) => group));
  const headings = plan.steps.flatMap((step) => headingOf(step, headed));
  return [...lines, ...uniqueBy(headings, ({ group }) => group)]
    .map((line) => withInstance(line, nodeOf))
    .sort(compare);
}

/** What `sync.policy` keeps: backends as a whole, and the servers of a service in an operator's. */
export function keptLines(steps: readonly Step[] = []): readonly PlanLine[] {
  const lines = steps.flatMap((step) =>
    isOwnServer(step) ? [keptServers(step)] : linesOf(step).filter(({ level }) => level === 0),
  );
  return uniqueBy(lines, (line) => JSON.stringify(line)).sort(compare);
}

const isOwnServer = stepIs({ object: 'server', effect: ['change', 'remove'] });

function keptServers(step: StepOf<'replace-server' | 'delete-server'>): PlanLine {
  const service = step.kind === 'delete-server' ? step.service : step.slot.service;
  const group = `backend ${step.backend}`;
  const sign = signOf[effectOf(step.kind)];
  return { sign, group, subject: `servers of ${service}`, detail: '', level: 0, counts: true };
}

/** `check GET /health every 10s; alloc 1a2b3c4d, job web, node n1`. */
function withInstance({ instance, ...line }: StepLine, nodeOf: NodeOf): PlanLine {
  if (instance === undefined) return line;
  const who = instanceText(instance, nodeOf);
  return { ...line, detail: line.detail === '' ? who : `${line.detail}; ${who}` };
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

const stepLines: StepHandlers<readonly StepLine[]> = {
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
  'create-server': (step) =>
    addedServers({ ...step, service: step.slot.service, slots: [step.slot] }),
  'replace-server': ({ backend, slot }) => [server('~', { ...slot, backend }, 'check or settings')],
  'delete-server': (step) => removedServers({ ...step, before: [step.before] }),
  'insert-rule': ruleLines,
  'delete-rule': ruleLines,
  'set-marker': () => [],
  'bind-slot': slotLines,
  'update-slot': slotLines,
  'drain-slot': slotLines,
  'free-slot': slotLines,
  'repair-slot': ({ backend, slot }) => [server('~', { ...slot, backend }, `make ${slot.admin}`)],
  'open-server': (step) => [server('~', step, 'passed its check')],
  'add-entry': entryLines,
  'set-entry': entryLines,
  'delete-entry': entryLines,
  reload: () => [],
};

function linesOf(step: Step): readonly StepLine[] {
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

interface SlotOfBackend {
  readonly backend: string;
  readonly service: string;
  readonly config: SlotConfig;
  readonly binding?: Binding;
}

function server(
  sign: Sign,
  { backend, service, config, binding }: SlotOfBackend,
  detail: string,
): StepLine {
  const subject = `server ${addressOf(config)}`;
  const line = {
    sign,
    group: `backend ${backend}`,
    subject,
    detail,
    level: 1,
    counts: true,
  } as const;
  const instance = instanceBehind(service, binding);
  return instance === undefined ? line : { ...line, instance };
}

export function addressOf({ address, port }: SlotConfig): string {
  return formatAddress(address, port);
}

interface Place {
  readonly backend: string;
  readonly service: string;
}

function addedServers(
  step: Place & { readonly slots: readonly PlannedSlot[]; readonly summary: string },
): StepLine[] {
  const { backend, service, slots, summary } = step;
  return slots
    .filter(({ binding }) => binding !== undefined)
    .map((slot) => server('+', { ...slot, backend, service }, summary));
}

function removedServers(step: Place & { readonly before: readonly SlotBefore[] }): StepLine[] {
  const { backend, service, before } = step;
  return before
    .filter(({ binding }) => binding !== undefined)
    .map((slot) => server('-', { ...slot, backend, service }, ''));
}

function changedServers(
  step: Place & {
    readonly slots: readonly PlannedSlot[];
    readonly before: readonly SlotBefore[];
    readonly summary: string;
  },
): StepLine[] {
  const before = new Map(step.before.map((slot) => [slot.name, slot]));
  return step.slots.flatMap((slot) => slotChange(step, before.get(slot.name), slot, step.summary));
}

function slotLines(step: SlotStep): StepLine[] {
  return slotChange(step, step.before, step.slot, step.summary);
}

function slotChange(
  { backend, service }: Place,
  before: SlotBefore | undefined,
  slot: PlannedSlot,
  summary: string,
): StepLine[] {
  const { binding, config } = slot;
  const line = (sign: Sign, detail: string, of: SlotBefore = slot): StepLine =>
    server(sign, { ...of, backend, service }, detail);
  if (binding === undefined) {
    if (before?.binding === undefined) return [];
    return [line('-', 'drained; free its slot', before)];
  }
  if (before?.binding?.id !== binding.id) return [line('+', summary)];
  const draining = before.binding.drainingSince !== undefined;
  if (binding.drainingSince !== undefined) {
    return draining ? [] : [line('-', 'drain, then free its slot')];
  }
  if (draining) return [line('+', 'is back; end the drain')];
  const restarted = before.binding.createIndex !== binding.createIndex;
  const changes =
    configChanges(before.config, config) || (restarted ? 'its instance restarted' : '');
  return changes === '' ? [] : [line('~', changes)];
}

function configChanges(before: SlotConfig, after: SlotConfig): string {
  const changes: string[] = [];
  if (addressOf(before) !== addressOf(after)) changes.push(`from ${addressOf(before)}`);
  if (before.weight !== after.weight) changes.push(`weight ${before.weight} -> ${after.weight}`);
  if (before.checkPort !== after.checkPort) changes.push(`check port ${after.checkPort ?? 'none'}`);
  if (before.disabled !== after.disabled) changes.push(after.disabled ? 'hold' : 'serve');
  return changes.join(', ');
}
