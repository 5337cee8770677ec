import { isAnchored, regexTokens } from '../desired/regex.js';

/**
 * As HAProxy matches it; undefined: not a regular expression here. PCRE2 begins `.*x` only once, as
 * `^.*x`; JavaScript would do so at each character, which an expression's bound doesn't count.
 */
export function matchesRegex(
  text: string,
  pattern: string,
  ignoresCase = false,
): boolean | undefined {
  const once = pattern.startsWith('.*') && isAnchored(regexTokens(pattern));
  try {
    return new RegExp(once ? `^${pattern}` : pattern, ignoresCase ? 'i' : '').test(text);
  } catch {
    return undefined;
  }
}
