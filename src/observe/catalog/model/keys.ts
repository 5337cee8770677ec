/** Keys of maps within a read. No namespace holds a space. */

export function keyOf(namespace: string, name: string): string {
  return `${namespace} ${name}`;
}

/** The namespace and the name of a key; a name that an instance resolved may hold spaces itself. */
export function partsOf(key: string): readonly [namespace: string, name: string] {
  const space = key.indexOf(' ');
  return [key.slice(0, space), key.slice(space + 1)];
}

/**
 * Whether Nomad's path of a service can hold the name. A variable in it may resolve to anything; what
 * a path can't hold is answered with an error, as if all of Nomad had failed.
 */
export function isReadableName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/');
}

/** Job IDs and service names as people read them. */
export function label(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

/** The namespaces that a setting names: all (`*`), one, or several with commas between them. */
export function namespacesOf(setting: string): readonly string[] {
  const names = setting
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return names.length === 0 || names.includes('*') ? ['*'] : [...new Set(names)];
}
