/** The licence texts of the packages inside the bundle: their licences ask for that. */

import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** `paths` are files from `node_modules`, relative to the folder that holds it. */
export async function licencesOf(root: string, paths: readonly string[]): Promise<string> {
  const folders = paths.flatMap(
    (path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [],
  );
  const sections = [...new Set(folders)].sort().map((folder) => sectionOf(join(root, folder)));
  return (await Promise.all(sections)).join('\n\n');
}

async function sectionOf(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  ) as Readonly<Record<'name' | 'version' | 'license', string>>;
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice)/i.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return [`${name} ${version} (${license})`, ...texts.map((text) => text.trim())].join('\n\n');
}
