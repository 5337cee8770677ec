import { nearest } from '../shared/nearest.js';
import { firstOfEach } from './first-of-each.js';
import { type TagName, type Tags, tagNames, tagRows } from './vocabulary.js';

export interface ParsedTags {
  readonly tags: Tags;
  /** Known keys with values that are not allowed. */
  readonly invalid: readonly InvalidTag[];
  readonly unknown: readonly UnknownTag[];
}

export interface InvalidTag {
  readonly name: TagName;
  readonly tag: string;
  readonly problem: string;
}

export interface UnknownTag {
  readonly tag: string;
  readonly nearest?: string;
}

interface RawTag {
  readonly tag: string;
  readonly key: string;
  readonly value: string;
}

const nameByKey = new Map(tagNames.map((name) => [tagRows[name].key, name]));

/** Reads the tags that begin with `<prefix>.`; all others are somebody else's. */
export function parseTags(prefix: string, raw: readonly string[]): ParsedTags {
  const ours = raw.flatMap((tag) => split(prefix, tag));
  const tags: Record<string, unknown> = {};
  const invalid: InvalidTag[] = [];
  for (const name of tagNames) {
    const given = ours.filter(({ key }) => nameByKey.get(key) === name);
    const { value, problems } = readRow(name, given);
    tags[name] = value;
    invalid.push(...problems);
  }
  const unknown = ours.filter(({ key }) => !nameByKey.has(key));
  return { tags: tags as Tags, invalid, unknown: unknown.map((one) => explain(prefix, one)) };
}

/** Whether the instance has opted in. */
export function isEnabled(prefix: string, raw: readonly string[]): boolean {
  return parseTags(prefix, raw).tags.enable === true;
}

function split(prefix: string, tag: string): RawTag[] {
  const start = `${prefix}.`;
  if (!tag.toLowerCase().startsWith(start.toLowerCase())) return [];
  const rest = tag.slice(start.length);
  const at = rest.indexOf('=');
  const key = (at < 0 ? rest : rest.slice(0, at)).trim().toLowerCase();
  return [{ tag, key, value: at < 0 ? '' : rest.slice(at + 1).trim() }];
}

function readRow(name: TagName, given: readonly RawTag[]) {
  const { grammar, many } = tagRows[name];
  const distinct = firstOfEach(given, ({ value }) => value);
  const parsed = distinct.map((one) => ({ ...one, parsed: grammar.parse(one.value) }));
  const good = parsed.filter((one) => one.parsed !== undefined);
  const problems: InvalidTag[] = parsed
    .filter((one) => one.parsed === undefined)
    .map(({ tag }) => ({ name, tag, problem: `allowed: ${grammar.form}` }));
  if (many) return { value: good.map((one) => one.parsed), problems };
  const [first, second] = good;
  if (second !== undefined) problems.push({ name, tag: second.tag, problem: 'given twice' });
  return { value: first?.parsed, problems };
}

function explain(prefix: string, { tag, key }: RawTag): UnknownTag {
  const known = nearest(key, [...nameByKey.keys()]);
  return known === undefined ? { tag } : { tag, nearest: `${prefix}.${known}` };
}
