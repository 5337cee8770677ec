/** Builds the data plane's stand-in and fetches HAProxy, unless the machine has its own. */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

import { buildStandIn } from '../fixtures/dataplane/build.js';
import { type HaproxySeries, findHaproxy } from '../fixtures/haproxy/find.js';

const cache = resolve(import.meta.dirname, '..', '.cache');
if (!existsSync(cache)) console.log("setup: HAProxy, and the data plane's stand-in (Go)");
try {
  if ((process.env['DATAPLANEAPI_BIN'] ?? '') === '') await buildStandIn();
  await findHaproxy(process.env['HAPROXY_SERIES'] as HaproxySeries | undefined);
} catch (error) {
  console.error(`setup: ${explain(error)}`);
  process.exitCode = 1;
}

/** The message, with what a program that was run has written. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { stderr } = error as { stderr?: string };
  const details = typeof stderr === 'string' && stderr !== '' ? `\n${stderr.trim()}` : '';
  return `${error.message}${details}${error.cause === undefined ? '' : `\n${explain(error.cause)}`}`;
}
