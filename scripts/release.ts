/**
 * Runs within `npm version`, after it has written the new version to package.json and before it
 * commits and tags: writes the version everywhere else it stands, and ends the CHANGELOG's Unreleased.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Where the version stands besides package.json: the first group is before it, the last after it. */
export const places: Readonly<Record<string, RegExp>> = {
  Dockerfile: /(^ARG VERSION=)(\S+)()$/m,
  'deploy/nomad/connector.nomad.hcl': /(= "haproxy-nomad-connector:)([^"]+)(")/,
  'deploy/nomad-pack/haproxy_nomad_connector/variables.hcl':
    /(= "haproxy-nomad-connector:)([^"]+)(")/,
  'deploy/nomad-pack/haproxy_nomad_connector/metadata.hcl': /(version +=? ?")([^"]+)(")/,
};

/** @throws if there is nothing to release. */
export function endUnreleased(changelog: string, version: string, date: string): string {
  const title = '## [Unreleased]\n';
  const at = changelog.indexOf(title);
  const [news = ''] = changelog.slice(at + title.length).split(/^## \[/m, 1);
  if (at === -1 || news.trim() === '') throw new Error('CHANGELOG.md: nothing is unreleased');
  return changelog.replace(title, `${title}\n## [${version}] - ${date}\n`);
}

function release(root: string, date: string): void {
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const { version } = JSON.parse(read('package.json')) as { readonly version: string };
  const edited: Record<string, string> = {
    'CHANGELOG.md': endUnreleased(read('CHANGELOG.md'), version, date),
  };
  for (const [path, place] of Object.entries(places)) {
    edited[path] = read(path).replace(place, `$1${version}$3`);
  }
  for (const [path, text] of Object.entries(edited)) writeFileSync(join(root, path), text);
  execFileSync('git', ['add', ...Object.keys(edited)], { cwd: root });
}

if (process.argv[1] === import.meta.filename) {
  release(resolve(import.meta.dirname, '..'), new Date().toISOString().slice(0, 10));
}
