import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

import { asConnectorError } from '../shared/errors.js';
import { openPolicy, type PolicySettings } from './policy.js';
import { readPolicyFile } from './policy-values.js';
import type { Settings } from './types.js';

export interface PolicySource {
  /** Reads `policy.file` again, so a pass finds what a watch missed. */
  readonly current: () => PolicySettings;
  readonly close: () => void;
}

interface Hooks {
  /** Told once for each reason. */
  readonly onInvalid?: (reason: string) => void;
  /** Only for speed: without it, the next timed pass finds the change. */
  readonly onChange?: () => void;
}

/** A file that becomes invalid is reported once, and its last valid content stays in force. */
export function policySource(
  { policy = openPolicy }: Settings,
  { onInvalid, onChange }: Hooks = {},
): PolicySource {
  const { file } = policy;
  let last: PolicySettings | undefined;
  let told: string | undefined;
  const current = (): PolicySettings => {
    if (file === undefined) return policy;
    try {
      last = readPolicyFile(file, policy, (path) => readFileSync(path, 'utf8'));
      told = undefined;
    } catch (error) {
      const reason = asConnectorError(error).message;
      if (last === undefined) throw error;
      if (reason !== told) onInvalid?.(reason);
      told = reason;
    }
    return last;
  };
  const watcher =
    file === undefined || onChange === undefined ? undefined : watchFile(file, onChange);
  return { current, close: () => watcher?.close() };
}

/** Its folder is watched: editors, and Nomad's templates, replace the file. */
function watchFile(file: string, onChange: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
      if (name === null || name === basename(file)) onChange();
    });
    watcher.on('error', () => undefined);
    return watcher;
  } catch {
    return undefined;
  }
}
