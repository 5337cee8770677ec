import equal from 'fast-deep-equal';

import { mapNames } from '../../haproxy/map-names.js';
import type { ActualFrontend } from '../../actual/types.js';
import type { Adoption } from '../complete/adopt.js';
import type { Settings } from '../../config/types.js';
import type { JsonObject } from '../../shared/json.js';
import { pathVariable } from '../../haproxy/expressions.js';
import { isLookup } from '../../haproxy/lookup-rules.js';
import { aclPrefix, type FrontendRouting } from './routes.js';
import type { TakenRoutes } from './taken-routes.js';
import { effectOf } from '../steps.js';
import type { RuleStep } from '../types.js';

type ListName = RuleStep['list'];

/**
 * Edits a frontend's lists without touching or moving any operator's rule. A rule is ours only if
 * it reads our maps or uses only our ACLs. Lists are never written whole. `whole` is our resulting
 * part, including what is kept.
 */
export function planFrontend(
  frontend: ActualFrontend,
  routing: FrontendRouting,
  others: {
    readonly kept: ReadonlySet<string>;
    /** What the policy takes from them. */
    readonly taken: TakenRoutes['rule'];
    readonly adoption: Adoption;
    /** Rules left by an earlier map name. */
    readonly isOrphaned: (rule: JsonObject) => boolean;
    /** Rules of connectors with other prefixes. */
    readonly isNeighbours: (rule: JsonObject) => boolean;
  },
  settings: Settings,
): { readonly steps: readonly RuleStep[]; readonly whole: FrontendRouting } {
  const { isNeighbours } = others;
  const own = ownership(settings, frontend, others);
  const rules = own.withKept(routing.rules);
  const edit = (
    list: ListName,
    actual: readonly JsonObject[],
    wanted: readonly JsonObject[],
    isOurs: (rule: JsonObject) => boolean,
  ) =>
    planList({
      ...{ frontend: frontend.name, list, actual, wanted, isOurs },
      settings,
      isNeighbours,
    });
  const acls = edit('acls', frontend.acls, routing.acls, own.acl);
  const steps = [
    ...acls.filter(({ kind }) => effectOf(kind) === 'create'),
    ...(own.sharesPath
      ? []
      : edit('http_request_rules', frontend.httpRequestRules, routing.httpRequestRules, own.http)),
    ...edit('backend_switching_rules', frontend.rules, rules, own.rule),
    ...acls.filter(({ kind }) => effectOf(kind) === 'remove'),
  ];
  return { steps, whole: { ...routing, rules, acls: [...routing.acls, ...own.keptAcls] } };
}

/** In rules mode, rules to a kept backend stay in place. */
function ownership(
  settings: Settings,
  frontend: ActualFrontend,
  { kept, taken, adoption, isOrphaned, isNeighbours }: Parameters<typeof planFrontend>[2],
) {
  const prefix = aclPrefix(settings.ownership.prefix);
  const names = mapNames(settings.routing);
  const text = (rule: JsonObject, key: string): string => {
    const value = rule[key];
    return typeof value === 'string' ? value : '';
  };
  const usesOnlyOurAcls = (test: string): boolean => {
    const names = test.split(/\s+/).filter((word) => word !== '');
    return names.length > 0 && names.every((name) => name.startsWith(prefix));
  };
  const stays = (rule: JsonObject): boolean =>
    kept.has(text(rule, 'name')) && !taken(rule, frontend);
  const needed = new Set(
    frontend.rules.filter(stays).flatMap((rule) => text(rule, 'cond_test').split(/\s+/)),
  );
  const isAdopted = (acl: string): boolean => adoption.acls.has(`${frontend.name} ${acl}`);
  const rule = (one: JsonObject): boolean =>
    (adoption.backends.has(text(one, 'name')) && isAdopted(text(one, 'cond_test').trim())) ||
    isLookup(one, (kind) => names[kind]) ||
    isOrphaned(one) ||
    usesOnlyOurAcls(text(one, 'cond_test'));
  return {
    acl: (rule: JsonObject) =>
      isAdopted(text(rule, 'acl_name')) ||
      (text(rule, 'acl_name').startsWith(prefix) && !needed.has(text(rule, 'acl_name'))),
    rule,
    keptAcls: frontend.acls.filter((acl) => needed.has(text(acl, 'acl_name'))),
    sharesPath:
      frontend.rules.some((one) => isNeighbours(one) && readsPath(text(one, 'cond_test'))) &&
      frontend.httpRequestRules.some((one) => text(one, 'var_name') === pathVariable),
    withKept: (wanted: readonly JsonObject[]) =>
      withKept(wanted, frontend.rules.filter(rule), stays),
    http: (rule: JsonObject) => text(rule, 'var_name') === pathVariable,
  };
}

