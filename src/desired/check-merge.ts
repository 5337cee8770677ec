import equal from 'fast-deep-equal';

import type { Check, CheckShape } from './checks.js';

/** A service's single check, in the form a backend has. */
export interface MergedCheck {
  readonly check: Check;
  /** By member id if members differ. The shape then holds the newest member's. */
  readonly paths?: Readonly<Record<string, string>>;
  readonly hosts?: Readonly<Record<string, string>>;
  readonly fallbacks: readonly string[];
}

export interface MemberCheck {
  readonly id: string;
  readonly check: Check;
}

type HttpShape = Extract<CheckShape, { kind: 'http' }>;

/**
 * Merges checks so that no instance is judged by another version's rule. The newest comes first.
 * - All alike: that one.
 * - HTTP, and only path or Host differ: looked up by server name.
 * - Anything else: TCP, which holds for all of them.
 */
export function mergeChecks(members: readonly [MemberCheck, ...MemberCheck[]]): MergedCheck {
  const [{ check: first }] = members;
  const fallbacks = [...new Set(members.flatMap(({ check }) => check.fallbacks))];
  const shapes = members.map(({ check }) => check.shape);
  if (shapes.every((shape) => equal(shape, first.shape))) return { check: first, fallbacks };
  const https = shapes.filter((shape): shape is HttpShape => shape.kind === 'http');
  const [model] = https;
  const similar =
    model !== undefined && https.every((shape) => equal(common(shape), common(model)));
  if (similar && https.length === shapes.length) {
    return { check: first, fallbacks, ...lookups(members, https) };
  }
  const reason = 'its versions have different kinds of checks, so all use a TCP check';
  return { check: { ...first, shape: { kind: 'tcp' } }, fallbacks: [...fallbacks, reason] };
}

function common(shape: HttpShape) {
  return { ...shape, path: '', host: '' };
}

function lookups(members: readonly MemberCheck[], shapes: readonly HttpShape[]) {
  return {
    ...differing(
      'paths',
      members,
      shapes.map(({ path }) => path),
    ),
    ...differing(
      'hosts',
      members,
      shapes.map(({ host }) => host),
    ),
  };
}

function differing(name: 'paths' | 'hosts', members: readonly MemberCheck[], values: string[]) {
  if (new Set(values).size < 2) return {};
  return { [name]: Object.fromEntries(members.map(({ id }, index) => [id, values[index] ?? ''])) };
}
