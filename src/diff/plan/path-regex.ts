import { escapeRegex } from '../../shared/escape-regex.js';
import { regexTokens } from '../../desired/regex.js';

/**
 * Host and path are looked up as one string, `a.example.com/api/v1/`, so the host's pattern must
 * end at the first slash: `.` and `[^x]` match no slash, and `$` matches before it.
 */
export function hostAndPathRegex(hostRegex: string, path: string): string {
  const tokens = regexTokens(hostRegex);
  const isChoice = tokens.includes('|');
  const fromStart = !isChoice && tokens[0] === '^';
  const toEnd = !isChoice && tokens.at(-1) === '$';
  const host = (toEnd ? tokens.slice(0, -1) : tokens).map(withoutSlash).join('');
  const before = fromStart ? '' : '^[^/]*?';
  const after = toEnd ? '' : '[^/]*';
  return `${before}${isChoice ? `(?:${host})` : host}${after}${escapeRegex(path)}/`;
}

function withoutSlash(token: string): string {
  if (token === '.') return '[^/]';
  if (token === '$') return '(?=/)';
  return token.startsWith('[^') ? `[^/${token.slice(2)}` : token;
}
