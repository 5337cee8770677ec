import type { WireInstance } from '../../nomad/answers/shapes.js';

/** A tag `haproxy-name=edge-1` names its HAProxy. */
export const nameTag = 'haproxy-name=';

/** What `allowed` says, for people. */
export const nameRule = '1 to 64 letters, digits, ".", "_" and "-"';

const allowed = /^[A-Za-z0-9_.-]{1,64}$/;

/**
 * The name of a HAProxy: that of its tag, else its node's, else its address and port. The first two
 * stay when a new allocation takes its place.
 */
export function nameOf(
  { Tags, Address, Port }: Pick<WireInstance, 'Tags' | 'Address' | 'Port'>,
  nodeName: string,
): string {
  const named = namesIn(Tags).find(isName);
  if (named !== undefined) return named;
  return isName(nodeName) ? nodeName : `${Address}:${Port}`;
}

/** Tags that look like one, with a name that isn't allowed. */
export function badNames({ Tags }: Pick<WireInstance, 'Tags'>): readonly string[] {
  return namesIn(Tags)
    .filter((name) => !isName(name))
    .map((name) => nameTag + name);
}

function namesIn(tags: WireInstance['Tags']): readonly string[] {
  return (tags ?? [])
    .filter((tag) => tag.startsWith(nameTag))
    .map((tag) => tag.slice(nameTag.length));
}

function isName(text: string): boolean {
  return allowed.test(text);
}
