import { type JsonObject, textAt } from '../shared/json.js';
import { own } from './own.js';
import { evaluateSample, matchesText, type Surroundings } from './request.js';

/** Undefined: it depends on what only HAProxy knows. */
export type Verdict = boolean | undefined;

/** A rule's `if` or `unless`, on a request. Without a condition it always applies. */
export function appliesTo(
  rule: JsonObject,
  acls: readonly JsonObject[],
  around: Surroundings,
): Verdict {
  const kind = textAt(rule, 'cond');
  const test = textAt(rule, 'cond_test');
  if (kind === '' || test === '') return true;
  const verdict = anyOf(test, acls, around);
  return kind === 'unless' ? not(verdict) : verdict;
}

function not(verdict: Verdict): Verdict {
  return verdict === undefined ? undefined : !verdict;
}

/** `a !b || { path_beg /x }` (configuration manual, 7.2). */
function anyOf(test: string, acls: readonly JsonObject[], around: Surroundings): Verdict {
  let result: Verdict = false;
  for (const alternative of alternativesOf(test)) {
    const verdict = allOf(alternative, acls, around);
    if (verdict === true) return true;
    if (verdict === undefined) result = undefined;
  }
  return result;
}

function allOf(
  terms: readonly string[],
  acls: readonly JsonObject[],
  around: Surroundings,
): Verdict {
  let result: Verdict = true;
  for (const term of terms) {
    const verdict = termHolds(term, acls, around);
    if (verdict === false) return false;
    if (verdict === undefined) result = undefined;
  }
  return result;
}

/** Terms of each alternative: a name, or a test in braces, with or without a `!`. */
function alternativesOf(test: string): readonly (readonly string[])[] {
  const alternatives: string[][] = [[]];
  for (const [found] of test.matchAll(/!?\s*\{[^{}]*\}|\|\||\S+/g)) {
    const term = found.trim();
    if (term === '||' || term === 'or') alternatives.push([]);
    else alternatives.at(-1)?.push(term);
  }
  return alternatives;
}

function termHolds(term: string, acls: readonly JsonObject[], around: Surroundings): Verdict {
  if (term.startsWith('!')) return not(termHolds(term.slice(1).trim(), acls, around));
  const inBraces = /^\{\s*(.*?)\s*\}$/s.exec(term)?.[1];
  if (inBraces !== undefined) {
    const [criterion = '', ...words] = inBraces.split(/\s+/);
    return criterionHolds(criterion, words, around);
  }
  return aclHolds(term, acls, around);
}

/** ACLs of one name are alternatives. */
function aclHolds(name: string, acls: readonly JsonObject[], around: Surroundings): Verdict {
  const known = acls.filter((acl) => textAt(acl, 'acl_name') === name);
  if (known.length === 0) return own(predefined, name);
  let result: Verdict = false;
  for (const acl of known) {
    const words = textAt(acl, 'value')
      .split(/\s+/)
      .filter((word) => word !== '');
    const verdict = criterionHolds(textAt(acl, 'criterion'), words, around);
    if (verdict === true) return true;
    if (verdict === undefined) result = undefined;
  }
  return result;
}

const predefined: Readonly<Record<string, Verdict>> = { TRUE: true, FALSE: false, HTTP: true };

/** `path_beg` is `path -m beg`. */
const derived =
  /^((?:req\.|req_)?f?hdr|path|base|url|req\.ssl_sni|ssl_fc_sni)_(str|beg|end|sub|dom|dir|reg)(?=\(|,|$)/i;

function criterionHolds(given: string, words: readonly string[], around: Surroundings): Verdict {
  if (given.startsWith('!')) return not(criterionHolds(given.slice(1), words, around));
  if (given === 'always_true') return true;
  if (given === 'always_false') return false;
  const [, , suffix] = derived.exec(given) ?? [];
  const criterion = given.replace(derived, '$1');
  const flags = flagsOf(words, suffix ?? 'str');
  if (flags === undefined) return undefined;
  const sample = evaluateSample(criterion, around);
  if (sample.state === 'unreadable') return undefined;
  if (flags.method === 'found') return sample.state === 'value';
  if (sample.state === 'none') return false;
  if (criterion.endsWith(',length')) return comparesTo(Number(sample.value), flags.patterns);
  return anyPattern(sample.value, flags);
}

interface Flags {
  readonly method: string;
  readonly ignoresCase: boolean;
  readonly patterns: readonly string[];
}

/** Undefined: patterns in a file, or a flag that isn't known. */
function flagsOf(words: readonly string[], usual: string): Flags | undefined {
  let method = usual;
  let ignoresCase = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === '-m') method = words[++at] ?? method;
    else if (word === '-i') ignoresCase = true;
    else if (word === '--') return { method, ignoresCase, patterns: words.slice(at + 1) };
    else if (word === '-n') continue;
    else if (/^-[a-zA-Z]$/.test(word)) return undefined;
    else return { method, ignoresCase, patterns: words.slice(at) };
  }
  return { method, ignoresCase, patterns: [] };
}

function anyPattern(value: string, { method, ignoresCase, patterns }: Flags): Verdict {
  let result: Verdict = false;
  for (const pattern of patterns) {
    const bare = pattern.replace(/^(["'])(.*)\1$/, '$2');
    const verdict = matchesText(value, bare, method, ignoresCase);
    if (verdict === true) return true;
    if (verdict === undefined) result = undefined;
  }
  return result;
}

/** `le 253`. */
function comparesTo(value: number, [operator, limit]: readonly string[]): Verdict {
  const other = Number(limit);
  switch (operator) {
    case 'le':
      return value <= other;
    case 'lt':
      return value < other;
    case 'ge':
      return value >= other;
    case 'gt':
      return value > other;
    case 'eq':
      return value === other;
    default:
      return undefined;
  }
}
