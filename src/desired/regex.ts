const allowed = /^(?:[a-z0-9._^$|*+?()[\]-]|\(\?:|\\[.dw]|(?<!\))\{\d{1,2}(?:,\d{0,2})?\})+$/;
/** A nested class, an empty one, or one that begins with `]`: PCRE reads these differently. */
const ambiguousClass = /\[[^\]]*\[|\[\^?\]/;

/**
 * A pattern that means the same to PCRE as to us and is plain text in haproxy.cfg and map files: no
 * blank, quote, comment sign or other escape, and no leading dash, which HAProxy would read as a
 * flag. Counted groups are refused, because nested ones grow without bound.
 */
export function isSafeRegex(pattern: string): boolean {
  if (!allowed.test(pattern) || ambiguousClass.test(pattern)) return false;
  if (pattern.startsWith('-')) return false;
  try {
    return (
      new RegExp(pattern, 'u').source === pattern &&
      !matchesSlash(pattern) &&
      regexSteps(pattern) <= mostSteps
    );
  } catch {
    return false;
  }
}

/** A range like `[+-9]`: the slash divides host and path in a map (diff/path-regex.ts). */
function matchesSlash(pattern: string): boolean {
  return regexTokens(pattern).some((one) => /^\[[^^]/.test(one) && new RegExp(one, 'u').test('/'));
}

const tokenPattern = /\[[^\]]*\]|\\.|\(\?:|(?:[*+?]|\{\d+(?:,\d*)?\})\??|./g;
/** Tokens: group ends, classes, quantifiers and characters. */
export function regexTokens(pattern: string): readonly string[] {
  return pattern.match(tokenPattern) ?? [];
}

/** Length of the longest host name, which HAProxy's rules check first. */
export const longestHost = 253;
const n = longestHost;
/** Of one expression. Measured, see docs/adr/0019-cost-of-regular-expressions.md. */
const mostSteps = 1_000_000;

/** What a backtracking matcher does at most, from one place of the host. */
interface Cost {
  /** In how many ways the expression can match. */
  readonly ways: number;
  /** Of which this many by the last repetition, which ends at as many places. */
  readonly tail: number;
  /** The character repeated there. */
  readonly tailToken?: string;
  /** To try all ways. */
  readonly steps: number;
}

const nothing: Cost = { ways: 1, tail: 1, steps: 0 };
const refused: Cost = { ways: Infinity, tail: 1, steps: Infinity };

/**
 * An upper bound of the steps for the worst host, which the client can send. Unless anchored, the
 * matcher begins anew at each character.
 */
export function regexSteps(pattern: string): number {
  const tokens = regexTokens(pattern);
  return choice(tokens, 0).cost.steps * (isAnchored(tokens) ? 1 : n);
}

/** `^`, or `.*`, with which PCRE2 doesn't begin anew either. */
export function isAnchored(tokens: readonly string[]): boolean {
  const isFixed = tokens[0] === '^' || (tokens[0] === '.' && tokens[1] === '*');
  return isFixed && !isChoice(tokens);
}

/** Whether it has alternatives outside of groups. */
export function isChoice(tokens: readonly string[]): boolean {
  let depth = 0;
  return tokens.some((token) => {
    if (token.startsWith('(')) depth += 1;
    if (token === ')') depth -= 1;
    return token === '|' && depth === 0;
  });
}

interface Read {
  readonly cost: Cost;
  readonly next: number;
}

/** Sequences divided by `|`, up to the end of the group. */
function choice(tokens: readonly string[], from: number): Read {
  const first = sequence(tokens, from);
  if (tokens[first.next] !== '|') return first;
  let { ways, steps } = first.cost;
  let at = first.next;
  while (tokens[at] === '|') {
    const { cost, next } = sequence(tokens, at + 1);
    ways += cost.ways;
    steps += cost.steps + 1;
    at = next;
  }
  return { cost: { ways, tail: 1, steps }, next: at };
}

function sequence(tokens: readonly string[], from: number): Read {
  let cost = nothing;
  let at = from;
  while (at < tokens.length && tokens[at] !== '|' && tokens[at] !== ')') {
    const literal = literalAt(tokens, at);
    if (literal.length > 0) {
      cost = afterLiteral(cost, literal);
      at += literal.length;
    } else {
      const item = repeated(tokens, at);
      cost = followedBy(cost, item.cost, tokens[at] ?? '');
      at = item.next;
    }
  }
  return { cost, next: at };
}

/** Characters that stand for themselves, once each. */
function literalAt(tokens: readonly string[], from: number): readonly string[] {
  let to = from;
  while (
    /^(?:[a-z0-9_-]|\\\.|\[[a-z0-9_.-]\])$/.test(tokens[to] ?? '') &&
    boundsOf(tokens[to + 1] ?? '') === undefined
  ) {
    to += 1;
  }
  return tokens
    .slice(from, to)
    .map((token) => (token === '[.]' ? '\\.' : token.replace(/^\[(.)\]$/, '$1')));
}

/**
 * Of the places where the last repetition ends, only those go on that are followed by the text, and
 * these are at least its period apart: `aaa` is found at each place of a host of `a`, `abc` at each
 * third at most.
 */
function afterLiteral(cost: Cost, literal: readonly string[]): Cost {
  const { ways, tail, steps } = exits(cost, literal[0] ?? '');
  const before = ways / tail;
  const periods = periodsOf(literal);
  let tried = tail;
  for (let length = 1; length < literal.length; length += 1) {
    tried += Math.ceil(tail / (periods[length] ?? 1));
  }
  const left = Math.ceil(tail / (periods[literal.length] ?? 1));
  return { ways: before * left, tail: left, steps: steps + before * tried };
}

function followedBy(cost: Cost, item: Cost, token: string): Cost {
  const { ways, steps } = exits(cost, token);
  return { ...item, ways: ways * item.ways, steps: steps + ways * item.steps };
}

/** A repetition can end at one place only if what follows is something that it can't match. */
function exits(cost: Cost, next: string): Cost {
  const { ways, tail, tailToken, steps } = cost;
  if (tailToken === undefined || !areDisjoint(tailToken, next)) return cost;
  return { ways: ways / tail, tail: 1, steps: steps + ways };
}

/** Two characters or classes; false if unknown. */
function areDisjoint(one: string, other: string): boolean {
  if (!isCharacter(one) || !isCharacter(other)) return false;
  const [a, b] = [one, other].map((token) => new RegExp(`^${token}$`, 'us'));
  return !alphabet.some((letter) => a?.test(letter) === true && b?.test(letter) === true);
}

const alphabet = [...Array(128).keys(), 0xe9].map((code) => String.fromCharCode(code));

function isCharacter(token: string): boolean {
  return token !== '' && !/^(?:[()|^$*+?{]|\(\?:)/.test(token);
}

/**
 * By length, after how many characters the text of that length may occur again. It is the length
 * without its longest border, which the one before tells (Knuth, Morris and Pratt), so a long
 * text takes linear time.
 */
function periodsOf(literal: readonly string[]): readonly number[] {
  const borders = [0, 0];
  for (let at = 1; at < literal.length; at += 1) {
    let border = borders[at] ?? 0;
    while (border > 0 && literal[border] !== literal[at]) border = borders[border] ?? 0;
    borders.push(literal[border] === literal[at] ? border + 1 : 0);
  }
  return borders.map((border, length) => Math.max(1, length - border));
}

function repeated(tokens: readonly string[], at: number): Read {
  const token = tokens[at] ?? '';
  const isGroup = token.startsWith('(');
  const inner = isGroup ? choice(tokens, at + 1) : { cost: { ...nothing, steps: 1 }, next: at };
  const after = inner.next + 1;
  const bounds = boundsOf(tokens[after] ?? '');
  if (bounds === undefined) return { cost: inner.cost, next: after };
  const group = isGroup ? tokens.slice(at + 1, inner.next) : undefined;
  const cost = repetition(inner.cost, bounds, group);
  const tailToken = isGroup || cost.tail === 1 ? {} : { tailToken: token };
  return { cost: { ...cost, ...tailToken }, next: after + 1 };
}

function repetition(
  { ways, steps }: Cost,
  [min, max]: readonly [number, number],
  group: readonly string[] | undefined,
): Cost {
  if (max <= 1) return { ways: ways + 1 - min, tail: 1, steps: steps + 1 };
  // Each round ends at a character that the repetition in it can't match, so rounds can't differ.
  if (group !== undefined && isDivided(group)) return { ways: n, tail: n, steps: 2 * n };
  if (ways > 1 || group?.some((token) => /^[$^]$/.test(token)) === true) return refused;
  const rounds = max - min + 1;
  return { ways: rounds, tail: rounds, steps: max * steps };
}

/** Of a quantifier; undefined for any other token. */
function boundsOf(token: string): readonly [number, number] | undefined {
  switch (token[0]) {
    case '*':
      return [0, n];
    case '+':
      return [1, n];
    case '?':
      return [0, 1];
    case '{': {
      const [, min = '0', comma, max = ''] = /^\{(\d+)(,)?(\d*)\}/.exec(token) ?? [];
      const most = comma === undefined ? Number(min) : max === '' ? n : Number(max);
      return [Number(min), most];
    }
    default:
      return undefined;
  }
}

const repeats = /^(?:[*+]|\{\d+,)/;

/** A group like `[a-z0-9-]+\.` or `\.[a-z0-9-]+`. */
function isDivided(group: readonly string[]): boolean {
  const [, first = '', second = '', third = '', ...others] = ['', ...group];
  if (others.length > 0) return false;
  return repeats.test(second)
    ? divides(third, first)
    : repeats.test(third) && divides(first, second);
}

/** A single character that the repeated part can't match. */
function divides(sign: string, part: string): boolean {
  if (!/^(?:[a-z0-9_-]|\\\.)$/.test(sign) || part === '' || /^[()|^$]/.test(part)) return false;
  return !new RegExp(`^${part}$`, 'u').test(sign.replace('\\', ''));
}
