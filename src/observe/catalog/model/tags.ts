/** The form of a tag, `<prefix>.<key>=<value>`, and opting in. What else tags say is read by the desired state. */

export interface TagParts {
  /** In lower case, without the prefix. */
  readonly key: string;
  readonly value: string;
}

/** Undefined: the tag doesn't begin with the prefix, so it belongs to another program. */
export function splitTag(prefix: string, tag: string): TagParts | undefined {
  const text = tag.trim();
  const start = `${prefix}.`.toLowerCase();
  if (!text.toLowerCase().startsWith(start)) return undefined;
  const [, key = '', value = ''] = /^([^=]*)(?:=(.*))?$/s.exec(text.slice(start.length)) ?? [];
  return { key: key.trim().toLowerCase(), value: value.trim() };
}

/**
 * Opting in by `<prefix>.enable=true`, or trying to: a value that is neither true nor false is a slip,
 * which the desired state names, and must not take the service out.
 */
export function optsIn(tags: readonly string[], prefix: string): boolean {
  const values = tags.flatMap((tag) => {
    const { key, value } = splitTag(prefix, tag) ?? {};
    return key === 'enable' && value !== undefined ? [value.toLowerCase()] : [];
  });
  return values.includes('true') || (values.length > 0 && !values.includes('false'));
}
