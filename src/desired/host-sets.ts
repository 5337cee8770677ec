import type { HostMatch } from '../haproxy/map-names.js';
import { hostMatcher } from './host-matcher.js';
import {
  type Automaton,
  intersects,
  notEndingWith,
  regexAutomaton,
  textAutomaton,
} from './host-automaton.js';

/** The hosts a route matches. */
export interface HostSet {
  readonly match: HostMatch;
  readonly host: string;
}

/** Whether one host can match both. In doubt, it can. */
export function overlap(a: HostSet, b: HostSet): boolean {
  if (a.match === 'any' || b.match === 'any') return true;
  if (a.match === 'exact' && b.match === 'exact') return a.host === b.host;
  const [one, two] = order(a) <= order(b) ? [a, b] : [b, a];
  if (two.match === 'wildcard') {
    if (one.match === 'exact') return one.host.endsWith(`.${two.host}`);
    return isBelow(one.host, two.host) || isBelow(two.host, one.host);
  }
  if (two.match === 'prefix' && one.match === 'exact') return one.host.startsWith(two.host);
  if (two.match === 'prefix' && one.match === 'prefix') {
    return one.host.startsWith(two.host) || two.host.startsWith(one.host);
  }
  if (two.match === 'regex' && one.match === 'exact') return matcherOf(two.host)(one.host);
  return intersects(automatonOf(one), automatonOf(two));
}

const orders = { exact: 0, wildcard: 1, prefix: 2, regex: 3, any: 4 } as const;

function order({ match }: HostSet): number {
  return orders[match];
}

function isBelow(host: string, suffix: string): boolean {
  return host === suffix || host.endsWith(`.${suffix}`);
}

/** A pattern is compared with many hosts in a row. */
const automata = new Map<string, Automaton | undefined>();
const matchers = new Map<string, (host: string) => boolean>();
const maxKnown = 500;

function knownOr<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key);
  if (found !== undefined || known.has(key)) return found as T;
  if (known.size >= maxKnown) known.clear();
  const made = make();
  known.set(key, made);
  return made;
}

function automatonOf(set: HostSet): Automaton | undefined {
  if (set.match === 'exact') return draw(set);
  return knownOr(automata, `${set.match} ${set.host}`, () => draw(set));
}

/** Of an expression. One that is too large matches any host. */
function matcherOf(pattern: string): (host: string) => boolean {
  return knownOr(matchers, pattern, () => {
    const automaton = regexAutomaton(pattern);
    return automaton === undefined ? () => true : hostMatcher(automaton);
  });
}

function draw({ match, host }: HostSet): Automaton | undefined {
  switch (match) {
    case 'exact':
      return textAutomaton(host);
    case 'wildcard':
      return textAutomaton(`.${host}`, { before: true });
    case 'prefix':
      return textAutomaton(host, { after: true });
    case 'regex':
      return regexAutomaton(host);
    case 'any':
      return undefined;
  }
}

/** Whether all hosts of the set are among the listed: `*`, `*.example.com`, `www.example.com`. */
export function isWithin(set: HostSet, listed: string): boolean {
  if (listed === '*') return true;
  if (!listed.startsWith('*.')) return set.match === 'exact' && set.host === listed;
  const suffix = listed.slice(2);
  switch (set.match) {
    case 'exact':
      return set.host.endsWith(`.${suffix}`);
    case 'wildcard':
      return isBelow(set.host, suffix);
    case 'regex':
      return !intersects(automatonOf(set), notEndingWith(`.${suffix}`));
    case 'prefix':
    case 'any':
      return false;
  }
}

/** A listed domain as a set. */
export function listedSet(listed: string): HostSet {
  if (listed === '*') return { match: 'any', host: '' };
  return listed.startsWith('*.')
    ? { match: 'wildcard', host: listed.slice(2) }
    : { match: 'exact', host: listed };
}

/**
 * Which of two sets HAProxy looks up first (expressions.ts): exact names, wildcards by their
 * length, prefixes, regular expressions, any host. Within the last three kinds nothing is first.
 */
export function isAskedBefore(a: HostSet, b: HostSet): boolean {
  if (order(a) !== order(b)) return order(a) < order(b);
  return a.match === 'wildcard' && labels(a.host) > labels(b.host);
}

function labels(host: string): number {
  return host.split('.').length;
}
