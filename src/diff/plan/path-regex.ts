import { escapeRegex } from '../../shared/escape-regex.js';
import { isAnchored, isChoice, regexTokens } from '../../desired/regex.js';

/**
 * Host and path are looked up as one string, `a.example.com/api/v1/`, so the host's pattern must
 * end at the first slash: `.` and `[^x]` match no slash, and `$` matches before it. The path comes
 * first, as a look ahead: after the host it would be another repetition, tried for each way in which
 * the host matches.
 */
export function hostAndPathRegex(hostRegex: string, path: string): string {
  const tokens = regexTokens(hostRegex);
  const fromStart = isAnchored(tokens);
  const inner = (tokens[0] === '^' && fromStart ? tokens.slice(1) : tokens)
    .map(withoutSlash)
    .join('');
  const before = fromStart ? '' : '[^/]*?';
  return `^(?=[^/]*${escapeRegex(path)}/)${before}${isChoice(tokens) ? `(?:${inner})` : inner}`;
}

function withoutSlash(token: string): string {
  if (token === '.') return '[^/]';
  if (token === '$') return '(?=/)';
  return token.startsWith('[^') ? `[^/${token.slice(2)}` : token;
}

interface HostAndPath<M> {
  readonly match: M;
  readonly host: string;
  readonly path: string;
}

/** What the keys of the two maps may have been made of; a caller compares the keys. */
export function hostOfPathRegex<M extends 'prefix' | 'regex'>(
  match: M,
  key: string,
): readonly HostAndPath<M>[] {
  if (match === 'prefix') {
    const [, host, path] = /^\^(.+?)\[\^\/\]\*(.+)\/$/.exec(key) ?? [];
    if (host === undefined || path === undefined) return [];
    return [{ match, host: unescaped(host), path: unescaped(path) }];
  }
  const [, path, before, inner] = /^\^\(\?=\[\^\/\]\*(.+?)\/\)(\[\^\/\]\*\?)?(.+)$/.exec(key) ?? [];
  if (path === undefined || inner === undefined) return [];
  const choices = [inner, ...(/^\(\?:(.+)\)$/.exec(inner)?.slice(1) ?? [])].map(withSlash);
  const hosts = choices.flatMap((one) => (before === undefined ? [`^${one}`, one] : [one]));
  return hosts.map((host) => ({ match, host, path: unescaped(path) }));
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, '$1');
}

function withSlash(text: string): string {
  return text.replaceAll('(?=/)', '$').replaceAll('[^/]', '.').replaceAll('[^/', '[^');
}
