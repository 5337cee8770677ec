import { regexTokens } from './regex.js';

/**
 * A finite automaton over host names, to tell whether two patterns can match the same host. It
 * errs on the side of "they can".
 */
export interface Automaton {
  readonly start: number;
  readonly end: number;
  /** By state. */
  readonly steps: readonly (readonly Step[])[];
}

interface Step {
  readonly to: number;
  /** Undefined: without a character. */
  readonly by?: bigint;
}

/** What a host is written in. Bit n of a step is the nth; the bit after them is any other character. */
export const hostCharacters: readonly string[] = [...'abcdefghijklmnopqrstuvwxyz0123456789-._'];
const other = 1n << BigInt(hostCharacters.length);
const any = (other << 1n) - 1n;
const bitOf = new Map(hostCharacters.map((one, at) => [one, 1n << BigInt(at)]));

/** Larger automata aren't built: two of them would take too long to compare. */
const maxStates = 2000;
const maxPairs = 100_000;

interface Builder {
  readonly steps: Step[][];
  readonly add: () => number;
  readonly join: (from: number, to: number, by?: bigint) => void;
}

function builder(): Builder {
  const steps: Step[][] = [];
  return {
    steps,
    add: () => {
      if (steps.length >= maxStates) throw new TooLarge();
      return steps.push([]) - 1;
    },
    join: (from, to, by) => steps[from]?.push(by === undefined ? { to } : { to, by }),
  };
}

class TooLarge extends Error {}

/** Of the text, with any characters before or after it. Undefined: too large. */
export function textAutomaton(
  text: string,
  { before = false, after = false } = {},
): Automaton | undefined {
  return build((into) => {
    const start = into.add();
    if (before) into.join(start, start, any);
    let end = start;
    for (const one of text) end = next(into, end, bitOf.get(one) ?? other);
    if (after) into.join(end, end, any);
    return [start, end];
  });
}

function next(into: Builder, from: number, by: bigint): number {
  const to = into.add();
  into.join(from, to, by);
  return to;
}

function build(draw: (into: Builder) => readonly [number, number]): Automaton | undefined {
  const into = builder();
  try {
    const [start, end] = draw(into);
    return { start, end, steps: into.steps };
  } catch (error) {
    if (error instanceof TooLarge) return undefined;
    throw error;
  }
}

/** Of a pattern in the grammar of regex.ts. */
export function regexAutomaton(pattern: string): Automaton | undefined {
  return build((into) => {
    const [start, end] = [into.add(), into.add()];
    for (const branch of branchesOf(regexTokens(pattern))) {
      // An anchor elsewhere is taken for nothing, so the automaton accepts more, never less.
      const isStart = branch[0] === '^';
      const isEnd = branch.at(-1) === '$';
      const [first, last] = drawSequence(
        into,
        branch.slice(isStart ? 1 : 0, isEnd ? -1 : undefined),
      );
      const [from, to] = [into.add(), into.add()];
      if (!isStart) into.join(from, from, any);
      if (!isEnd) into.join(to, to, any);
      into.join(start, from);
      into.join(from, first);
      into.join(last, to);
      into.join(to, end);
    }
    return [start, end];
  });
}

/** Split at the alternations outside of groups. */
function branchesOf(tokens: readonly string[]): readonly (readonly string[])[] {
  const branches: string[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token === '(' || token === '(?:') depth++;
    if (token === ')') depth--;
    if (token === '|' && depth === 0) branches.push([]);
    else branches.at(-1)?.push(token);
  }
  return branches;
}

type Part = readonly [first: number, last: number];

function drawSequence(into: Builder, tokens: readonly string[]): Part {
  const first = into.add();
  let last = first;
  for (let at = 0; at < tokens.length;) {
    const size = isOpening(tokens[at]) ? groupSize(tokens.slice(at)) : 1;
    const atom = tokens.slice(at, at + size);
    const count = countOf(tokens[at + size]);
    last = drawRepeated(into, last, atom, count ?? { min: 1, max: 1 });
    at += size + (count === undefined ? 0 : 1);
  }
  return [first, last];
}

interface Count {
  readonly min: number;
  /** Undefined: no limit. */
  readonly max?: number;
}

