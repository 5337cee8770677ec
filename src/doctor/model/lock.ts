import { isObject, type Json, type JsonObject, objectsOf, textAt } from '../../shared/json.js';
import { error, type Finding, type LockFact, ok } from '../types.js';

/** What the lock of `leader.lock_path` needs: to read and to write one variable. */
export function judgeLock(fact: LockFact): Finding {
  if (fact.state === 'unset') return ok('leader.lock_path is not set: this connector writes alone');
  const { path, namespace, block } = fact;
  const fix =
    `add ${block} to the namespace block of the token's policy that covers ${namespace}: ` +
    'another block for it would hide the rights that "*" gives there';
  const where = `variable ${path} of namespace ${namespace}`;
  switch (fact.access) {
    case 'refused':
      return error(`the token may not read the lock, ${where}`, fix);
    case 'read-only':
      return error(`the token may read the lock, ${where}, and not write it`, fix);
    case 'others':
      return error(
        `${where} holds something else, which the lock would overwrite`,
        'set leader.lock_path to a path of its own',
      );
    case 'unknown':
      return ok(`may read the lock; Nomad doesn't say whether it may write it`);
    case 'full':
      return ok(`may read and write the lock, ${where}`);
  }
}

/**
 * Whether policies let a token write a variable, as Nomad decides: all policies together, the namespace
 * that is named or else the nearest pattern, then the same with the paths in it. From `RulesJSON` of
 * `GET /v1/acl/policy/NAME`, as Nomad 2.0.5 answers it.
 */
export function mayWriteVariable(
  policies: readonly unknown[],
  namespace: string,
  path: string,
): boolean {
  const rules = policies.flatMap((one) => (isObject(one) ? objectsAt(one, 'RulesJSON') : []));
  const spaces = nearest(
    rules.flatMap((one) => listAt(one, 'Namespaces')),
    'Name',
    namespace,
  );
  const paths = nearest(
    spaces.flatMap((one) => objectsAt(one, 'Variables')).flatMap((one) => listAt(one, 'Paths')),
    'PathSpec',
    path,
  );
  const rights = paths.flatMap((one) => textsAt(one, 'Capabilities'));
  return rights.includes('write') && !rights.includes('deny');
}

function objectsAt(object: JsonObject, key: string): readonly JsonObject[] {
  const value = object[key];
  return isObject(value) ? [value] : [];
}

function textsAt(object: JsonObject, key: string): readonly Json[] {
  const value = object[key];
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function listAt(object: JsonObject, key: string): readonly JsonObject[] {
  return objectsOf(object[key]);
}

/** Those with this name; otherwise those of the pattern that differs from it by the fewest characters. */
function nearest(all: readonly JsonObject[], key: string, name: string): readonly JsonObject[] {
  const fitting = all.filter((one) => fits(textAt(one, key), name));
  const exact = fitting.filter((one) => textAt(one, key) === name);
  if (exact.length > 0) return exact;
  const longest = Math.max(...fitting.map((one) => lettersOf(textAt(one, key))));
  return fitting.filter((one) => lettersOf(textAt(one, key)) === longest);
}

function fits(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === name;
  const last = rest.pop() ?? '';
  if (!name.startsWith(first) || name.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.endsWith(last) && name.length - last.length >= at;
}

function lettersOf(pattern: string): number {
  return pattern.replaceAll('*', '').length;
}