/** The path stands in one variable, for whichever connector needs it. */
function readsPath(test: string): boolean {
  return test.includes(`txn.${pathVariable}`);
}

/** Each rule that is kept comes after the one that it stands behind now. */
function withKept(
  wanted: readonly JsonObject[],
  ours: readonly JsonObject[],
  stays: (rule: JsonObject) => boolean,
): readonly JsonObject[] {
  const merged = [...wanted];
  let last = -1;
  for (const rule of ours) {
    const at = merged.findIndex((one) => keyOf(one) === keyOf(rule));
    if (at >= 0) last = at;
    else if (stays(rule)) merged.splice(++last, 0, rule);
  }
  return merged;
}

/** Where ours begin once they stand together: before, or after, all that is the operator's. */
function startOf({ actual, isOurs, isNeighbours, settings }: ListInput, count: number): number {
  const others = (from: number, to?: number): boolean => actual.slice(from, to).every(isNeighbours);
  if (settings.routing.position === 'before') {
    const first = actual.findIndex(isOurs);
    return first > 0 && others(0, first) ? first : 0;
  }
  const last = actual.findLastIndex(isOurs);
  return (last >= 0 && others(last + 1) ? last + 1 : actual.length) - count;
}

interface ListInput {
  readonly frontend: string;
  readonly list: ListName;
  readonly actual: readonly JsonObject[];
  readonly wanted: readonly JsonObject[];
  readonly isOurs: (rule: JsonObject) => boolean;
  readonly isNeighbours: (rule: JsonObject) => boolean;
  readonly settings: Settings;
}

/**
 * If our rules form one block in the right place, only differences are deleted and inserted.
 * Otherwise all of ours are deleted, last first, and inserted again before or after the operator's.
 * ACLs may be anywhere.
 */
function planList(input: ListInput): RuleStep[] {
  if (input.list === 'acls') return planSet(input);
  const { actual, wanted, isOurs } = input;
  const ours = actual.filter(isOurs);
  const start = startOf(input, ours.length);
  const block = actual.slice(start, start + ours.length);
  const stays = block.every(isOurs) ? staying(ours, wanted) : new Set<string>();
  return [
    ...deletions(input, (rule) => isOurs(rule) && !stays.has(keyOf(rule))),
    // In order: each is inserted once all before it are in place.
    ...wanted.flatMap((rule, offset) =>
      stays.has(keyOf(rule)) ? [] : [step(input, 'insert-rule', start + offset, rule)],
    ),
  ];
}

/** What can stay in place: nothing if the order changes or there is a duplicate. */
function staying(ours: readonly JsonObject[], wanted: readonly JsonObject[]): ReadonlySet<string> {
  const [before, after] = [ours.map(keyOf), wanted.map(keyOf)];
  const [had, has] = [new Set(before), new Set(after)];
  const left = before.filter((key) => has.has(key));
  const alike = equal(
    left,
    after.filter((key) => had.has(key)),
  );
  const unique = had.size === before.length && has.size === after.length;
  return new Set(alike && unique ? left : []);
}

function planSet(input: ListInput): RuleStep[] {
  const { actual, wanted, isOurs } = input;
  const wantedKeys = new Set(wanted.map(keyOfAcl));
  const actualKeys = new Set(actual.map(keyOfAcl));
  const stale = (rule: JsonObject) => isOurs(rule) && !wantedKeys.has(keyOfAcl(rule));
  const missing = wanted.filter((rule) => !actualKeys.has(keyOfAcl(rule)));
  return [
    // Inserted at the end first, so that the deletions' indexes still hold.
    ...missing.map((rule, offset) => step(input, 'insert-rule', actual.length + offset, rule)),
    ...deletions(input, stale),
  ];
}

function deletions(input: ListInput, which: (rule: JsonObject) => boolean): RuleStep[] {
  return input.actual
    .map((rule, index) => ({ rule, index }))
    .filter(({ rule }) => which(rule))
    .reverse()
    .map(({ rule, index }) => step(input, 'delete-rule', index, rule));
}

function step(
  { frontend, list }: ListInput,
  kind: RuleStep['kind'],
  index: number,
  rule: JsonObject,
): RuleStep {
  return {
    kind,
    route: 'transaction',
    reload: 'routing-rules',
    reason: `routing rules of frontend ${frontend}`,
    frontend,
    list,
    index,
    rule,
  };
}

export function keyOfAcl({ acl_name: name, criterion, value }: JsonObject): string {
  return JSON.stringify([name, criterion, value ?? '']);
}

/** Drops what the Data Plane API may add. */
export function keyOf(rule: JsonObject): string {
  return JSON.stringify(plain(rule));
}

function plain({ name, cond, cond_test, type, var_name, var_scope, var_expr }: JsonObject) {
  return [name, cond, cond_test, type, var_name, var_scope, var_expr].map((v) => v ?? '');
}
