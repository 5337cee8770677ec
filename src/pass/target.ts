import type { DataPlaneReader, DataPlaneWriter } from '../actual/dataplane-client.js';
import type { ActualReader } from '../actual/reader.js';
import type { TargetMemory } from './memory.js';

/** One HAProxy behind one Data Plane API. Its memory is its own: nothing in it speaks for another. */
export interface Target {
  readonly name: string;
  readonly client: DataPlaneReader;
  /** Absent in a dry run: nothing can then be sent but GET. */
  readonly writer?: DataPlaneWriter;
  readonly actual: ActualReader;
  readonly memory: TargetMemory;
}
