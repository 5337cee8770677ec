import equal from 'fast-deep-equal';

import { findDegraded } from '../actual/normalise/degraded.js';
import { factsOf } from '../actual/normalise/facts.js';
import { servedNamespaces } from '../actual/served-namespaces.js';
import type { ActualState } from '../actual/types.js';
import type { Rejection } from '../desired/types.js';
import { currentStateFile } from '../apply/state-file.js';
import {
  type ClaimRecord,
  type MapEntries,
  recordEntries,
  recordOf,
} from '../haproxy/claims-record.js';
import { memoLast } from '../shared/memo.js';
import { runInSlices } from '../shared/slices.js';
import { servedInstances } from './served-instances.js';

type Frontends = ActualState['frontends'];
type Backends = ActualState['backends'];
type Rejections = Readonly<Record<string, Rejection>>;

/** What a pass derives from one part of what it read. Nothing is computed again for the same part. */
export type Derived = ReturnType<typeof newDerived>;

export function newDerived() {
  return {
    facts: memoLast(
      (
        frontends: Frontends,
        backends: Backends,
        raw: string,
        ownership: Parameters<typeof factsOf>[1],
      ) => factsOf({ frontends, backends, raw }, ownership),
    ),
    namespaces: memoLast((backends: Backends) => servedNamespaces({ backends })),
    instances: memoLast((backends: Backends) => servedInstances({ backends })),
    degraded: memoLast(
      (
        global: ActualState['global'],
        frontends: Frontends,
        backends: Backends,
        names: readonly string[],
        peers: ActualState['peers'],
      ) => findDegraded({ global, frontends, backends, ...(peers && { peers }) }, names),
    ),
    refusals: memoLast((own: Rejections, apart: Rejections) => ({ ...own, ...apart })),
    stateFile: memoLast((backends: Backends, staysRunning: boolean) =>
      runInSlices(currentStateFile(backends, staysRunning)),
    ),
    record: memoLast(recordOf),
    isRecorded: memoLast((claims: ClaimRecord, entries: MapEntries) =>
      equal(recordEntries(claims), entries),
    ),
  };
}
