import type { DataPlaneReader, DataPlaneWriter } from '../actual/dataplane-client.js';
import type { ActualReader } from '../actual/reader.js';
import { guardWrites } from '../actual/dataplane-client.js';
import type { Office } from '../leader/office.js';
import type { TargetMemory } from './memory.js';

/** One HAProxy behind one Data Plane API. Targets share no memory. */
export interface Target {
  readonly name: string;
  /** Of the leader, for the length of one pass; absent without a lock, and on a standby. */
  readonly office?: Office;
  /** It stands by: it reads, and plans nothing. */
  readonly standsBy?: true;
  readonly client: DataPlaneReader;
  /** Absent in a dry run and on a standby, so that only GET can be sent. */
  readonly writer?: DataPlaneWriter;
  readonly actual: ActualReader;
  readonly memory: TargetMemory;
}

/** The target as one pass sees it: with a lock, all that it writes is written under this office. */
export function underOffice(target: Target, office: Office | undefined): Target {
  const { writer, ...reading } = target;
  if (writer === undefined) return target;
  if (office === undefined) return { ...reading, standsBy: true };
  return { ...reading, office, writer: guardWrites(writer, office.mayWrite) };
}
