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
      new RegExp(pattern, 'u').source === pattern && !matchesSlash(pattern) && isCheap(pattern)
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

const repeats = /^(?:[*+]|\{\d+,)/;
const maxRepeats = 3;

/**
 * PCRE2 tries every possible match before it fails, and the client can send the worst-case host.
 * With three repetitions it takes at most 3 ms for 253 characters (HAProxy 3.0.11, PCRE2 10.46).
 * Four, or nested ones, run up to PCRE2's match limit, which takes up to 120 ms.
 */
function isCheap(pattern: string): boolean {
  const tokens = regexTokens(pattern);
  if (tokens.filter((token) => repeats.test(token)).length > maxRepeats) return false;
  return tokens.every((token, at) => {
    if (token !== ')' || !repeats.test(tokens[at + 1] ?? '')) return true;
    return isDivided(tokens.slice(openerOf(tokens, at) + 1, at));
  });
}

function openerOf(tokens: readonly string[], closer: number): number {
  let depth = 0;
  for (let at = closer; at >= 0; at--) {
    if (tokens[at] === ')') depth++;
    else if (tokens[at]?.startsWith('(') === true && --depth === 0) return at;
  }
  return 0;
}

/** A repeated group may hold no alternation and no repetition, except forms like `[a-z0-9-]+\.`. */
function isDivided(group: readonly string[]): boolean {
  if (!group.some((token) => repeats.test(token) || /^[|?(]/.test(token))) return true;
  const [first = '', second = '', third = '', ...others] = group;
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