function drawRepeated(into: Builder, from: number, atom: readonly string[], count: Count): number {
  const { min, max } = count;
  let last = from;
  for (let times = 0; times < min; times++) last = follow(into, last, drawAtom(into, atom));
  const end = into.add();
  into.join(last, end);
  if (max === undefined) {
    const [first, again] = drawAtom(into, atom);
    into.join(end, first);
    into.join(again, end);
    return end;
  }
  for (let times = min; times < max; times++) {
    last = follow(into, last, drawAtom(into, atom));
    into.join(last, end);
  }
  return end;
}

function follow(into: Builder, from: number, [first, last]: Part): number {
  into.join(from, first);
  return last;
}

function drawAtom(into: Builder, atom: readonly string[]): Part {
  const [first = ''] = atom;
  if (!isOpening(first)) {
    const from = into.add();
    if (first === '^' || first === '$') return [from, from];
    return [from, next(into, from, charactersOf(first))];
  }
  const [start, end] = [into.add(), into.add()];
  for (const branch of branchesOf(atom.slice(1, -1))) {
    into.join(follow(into, start, drawSequence(into, branch)), end);
  }
  return [start, end];
}

function isOpening(token: string | undefined): boolean {
  return token === '(' || token === '(?:';
}

function groupSize(tokens: readonly string[]): number {
  let depth = 0;
  const end = tokens.findIndex((token) => {
    if (isOpening(token)) depth++;
    return token === ')' && --depth === 0;
  });
  return end < 0 ? tokens.length : end + 1;
}

function countOf(token: string | undefined): Count | undefined {
  const sign = token?.replace(/(?<=.)\?$/, '');
  if (sign === '*') return { min: 0 };
  if (sign === '+') return { min: 1 };
  if (sign === '?') return { min: 0, max: 1 };
  const [, min, comma, max] = /^\{(\d+)(,)?(\d+)?\}$/.exec(sign ?? '') ?? [];
  if (min === undefined) return undefined;
  if (comma === undefined) return { min: Number(min), max: Number(min) };
  return { min: Number(min), ...(max === undefined ? {} : { max: Number(max) }) };
}

/** Of a character, `.`, an escape or a class. */
function charactersOf(token: string): bigint {
  if (token === '.') return any;
  if (token.length === 1) return bitOf.get(token) ?? other;
  const test = new RegExp(`^${token}$`, 'u');
  const known = hostCharacters.reduce(
    (all, one) => (test.test(one) ? all | (bitOf.get(one) ?? 0n) : all),
    0n,
  );
  return token.startsWith('[^') ? known | other : known;
}

/** Accepts all that doesn't end with the text. */
export function notEndingWith(text: string): Automaton | undefined {
  return build((into) => {
    const states = [...text, ''].map(() => into.add());
    const end = into.add();
    states.forEach((state, length) => {
      if (length < text.length) into.join(state, end);
      for (const [one, bit] of bitOf) {
        into.join(state, states[longestStart(text, text.slice(0, length) + one)] ?? 0, bit);
      }
      into.join(state, states[0] ?? 0, other);
    });
    return [states[0] ?? 0, end];
  });
}

/** How much of the text's start the other text ends with. */
function longestStart(text: string, read: string): number {
  for (let length = Math.min(text.length, read.length); length > 0; length--) {
    if (read.endsWith(text.slice(0, length))) return length;
  }
  return 0;
}

/** Whether both accept the same host. */
export function intersects(a: Automaton | undefined, b: Automaton | undefined): boolean {
  if (a === undefined || b === undefined) return true;
  const size = b.steps.length;
  const open: (readonly [number, number])[] = [[a.start, b.start]];
  const seen = new Set([a.start * size + b.start]);
  const visit = (p: number, q: number): void => {
    if (seen.has(p * size + q)) return;
    seen.add(p * size + q);
    open.push([p, q]);
  };
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [p, q] = pair;
    if ((p === a.end && q === b.end) || seen.size > maxPairs) return true;
    const [ours, theirs] = [a.steps[p] ?? [], b.steps[q] ?? []];
    for (const one of ours) if (one.by === undefined) visit(one.to, q);
    for (const one of theirs) if (one.by === undefined) visit(p, one.to);
    for (const one of ours) {
      for (const two of theirs) {
        if (one.by !== undefined && two.by !== undefined && (one.by & two.by) !== 0n) {
          visit(one.to, two.to);
        }
      }
    }
  }
  return false;
}
