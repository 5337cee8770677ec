import { createHash } from 'node:crypto';

import { isObject } from '../shared/json.js';

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** JSON whose keys are sorted, so that equal values have equal texts. */
export function sortedJson(
  value: unknown,
  replacer: (key: string, value: unknown) => unknown,
): string {
  return JSON.stringify(value, (key, given: unknown) => {
    const one = replacer(key, given);
    return isObject(one) ? Object.fromEntries(Object.entries(one).sort(byKey)) : one;
  });
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
