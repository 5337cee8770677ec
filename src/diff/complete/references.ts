/** A line of the configuration and its position. */
export interface ConfigLine {
  /** Its header: `frontend http_front`. */
  readonly section: string;
  /** From 1. */
  readonly number: number;
  /** Without its comment. */
  readonly text: string;
  readonly words: readonly string[];
}

export interface Reference {
  readonly name: string;
  readonly section: string;
  readonly number: number;
  readonly text: string;
}

const maxText = 200;

/**
 * For each name, the first line that mentions it and isn't ours. Without the named object, HAProxy
 * would reject the configuration or the line would have no effect. A mention is the whole name in
 * any position: `use_backend`, `nbsrv(name)`, `track-sc0 src table name`, `name/server`, the
 * fallback of a map. A false match keeps an empty backend. A missed one breaks every commit.
 */
export function referencesTo(
  raw: string,
  names: readonly string[],
  isOurs: (line: ConfigLine) => boolean,
): readonly Reference[] {
  const missing = new Set(names);
  const found: Reference[] = [];
  let section = '';
  for (const [at, full] of raw.split('\n').entries()) {
    if (missing.size === 0) break;
    const text = withoutComment(full).trim();
    const words = text.split(/\s+/);
    const isHeader = sections.has(words[0] ?? '');
    if (isHeader) section = words.slice(0, 2).join(' ');
    // The declaration of a section, server or ACL of the same name isn't a mention.
    const skipped = isHeader || declarations.has(words[0] ?? '') ? words.slice(0, 2) : [];
    const mentioned = mentionsIn(text.slice(skipped.join(' ').length), missing);
    if (mentioned.length === 0 || isOurs({ section, number: at + 1, text, words })) continue;
    for (const name of mentioned) {
      missing.delete(name);
      found.push({ name, section, number: at + 1, text: text.slice(0, maxText) });
    }
  }
  return found;
}

/** `frontend http_front, line 12: "use_backend web"`. */
export function referenceText({ section, number, text }: Reference): string {
  return `${section}, line ${number}: "${text}"`;
}

/** A colon may be part of a name or end it. */
function mentionsIn(text: string, names: ReadonlySet<string>): string[] {
  const tokens = [...(text.match(/[\w.-]+/g) ?? []), ...(text.match(/[\w.:-]+/g) ?? [])];
  return [...new Set(tokens)].filter((token) => names.has(token));
}

/** Configuration manual, 2.2: `#` begins a comment, unless it is quoted or escaped. */
function withoutComment(line: string): string {
  if (!line.includes('#')) return line;
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const character = line[at] ?? '';
    if (character === '\\' && quote !== "'") at++;
    else if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '"' || character === "'") quote = character;
    else if (character === '#') return line.slice(0, at);
  }
  return line;
}

const declarations: ReadonlySet<string> = new Set(['server', 'acl']);

const sections: ReadonlySet<string> = new Set([
  'global',
  'defaults',
  'frontend',
  'backend',
  'listen',
  'userlist',
  'peers',
  'mailers',
  'resolvers',
  'cache',
  'program',
  'ring',
  'log-forward',
  'log-profile',
  'http-errors',
  'fcgi-app',
  'crt-store',
  'traces',
  'acme',
]);
