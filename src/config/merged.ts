import type { Json } from '../shared/json.js';
import type { ConfigKey } from './schema.js';

export interface Merged {
  readonly value: Json;
  /** 0 is the highest precedence. */
  readonly rank: number;
  readonly name: string;
}

export type MergedValues = ReadonlyMap<ConfigKey, Merged>;

/** A file whose content is a secret. */
export interface SecretFile {
  readonly key: string;
  readonly path: string;
}
