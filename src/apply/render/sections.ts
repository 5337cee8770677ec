import { sectionWords } from '../../haproxy/section-words.js';

/** The sections of a configuration's text, as far as it takes to edit backends of ours in it. */
export interface Sections {
  /** By name: where a backend stands; undefined if it can't be edited as text. */
  readonly backends: ReadonlyMap<string, Place | undefined>;
  /** Names of the defaults sections, '' for one without a name. */
  readonly defaults: readonly string[];
}

/** Line numbers from 0: the header, and the last directive. What follows is the next section's. */
export interface Place {
  readonly first: number;
  readonly last: number;
}

/**
 * The directives of a section that the connector writes. One with anything else in it, such as a
 * hand edit, a condition (`.if`) or the header of a section unknown to us, isn't edited as text.
 */
const directives: ReadonlySet<string> = new Set(
  (
    'mode hash-type balance acl option timeout http-check tcp-check default-server http-request ' +
    'tcp-request stick-table cookie dynamic-cookie-key use-server server retries http-response ' +
    'load-server-state-from-file retry-on'
  ).split(' '),
);

const header = /^\s*[a-z-]+\s+([^\s#]+)/;

export function sectionsOf(text: string): Sections {
  const backends = new Map<string, Place | undefined>();
  const defaults: string[] = [];
  let name: string | undefined;
  let conditions = 0;
  for (const [at, line] of text.split('\n').entries()) {
    const keyword = /^\s*([^\s#]+)/.exec(line)?.[1];
    if (keyword === undefined) continue;
    if (keyword === '.if') conditions++;
    if (keyword === '.endif') conditions = Math.max(0, conditions - 1);
    if (sectionWords.has(keyword)) {
      const named = header.exec(line)?.[1] ?? '';
      if (keyword === 'defaults') defaults.push(named);
      name = keyword === 'backend' ? named : undefined;
      if (name === undefined) continue;
      // HAProxy refuses a second one of the same name, and a condition decides whether one is there.
      // It is not for us to say which is ours.
      const isClear = !backends.has(name) && conditions === 0;
      backends.set(name, isClear ? { first: at, last: at } : undefined);
    } else if (name !== undefined) {
      const place = directives.has(keyword) ? backends.get(name) : undefined;
      backends.set(name, place === undefined ? undefined : { ...place, last: at });
    }
  }
  return { backends, defaults };
}

/** By name: the new text of a section, `''` to remove it. One that isn't there is added. */
export type SectionEdits = ReadonlyMap<string, string>;

/** Edits whole sections. All other lines stay as they are, to the byte. */
export function editSections(
  text: string,
  { backends }: Pick<Sections, 'backends'>,
  edits: SectionEdits,
): string {
  const places = [...edits].flatMap(([name, section]) => {
    const place = backends.get(name);
    return place === undefined ? [] : [{ ...place, section }];
  });
  const lines = text.split('\n');
  const kept: string[] = [];
  let next = 0;
  for (const { first, last, section } of places.sort((a, b) => a.first - b.first)) {
    for (; next < first; next++) kept.push(lines[next] ?? '');
    if (section !== '') kept.push(section);
    // The blank line before it came with it.
    else if (kept.at(-1)?.trim() === '') kept.pop();
    next = last + 1;
  }
  for (; next < lines.length; next++) kept.push(lines[next] ?? '');
  const added = [...edits].filter(([name, section]) => !backends.has(name) && section !== '');
  return appended(
    kept.join('\n'),
    added.map(([, section]) => section),
  );
}

function appended(text: string, sections: readonly string[]): string {
  if (sections.length === 0) return text;
  const end = text === '' || text.endsWith('\n') ? '' : '\n';
  return `${text}${end}${sections.map((section) => `\n${section}\n`).join('')}`;
}
