import { readFileSync } from 'node:fs';

import { asConnectorError } from '../shared/errors.js';
import { openPolicy, type PolicySettings } from './policy.js';
import { readPolicyFile } from './policy-values.js';
import type { Settings } from './types.js';

export interface PolicySource {
  /** Reads `policy.file` again, so a pass finds what a watch missed. */
  readonly current: () => PolicySettings;
}

/** A file that becomes invalid is reported once, and its last valid content stays in force. */
export function policySource(
  { policy = openPolicy }: Settings,
  onInvalid: (reason: string) => void = () => undefined,
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
      if (reason !== told) onInvalid(reason);
      told = reason;
    }
    return last;
  };
  return { current };
}
