import type { ParsedTags } from './tags.js';
import type { DesiredWarning } from './types.js';
import { type TagName, type Tags, tagNames, tagRows } from './vocabulary.js';

/** In tcp mode, tags that only http mode has a meaning for are blank. */
const blankInTcp = Object.fromEntries(
  tagNames
    .filter((name) => tagRows[name].httpOnly)
    .map((name) => [name, tagRows[name].many ? [] : undefined]),
) as Partial<Tags>;

/** Drops tags that have no meaning in tcp mode. */
export function applicableTags(tags: Tags): Tags {
  return tags.mode === 'tcp' ? { ...tags, ...blankInTcp } : tags;
}

/** Warnings about tags without effect: unknown ones, and ones that don't apply to this service. */
export function tagWarnings(service: string, prefix: string, parsed: ParsedTags): DesiredWarning[] {
  const { tags, unknown } = parsed;
  const warnings: DesiredWarning[] = unknown.map(({ tag, nearest }) => {
    const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
    return { service, code: 'unknown-tag', message: `tag ${tag} is unknown${hint}` };
  });
  if (!mayBeIgnored(tags)) return warnings;
  for (const name of tagNames.filter((known) => isGiven(tags, known))) {
    const reason = ignoredBecause(name, tags);
    if (reason === undefined) continue;
    const message = `tag ${prefix}.${tagRows[name].key} is ignored: ${reason}`;
    warnings.push({ service, code: 'ignored-tag', message });
  }
  return warnings;
}

/** Most services have none of these, and so no tag without effect. */
function mayBeIgnored({ backend, mode, backendName, pathStrip }: Tags): boolean {
  return (
    backend === 'custom' || mode === 'tcp' || backendName !== undefined || pathStrip !== undefined
  );
}

function isGiven(tags: Tags, name: TagName): boolean {
  const value = tags[name];
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}

function ignoredBecause(name: TagName, tags: Tags): string | undefined {
  const { custom, httpOnly } = tagRows[name];
  if (tags.backend === 'custom' && !custom)
    return 'the operator controls the settings of a custom backend';
  if (tags.mode === 'tcp' && httpOnly) return 'it requires mode=http';
  if (name === 'backendName' && tags.backend !== 'custom') return 'it requires backend=custom';
  if (name === 'pathStrip' && tags.paths.length === 0) return 'the service has no path';
  return undefined;
}
