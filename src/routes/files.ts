import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';

import { parse } from 'yaml';

import { parseRouteFile } from '../desired/route-files.js';
import type { RouteFile, RouteTarget } from '../desired/types.js';
import { ConnectorError } from '../shared/errors.js';

const extensions = new Set(['.yaml', '.yml', '.json']);

/** The current content of one route file. */
export type ReadRoute =
  | { readonly name: string; readonly path: string; readonly file: RouteFile }
  | {
      readonly name: string;
      readonly path: string;
      readonly problem: string;
      readonly targets?: readonly RouteTarget[];
    };

/**
 * Every route file of the folder, sorted by name. An unreadable folder is an error, so that it
 * isn't taken for an empty one.
 */
export function readRouteFiles(directory: string): ReadRoute[] {
  return listRouteFiles(directory).map((path) => readRouteFile(path));
}

function listRouteFiles(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((entry) => extensions.has(extname(entry)) && !entry.startsWith('.'))
      .sort()
      .map((entry) => join(directory, entry));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new ConnectorError('routes-unreadable', `routes folder ${directory}: ${code}`);
  }
}

function readRouteFile(path: string): ReadRoute {
  const name = basename(path, extname(path));
  try {
    // JSON is valid YAML.
    const parsed = parseRouteFile(name, parse(readFileSync(path, 'utf8')));
    if ('file' in parsed) return { name, path, file: parsed.file };
    const { problems, ...known } = parsed;
    return { name, path, problem: problems.join('; '), ...known };
  } catch (error) {
    const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unreadable';
    return { name, path, problem: message };
  }
}

/** Writes a file atomically: to a hidden temporary file, then renamed. */
export function writeRouteFile(directory: string, name: string, text: string): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${name}.yaml`);
  const draft = join(directory, `.${name}.${process.pid}.tmp`);
  writeFileSync(draft, text, { flag: 'wx' });
  renameSync(draft, path);
  return path;
}

export function removeRouteFile(path: string): void {
  rmSync(path);
}
