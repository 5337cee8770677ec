import { type FSWatcher, watch } from 'node:fs';

import type { RouteFile, RouteTarget } from '../desired/types.js';
import type { Logger } from '../telemetry/logger.js';
import { readRouteFiles } from './files.js';

/** The current content of the routes folder. */
export interface RouteFiles {
  readonly files: readonly RouteFile[];
  readonly bad: readonly BadRouteFile[];
}

export interface BadRouteFile {
  readonly name: string;
  readonly reason: string;
  /** Present if only these are valid. */
  readonly targets?: readonly RouteTarget[];
}

export interface RouteFolder {
  /** Reads the folder again, so the next pass finds missed changes. */
  readonly current: () => RouteFiles;
  readonly close: () => void;
}

/**
 * A second source of desired state besides Nomad. A file that becomes invalid is reported and keeps
 * its last valid content. One that was never valid is ignored.
 */
export function watchRoutes(
  directory: string | undefined,
  { onChange, logger }: { readonly onChange?: () => void; readonly logger: Logger },
): RouteFolder {
  const lastGood = new Map<string, RouteFile>();
  const watcher = onChange === undefined ? undefined : startWatch(directory, onChange, logger);
  return {
    current: () => (directory === undefined ? { files: [], bad: [] } : read(directory, lastGood)),
    close: () => watcher?.close(),
  };
}

function read(directory: string, lastGood: Map<string, RouteFile>): RouteFiles {
  const files: RouteFile[] = [];
  const bad: BadRouteFile[] = [];
  const routes = readRouteFiles(directory);
  for (const route of routes) {
    if ('file' in route) lastGood.set(route.name, route.file);
    else {
      const { name, problem: reason, targets } = route;
      bad.push({ name, reason, ...(targets === undefined ? {} : { targets }) });
    }
    const known = lastGood.get(route.name);
    if (known !== undefined) files.push(known);
  }
  const present = new Set(routes.map(({ name }) => name));
  for (const name of lastGood.keys()) if (!present.has(name)) lastGood.delete(name);
  return { files, bad };
}

/** Only for speed: without a watch, the next timed pass finds the change. */
function startWatch(
  directory: string | undefined,
  onChange: () => void,
  logger: Logger,
): FSWatcher | undefined {
  if (directory === undefined) return undefined;
  try {
    const watcher = watch(directory, { persistent: false }, onChange);
    watcher.on('error', () => logger.warn('routes folder is no longer watched', { directory }));
    return watcher;
  } catch {
    logger.warn('routes folder cannot be watched', { directory });
    return undefined;
  }
}
