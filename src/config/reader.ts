import type { Json } from '../shared/json.js';
import { parseDuration } from './formats.js';
import type { MergedValues } from './merged.js';
import { leaves, type ConfigKey } from './schema.js';

/** Typed access to values. Casts are safe because the schema has validated them. */
export interface Reader {
  readonly isSet: (key: ConfigKey) => boolean;
  readonly text: (key: ConfigKey) => string;
  readonly maybe: (key: ConfigKey) => string | undefined;
  readonly yes: (key: ConfigKey) => boolean;
  readonly maybeYes: (key: ConfigKey) => boolean | undefined;
  readonly number: (key: ConfigKey) => number;
  readonly either: (key: ConfigKey) => string | number;
  readonly ms: (key: ConfigKey) => number;
  readonly list: (key: ConfigKey) => readonly string[] | undefined;
}

export function readerOf(merged: MergedValues): Reader {
  const get = (key: ConfigKey): Json | undefined =>
    merged.get(key)?.value ?? leaves.get(key)?.default;
  return {
    isSet: (key) => merged.has(key),
    text: (key) => get(key) as string,
    maybe: (key) => get(key) as string | undefined,
    yes: (key) => get(key) as boolean,
    maybeYes: (key) => get(key) as boolean | undefined,
    number: (key) => get(key) as number,
    either: (key) => get(key) as string | number,
    ms: (key) => parseDuration(get(key) as string | number)!,
    list: (key) => get(key) as readonly string[] | undefined,
  };
}
