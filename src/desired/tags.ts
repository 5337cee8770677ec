import { splitTag, type TagParts } from '../observe/catalog/model/tags.js';
import { nearest } from '../shared/nearest.js';
import { firstOfEach } from './first-of-each.js';
import { type TagName, type Tags, tagNames, tagRows } from './vocabulary.js';

export interface ParsedTags {
  readonly tags: Tags;
  /** Known keys with invalid values. */
  readonly invalid: readonly InvalidTag[];
  readonly unknown: readonly UnknownTag[];
  /** Values as given, for keys that are present. */
  readonly given: Readonly<Partial<Record<TagName, readonly string[]>>>;
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

interface RawTag extends TagParts {
  readonly tag: string;
}

/** More are not reported. */
const maxUnknown = 50;

const nameByKey = new Map(tagNames.map((name) => [tagRows[name].key, name]));

/**
 * What a service without a tag has: each name is there, in the rows' order. Made from the table, which
 * is a literal: V8 keeps such an object as a struct and copies it as one. Of entries it would make a
 * dictionary, whose copy takes ten times the memory.
 */
const noTags = withoutValues({ ...tagRows });

function withoutValues(tags: Record<TagName, unknown>): Readonly<Record<TagName, unknown>> {
  for (const name of tagNames) tags[name] = tagRows[name].many ? [] : undefined;
  return tags;
}

export type TagParser = (tags: readonly string[]) => ParsedTags;

/** Reads a list that several instances or groups share once. */
export function tagParser(prefix: string): TagParser {
  const known = new Map<readonly string[], ParsedTags>();
  return (tags) => {
    let parsed = known.get(tags);
    if (parsed === undefined) known.set(tags, (parsed = parseTags(prefix, tags)));
    return parsed;
  };
}

/** Reads the tags that begin with `<prefix>.`. All others belong to other programs. */
export function parseTags(prefix: string, raw: readonly string[]): ParsedTags {
  const ours: RawTag[] = [];
  for (const tag of raw) {
    const parts = splitTag(prefix, tag);
    if (parts !== undefined) ours.push({ tag, key: parts.key, value: parts.value });
  }
  const tags: Record<TagName, unknown> = { ...noTags };
  const invalid: InvalidTag[] = [];
  const values: Partial<Record<TagName, readonly string[]>> = {};
  const byName = grouped(ours);
  for (const name of tagNames) {
    const given = byName.get(name);
    if (given === undefined) continue;
    const { value, problems } = readRow(name, given);
    tags[name] = value;
    values[name] = given.map((one) => one.value);
    for (const problem of problems) invalid.push(problem);
  }
  const unknown = ours.filter(({ key }) => !nameByKey.has(key)).slice(0, maxUnknown);
  return {
    tags: tags as Tags,
    invalid,
    unknown: unknown.map((one) => explain(prefix, one)),
    given: values,
  };
}

function grouped(ours: readonly RawTag[]): ReadonlyMap<TagName, readonly RawTag[]> {
  const groups = new Map<TagName, RawTag[]>();
  for (const one of ours) {
    const name = nameByKey.get(one.key);
    if (name === undefined) continue;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [one]);
    else group.push(one);
  }
  return groups;
}

function readRow(name: TagName, given: readonly RawTag[]) {
  const { grammar, many } = tagRows[name];
  const values: unknown[] = [];
  const problems: InvalidTag[] = [];
  let second: RawTag | undefined;
  for (const one of firstOfEach(given, ({ value }) => value)) {
    const parsed = grammar.parse(one.value);
    if (parsed === undefined) {
      problems.push({ name, tag: one.tag, problem: `allowed: ${grammar.form}` });
    } else if (values.push(parsed) === 2) second = one;
  }
  if (many) return { value: values, problems };
  if (second !== undefined) problems.push({ name, tag: second.tag, problem: 'given twice' });
  return { value: values[0], problems };
}

function explain(prefix: string, { tag, key }: RawTag): UnknownTag {
  const known = nearest(key, [...nameByKey.keys()]);
  return known === undefined ? { tag } : { tag, nearest: `${prefix}.${known}` };
}
