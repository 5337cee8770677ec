import type { ParsedTags } from './tags.js';
import type { DesiredWarning } from './types.js';
import { type TagName, type Tags, tagNames, tagRows } from './vocabulary.js';

/** The tags without those that mean nothing in tcp mode. */
export function applicableTags(tags: Tags): Tags {
  if (tags.mode !== 'tcp') return tags;
  const ignored = tagNames.filter((name) => tagRows[name].httpOnly);
  const blank = ignored.map((name) => [name, tagRows[name].many ? [] : undefined]);
  return { ...tags, ...(Object.fromEntries(blank) as Partial<Tags>) };
}

/** Of the tags that do nothing: unknown ones, and known ones that don't fit this kind of service. */
export function tagWarnings(service: string, prefix: string, parsed: ParsedTags): DesiredWarning[] {
  const { tags, unknown } = parsed;
  const warnings: DesiredWarning[] = unknown.map(({ tag, nearest }) => {
    const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
    return { service, code: 'unknown-tag', message: `tag ${tag} is unknown${hint}` };
  });
  for (const name of tagNames.filter((known) => isGiven(tags, known))) {
    const reason = ignoredBecause(name, tags);
    if (reason === undefined) continue;
    const message = `tag ${prefix}.${tagRows[name].key} is ignored: ${reason}`;
    warnings.push({ service, code: 'ignored-tag', message });
  }
  return warnings;
}

function isGiven(tags: Tags, name: TagName): boolean {
  const value = tags[name];
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}

function ignoredBecause(name: TagName, tags: Tags): string | undefined {
  const { custom, httpOnly } = tagRows[name];
  if (tags.backend === 'custom' && !custom) return "a custom backend's settings are the operator's";
  if (tags.mode === 'tcp' && httpOnly) return 'it needs mode http';
  if (name === 'backendName' && tags.backend !== 'custom') return 'it needs backend=custom';
  if (name === 'pathStrip' && tags.paths.length === 0) return 'there is no path';
  return undefined;
}
