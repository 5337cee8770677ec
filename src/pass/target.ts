import type { DataPlaneReader, DataPlaneWriter } from '../actual/dataplane-client.js';
import type { ActualReader } from '../actual/reader.js';
import type { TargetMemory } from './memory.js';

/** One HAProxy behind one Data Plane API. Targets share no memory. */
export interface Target {
  readonly name: string;
  readonly client: DataPlaneReader;
  /** Absent in a dry run, so that only GET can be sent. */
  readonly writer?: DataPlaneWriter;
  readonly actual: ActualReader;
  readonly memory: TargetMemory;
}
