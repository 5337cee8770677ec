/** What haproxy.cfg says of the operator's sections and the structured answers don't. */

const sectionStart =
  /^(?:global|defaults|frontend|backend|listen|userlist|peers|resolvers|mailers|cache|program|ring|http-errors|fcgi-app|log-forward|crt-store|traces|log-profile)\b/;

interface Section {
  readonly kind: string;
  readonly name: string;
  readonly from: string | undefined;
  readonly lines: readonly string[];
}

/** Sections in the order of the file, without comments. */
export function sectionsOf(raw: string): readonly Section[] {
  const sections: { kind: string; name: string; from: string | undefined; lines: string[] }[] = [];
  for (const line of raw.split('\n')) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    if (!sectionStart.test(line)) {
      sections.at(-1)?.lines.push(text);
      continue;
    }
    const [kind = '', name = '', word, from] = text.split(/\s+/);
    sections.push({ kind, name, from: word === 'from' ? from : undefined, lines: [] });
  }
  return sections;
}

/** The frontend's `default_backend`, its own or that of its `defaults`. */
export function defaultBackendOf(
  sections: readonly Section[],
  frontend: string,
): string | undefined {
  const at = sections.findIndex(
    ({ kind, name }) => (kind === 'frontend' || kind === 'listen') && name === frontend,
  );
  const own = sections[at];
  if (own === undefined) return undefined;
  const before = sections.slice(0, at).filter(({ kind }) => kind === 'defaults');
  const defaults =
    own.from === undefined ? before.at(-1) : before.find(({ name }) => name === own.from);
  return wordAfter(own.lines, 'default_backend') ?? wordAfter(defaults?.lines, 'default_backend');
}

function wordAfter(lines: readonly string[] = [], keyword: string): string | undefined {
  const line = lines.find((one) => one.startsWith(`${keyword} `));
  return line?.split(/\s+/)[1];
}

/**
 * The status that a backend gives to every request, from its `http-request return` or `deny`
 * without a condition. Undefined: it depends.
 */
export function fixedStatusOf(sections: readonly Section[], backend: string): number | undefined {
  const lines = sections.find(({ kind, name }) => kind === 'backend' && name === backend)?.lines;
  const first = lines?.find((line) => /^http-request (?:return|deny|redirect)\b/.test(line));
  if (first === undefined || / (?:if|unless) /.test(first)) return undefined;
  const given = / (?:status|deny_status|code) (\d{3})\b/.exec(first)?.[1];
  if (given !== undefined) return Number(given);
  if (first.startsWith('http-request deny')) return 403;
  return first.startsWith('http-request return') ? 200 : 302;
}
