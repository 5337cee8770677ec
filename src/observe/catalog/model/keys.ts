/** Map keys within a read. Namespaces contain no spaces. */

import { isVisible } from '../../../shared/text.js';

export function keyOf(namespace: string, name: string): string {
  return `${namespace} ${name}`;
}

/** Splits a key into namespace and name. A name resolved from variables may contain spaces. */
export function partsOf(key: string): readonly [namespace: string, name: string] {
  const space = key.indexOf(' ');
  return [key.slice(0, space), key.slice(space + 1)];
}

/**
 * Whether a URL path can contain the service name. A variable may resolve to anything, and Nomad
 * answers an impossible path with an error, as if it had failed itself. Characters that reorder or hide
 * the text around them would do so in HAProxy's file. Nomad's own names have at most 63 characters.
 */
export function isReadableName(name: string): boolean {
  return /^[^/]{1,255}$/u.test(name) && isVisible(name) && name !== '.' && name !== '..';
}

/** Readable form of job IDs and service names. */
export function label(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
