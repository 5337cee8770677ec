/** What is measured as a process of its own is built first: tsx costs time and memory. */

import { rmSync } from 'node:fs';
import { copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';

import { build } from '../scripts/build.js';

const root = resolve(import.meta.dirname, '..');
const built = new Map<string, Promise<string>>();

/** Path of the built program. */
export function builtProgram(): Promise<string> {
  return builtOnce('src/main.ts');
}

/** Path of the file that the source becomes, with all that it imports; gone when the bench ends. */
export function builtOnce(entry: string): Promise<string> {
  const ready = built.get(entry) ?? buildOne(entry);
  built.set(entry, ready);
  return ready;
}

async function buildOne(entry: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hnc-built-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  await copyFile(join(root, 'package.json'), join(folder, 'package.json'));
  await build(join(folder, 'dist'), entry);
  return join(folder, 'dist', `${basename(entry, '.ts')}.js`);
}
