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
  const text = tag.trim();
  const start = `${prefix}.`.toLowerCase();
  if (!text.toLowerCase().startsWith(start)) return undefined;
  const [, key = '', value = ''] = /^([^=]*)(?:=(.*))?$/s.exec(text.slice(start.length)) ?? [];
  return { key: key.trim().toLowerCase(), value: value.trim() };
}

/**
 * Whether `<prefix>.enable=true` opts in. A value other than true or false is a typo: src/desired
 * reports it, and it must not remove the service.
 */
export function optsIn(tags: readonly string[], prefix: string): boolean {
  const values = tags.flatMap((tag) => {
    const { key, value } = splitTag(prefix, tag) ?? {};
    return key === 'enable' && value !== undefined ? [value.toLowerCase()] : [];
  });
  return values.includes('true') || (values.length > 0 && !values.includes('false'));
}
