import { expectOk } from '../actual/answers.js';
import type { ActualState } from '../actual/types.js';
import { pathOf } from '../apply/context.js';
import { markerServer } from '../apply/render/backend-json.js';
import type { Settings } from '../config/types.js';
import { connectorBackendName } from '../haproxy/names.js';
import { ConnectorError } from '../shared/errors.js';
import type { Target } from './target.js';

/** Whether this is the first pass of a term: nothing that was read before counts. */
export function isNewInOffice({ office, memory }: Target): boolean {
  return office !== undefined && memory.term !== office.term;
}

/**
 * The first write of a term says so in the marker, and with the version that was just read. From then
 * on the Data Plane API refuses (409) whatever an earlier leader has under way. Returns whether it
 * wrote. Throws `not-leader` if another leader has come since.
 */
export async function takeOffice(
  target: Target,
  { marker, configVersion }: ActualState,
  settings: Settings,
  signal: AbortSignal,
): Promise<boolean> {
  const { office, writer, memory } = target;
  if (office === undefined || writer === undefined) return false;
  const { onDisk, nomadIndex, term = 0 } = marker;
  const { term: own } = office;
  if (!isNewInOffice(target)) return false;
  // A restored Nomad counts from an earlier index: then the lock is ours all the same.
  if (term > own && !(await office.confirm())) throw overtaken(term, own);
  const mustWrite = onDisk !== undefined && term !== own;
  if (mustWrite) {
    const backend = connectorBackendName(settings.ownership.prefix);
    const path = pathOf('configuration', 'backends', backend, 'servers', onDisk);
    const json = markerServer(onDisk, { nomadIndex, term: own }, settings);
    const query = { version: configVersion };
    expectOk(await writer.send('PUT', path, { json, query, signal }), 'write the term');
  }
  memory.term = own;
  return mustWrite;
}

/** A later term in anything read since: another leader has come. */
export async function requireOffice(target: Target, { marker }: ActualState): Promise<void> {
  const { office } = target;
  if (office === undefined || isNewInOffice(target)) return;
  const { term = 0 } = marker;
  if (term <= office.term) return;
  await office.confirm();
  throw overtaken(term, office.term);
}

function overtaken(term: number, own: number): ConnectorError {
  return new ConnectorError(
    'not-leader',
    `HAProxy was written in term ${term}, which is later than this leader's ${own}: if this lasts, connectors with different locks have the same ownership.prefix`,
  );
}
