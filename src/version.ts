import { readFileSync } from 'node:fs';

/** The package's version. The file lies one folder up, from the source and from the build. */
export function productVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
