import { basename } from 'node:path';

import type { ActualFrontend, ActualState } from '../actual/types.js';
import type { Settings } from '../config/types.js';
import { type MapKind, mapNames } from '../haproxy/map-names.js';
import { connectorBackendName } from '../haproxy/names.js';
import { type JsonObject, textAt } from '../shared/json.js';
import { appliesTo } from './condition.js';
import { defaultBackendOf, fixedStatusOf, type sectionsOf } from './operator-text.js';
import { own } from './own.js';
import {
  evaluateSample,
  type Hit,
  type Request,
  type Sample,
  type Surroundings,
} from './request.js';
import type { End, Entry } from './types.js';

export interface Traced {
  readonly end: End;
  /** The operator's rules before that end whose condition can't be read here, so they may apply. */
  readonly maybe: readonly string[];
}

interface TraceInput {
  readonly actual: ActualState;
  readonly settings: Pick<Settings, 'routing' | 'ownership'>;
  readonly sections: ReturnType<typeof sectionsOf>;
}

/** What HAProxy does with a request in a frontend, by what its process has loaded. */
export function traceRequest(
  frontend: ActualFrontend,
  request: Request,
  input: TraceInput,
): Traced {
  const around = surroundingsOf(frontend, request, input.actual);
  const maybe: string[] = [];
  const ended = endedBefore(frontend, around, maybe) ?? switched(frontend, around, input, maybe);
  return { end: ended ?? fallback(frontend.name, input), maybe };
}

function surroundingsOf(
  { httpRequestRules }: ActualFrontend,
  request: Request,
  { maps }: ActualState,
): Surroundings {
  const around: Surroundings = {
    request,
    entriesOf: (file) => own(maps, basename(file).replace(/\.map$/, ''))?.entries,
    variables: new Map<string, Sample>(),
  };
  for (const rule of httpRequestRules) {
    if (textAt(rule, 'type') !== 'set-var') continue;
    const name = `${textAt(rule, 'var_scope')}.${textAt(rule, 'var_name')}`;
    around.variables.set(name, evaluateSample(textAt(rule, 'var_expr'), around));
  }
  return around;
}

const finalTypes: readonly string[] = [
  'return',
  'deny',
  'redirect',
  'reject',
  'tarpit',
  'silent-drop',
];

/** An `http-request` rule of the operator's that answers itself. */
function endedBefore(
  { acls, httpRequestRules }: ActualFrontend,
  around: Surroundings,
  maybe: string[],
): End | undefined {
  for (const rule of httpRequestRules) {
    const type = textAt(rule, 'type');
    if (!finalTypes.includes(type) && type !== 'allow') continue;
    const verdict = appliesTo(rule, acls, around);
    if (verdict === false) continue;
    const text = ruleText(`http-request ${type}`, rule);
    if (verdict === undefined) {
      if (type !== 'allow') maybe.push(text);
      continue;
    }
    if (type === 'allow') return undefined;
    return { kind: 'operator', rule: text, ...statusOf(rule, type) };
  }
  return undefined;
}

function statusOf(rule: JsonObject, type: string): { readonly status?: number } {
  const given = rule['return_status_code'] ?? rule['deny_status'] ?? rule['redir_code'];
  if (typeof given === 'number') return { status: given };
  if (type === 'deny') return { status: 403 };
  return type === 'redirect' ? { status: 302 } : type === 'return' ? { status: 200 } : {};
}

/** The first `use_backend` that applies. */
function switched(
  { acls, rules }: ActualFrontend,
  around: Surroundings,
  input: TraceInput,
  maybe: string[],
): End | undefined {
  for (const rule of rules) {
    const text = ruleText(`use_backend ${textAt(rule, 'name')}`, rule);
    const verdict = appliesTo(rule, acls, around);
    if (verdict === undefined) maybe.push(text);
    if (verdict !== true) continue;
    const target = targetOf(rule, around);
    if (target === 'unreadable') maybe.push(text);
    // A name that resolves to nothing ends the search (HAProxy, `process_switching_rules`).
    else if (target === 'nothing') return undefined;
    else return endAt(target, text, input);
  }
  return undefined;
}

interface Target {
  readonly backend: string;
  readonly hit?: Hit;
}

function targetOf(rule: JsonObject, around: Surroundings): Target | 'unreadable' | 'nothing' {
  const name = textAt(rule, 'name');
  const expression = /^%\[(.*)\]$/.exec(name)?.[1];
  if (expression === undefined) return name.includes('%[') ? 'unreadable' : { backend: name };
  const sample = evaluateSample(expression, around);
  if (sample.state === 'unreadable') return 'unreadable';
  if (sample.state === 'none') return 'nothing';
  return { backend: sample.value, ...(sample.hit === undefined ? {} : { hit: sample.hit }) };
}

function endAt({ backend, hit }: Target, rule: string, input: TraceInput): End | undefined {
  const { actual, settings, sections } = input;
  const known = own(actual.backends, backend);
  if (known === undefined) return undefined;
  // For a host whose owner is away: no server of it ever runs.
  if (isConnectors(backend, settings)) return { kind: 'default', backend, status: 503 };
  const isOurs = known.ours || known.slots.length > 0;
  if (!isOurs) {
    const status = fixedStatusOf(sections, backend);
    return { kind: 'operator', rule, backend, ...(status === undefined ? {} : { status }) };
  }
  const entry: Entry = hit === undefined ? { rule } : entryOf(hit, settings);
  return { kind: 'service', backend, entry };
}

/** Which of our maps, if it is one. */
function entryOf({ file, key }: Hit, { routing }: Pick<Settings, 'routing'>): Entry {
  const map = basename(file).replace(/\.map$/, '');
  const kind = Object.entries(mapNames(routing)).find(([, name]) => name === map)?.[0];
  return { map, file, key, ...(kind === undefined ? {} : { match: kind as MapKind }) };
}

function fallback(frontend: string, { sections }: TraceInput): End {
  const backend = defaultBackendOf(sections, frontend);
  if (backend === undefined) return { kind: 'default', status: 503 };
  const status = fixedStatusOf(sections, backend);
  return { kind: 'default', backend, ...(status === undefined ? {} : { status }) };
}

function ruleText(start: string, rule: JsonObject): string {
  return `${start} ${textAt(rule, 'cond')} ${textAt(rule, 'cond_test')}`.trim();
}

export function isConnectors(
  backend: string | undefined,
  { ownership }: Pick<Settings, 'ownership'>,
): boolean {
  return backend === connectorBackendName(ownership.prefix);
}
