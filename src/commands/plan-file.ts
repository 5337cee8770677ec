import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { planFormatVersion } from '../diff/print/print.js';
import { checkPlan } from '../plans/schema.ajv.js';
import type { SavedPlan } from '../plans/document.js';
import { ConnectorError } from '../shared/errors.js';
import { isObject, type Json } from '../shared/json.js';
import { plainJson } from '../shared/text.js';

export { approvalOf } from '../plans/approval.js';
export { savedPlan } from '../plans/document.js';

/** Atomically, and for its owner alone: a plan names hosts and addresses. */
export function writePlanFile(path: string, saved: SavedPlan): void {
  // A device or a pipe would be replaced by a file: run as root, /dev/null for the whole machine.
  if (isNoFile(path)) {
    throw invalid(`--plan-out ${path}: not a regular file`);
  }
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    const file = openSync(draft, 'wx', 0o600);
    try {
      writeFileSync(file, `${plainJson(saved, 2)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } catch (cause) {
    rmSync(draft, { force: true });
    throw invalid(`--plan-out ${path}: ${codeOf(cause)}`);
  }
}

function isNoFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === false;
  } catch {
    // Why it can't be looked at, writing it says.
    return false;
  }
}

/** Throws `config-invalid` for what is no saved plan of this format. */
export function readPlanFile(path: string): SavedPlan {
  const content = parsed(path);
  const version = isObject(content) ? content['format_version'] : undefined;
  if (version !== undefined && version !== planFormatVersion) {
    const known = `this version reads format_version ${planFormatVersion}`;
    throw invalid(`--plan ${path}: format_version ${JSON.stringify(version)}; ${known}`);
  }
  if (checkPlan(content)) return content as unknown as SavedPlan;
  const [error] = checkPlan.errors ?? [];
  const what = `${error?.instancePath ?? ''} ${error?.message ?? ''}`.trim();
  throw invalid(`--plan ${path} is not a file that --plan-out wrote: ${what}`);
}

function parsed(path: string): Json {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Json;
  } catch (cause) {
    const what = cause instanceof SyntaxError ? 'it is not JSON' : codeOf(cause);
    throw invalid(`--plan ${path}: ${what}`);
  }
}

function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? 'unknown error';
}

function invalid(message: string): ConnectorError {
  return new ConnectorError('config-invalid', message, { retryable: false });
}
