/** The namespaces of `nomad.namespace`: all (`*`), one, or a comma-separated list. */
export function namespacesOf(setting: string): readonly string[] {
  const names = setting
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return names.length === 0 || names.includes('*') ? ['*'] : [...new Set(names)];
}

/** The same set in the same words, because the scope of a connector's marks is made of them. */
export function canonicalNamespaces(setting: string): string {
  return [...namespacesOf(setting)].sort().join(',');
}
