/**
 * The syntax of a tag, `<prefix>.<key>=<value>`, and opting in. src/desired reads everything else.
 */

export interface TagParts {
  /** Lower case, without the prefix. */
  readonly key: string;
  readonly value: string;
}

/** Undefined: the tag lacks the prefix, so it belongs to another program. */
export function splitTag(prefix: string, tag: string): TagParts | undefined {
  const text = tag.trimStart();
  const start = `${prefix}.`;
  if (text.slice(0, start.length).toLowerCase() !== start.toLowerCase()) return undefined;
  const equals = text.indexOf('=', start.length);
  const key = text.slice(start.length, equals < 0 ? undefined : equals);
  const value = equals < 0 ? '' : text.slice(equals + 1);
  return { key: key.trim().toLowerCase(), value: value.trim() };
}

/**
 * Whether `<prefix>.enable=true` opts in. A value other than true or false is a typo: src/desired
 * reports it, and it must not remove the service.
 */
export function optsIn(tags: readonly string[], prefix: string): boolean {
  return ownTags(tags, prefix).isOffered;
}

export interface OwnTags {
  /** The tags with our prefix. */
  readonly own: readonly string[];
  /** Whether they opt in. */
  readonly isOffered: boolean;
}

export function ownTags(tags: readonly string[], prefix: string): OwnTags {
  const own: string[] = [];
  const values: string[] = [];
  for (const tag of tags) {
    const parts = splitTag(prefix, tag);
    if (parts === undefined) continue;
    own.push(tag);
    if (parts.key === 'enable') values.push(parts.value.toLowerCase());
  }
  const isOffered = values.includes('true') || (values.length > 0 && !values.includes('false'));
  return { own, isOffered };
}
