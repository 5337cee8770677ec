/** Keys of maps within a read. No namespace, job or service name holds a space. */

export function keyOf(namespace: string, name: string): string {
  return `${namespace} ${name}`;
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
