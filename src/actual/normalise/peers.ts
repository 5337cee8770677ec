import { escapeRegex } from '../../shared/escape-regex.js';
import type { PeersFact } from '../types.js';

/** Whether the configuration has the `peers` section of that name. Undefined: none is asked for. */
export function peersIn(raw: string, name: string | undefined): PeersFact | undefined {
  if (name === undefined) return undefined;
  const header = new RegExp(`^[ \\t]*peers[ \\t]+${escapeRegex(name)}(?=[ \\t#\\r]|$)`, 'm');
  return { name, exists: header.test(raw) };
}
