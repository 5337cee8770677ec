import { createHash } from 'node:crypto';

import equal from 'fast-deep-equal';

import { markerHash } from '../../haproxy/ownership.js';
import { connectorBackendName } from '../../haproxy/names.js';
import type { ActualState } from '../../actual/types.js';
import { type Json, type JsonObject, sortedKeys } from '../../shared/json.js';
import type { Sliced } from '../../shared/slices.js';
import type { PlanInput } from './input.js';
import type { FrontendRouting } from './routes.js';
import { keyOf, keyOfAcl } from './rules.js';
import { serverFacts } from './server-facts.js';
import type { Step } from '../types.js';

/**
 * A hash of our structural configuration: what can change only by a reload. Addresses, ports,
 * weights, maintenance, metadata and check ports are not in it, so a write without a reload leaves
 * it alone, and a lost reload shows as a difference between disk and process.
 */
export function structuralHash(value: Json): string {
  return hashOf(stable(value));
}

const hashLength = 12;

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, hashLength);
}

/** JSON with sorted keys and without undefined. */
function stable(value: Json | undefined): string {
  // Nearly all are sorted: sections are in canonical form.
  if (typeof value !== 'object' || value === null || isSorted(value)) {
    return JSON.stringify(value ?? null);
  }
  if (isList(value)) return `[${value.map(stable).join(',')}]`;
  const parts: string[] = [];
  for (const key of sortedKeys(value)) {
    const inner = value[key];
    if (inner !== undefined) parts.push(`${JSON.stringify(key)}:${stable(inner)}`);
  }
  return `{${parts.join(',')}}`;
}

/** Whether JSON of it has sorted keys. */
function isSorted(value: Json | undefined): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (isList(value)) return value.every(isSorted);
  let last = '';
  for (const key of Object.keys(value)) {
    if (key < last || !isSorted(value[key])) return false;
    last = key;
  }
  return true;
}

function isList(value: readonly Json[] | JsonObject): value is readonly Json[] {
  return Array.isArray(value);
}

/** What is hashed at a time. */
const backendsAtOnce = 50;

/** Of the text `[[structure,structure],parts]`, which has megabytes. */
function* hashOfAll(structures: readonly JsonObject[], parts: string): Sliced<string> {
  const hash = createHash('sha256').update('[[');
  for (let at = 0; at < structures.length; at += backendsAtOnce) {
    const texts = structures.slice(at, at + backendsAtOnce).map(stable);
    hash.update((at === 0 ? '' : ',') + texts.join(','));
    yield;
  }
  return hash.update(`],${parts}]`).digest('hex').slice(0, hashLength);
}

/** The last hash, and what it is of. */
export interface HashMemory {
  last?: {
    readonly structures: readonly JsonObject[];
    readonly parts: string;
    readonly hash: string;
  };
}

/** `hashOfAll`, unless all of it is as in the last plan. */
function* rememberedHash(
  structures: readonly JsonObject[],
  parts: string,
  memory: HashMemory,
): Sliced<string> {
  const { last } = memory;
  // Most are the same objects.
  if (last?.parts === parts && equal(last.structures, structures)) return last.hash;
  const hash = yield* hashOfAll(structures, parts);
  memory.last = { structures, parts, hash };
  return hash;
}

/** A new generation with every structural change; a reload where the last one got lost. */
export function* planMarker(
  { actual, settings }: PlanInput,
  structures: readonly JsonObject[],
  frontends: Readonly<Record<string, FrontendRouting>>,
  changes: boolean,
  nomadIndex: number | undefined,
  memory: HashMemory,
): Sliced<Step[]> {
  const { prefix } = settings.ownership;
  // As `structuralHash([structures, JSON.stringify(...)])` would be.
  const parts = JSON.stringify(JSON.stringify(inOrder(frontends)));
  const hash = yield* rememberedHash(structures, parts, memory);
  const { onDisk, loaded } = actual.marker;
  const fresh = onDisk !== undefined && markerHash(prefix, onDisk) === hash;
  const nothing = structures.length === 0 && onDisk === undefined;
  if (nothing && !changes) return [];
  if (changes || !fresh) {
    const reason = `generation marker ${connectorBackendName(prefix)}`;
    const exists = onDisk !== undefined || isEmptied(actual, prefix);
    const index = nomadIndex === undefined ? {} : { nomadIndex };
    const marker = { kind: 'set-marker', route: 'transaction', reload: 'generation' } as const;
    return [{ ...marker, reason, hash, exists, ...index }];
  }
  if (loaded === onDisk && !serverFacts(actual).hasUnloaded) return [];
  const reason = 'HAProxy runs an older configuration than the one on disk';
  return [{ kind: 'reload', route: 'transaction', reload: 'lost-reload', reason }];
}

/** Somebody deleted the marker's server and left its backend, which can't be made once more. */
function isEmptied({ backends }: ActualState, prefix: string): boolean {
  const left = backends[connectorBackendName(prefix)];
  return left !== undefined && left.others === undefined;
}

/** ACLs may stand anywhere; an operator's frontend without a part of ours is not in it. */
function inOrder(frontends: Readonly<Record<string, FrontendRouting>>): Json {
  return Object.entries(frontends)
    .filter(
      ([, { acls, rules, httpRequestRules: http }]) => acls.length + rules.length + http.length > 0,
    )
    .map(([name, { acls, rules, httpRequestRules }]) => [
      name,
      [...new Set(acls.map(keyOfAcl))].sort(),
      rules.map(keyOf),
      httpRequestRules.map(keyOf),
    ]);
}
