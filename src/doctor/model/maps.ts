import { dirname } from 'node:path';

import { requireMapFile } from '../../actual/shared-map.js';
import type { ActualState } from '../../actual/types.js';
import type { Settings } from '../../config/types.js';
import { lookupMap } from '../../haproxy/lookup-rules.js';
import { asConnectorError } from '../../shared/errors.js';
import { error, type Finding, type MapsFact, ok } from '../types.js';

/** Paths that rules look up, those that the Data Plane API keeps, and those that HAProxy loaded. */
export function judgeMaps(
  settings: Settings,
  actual: ActualState,
  { stored, loaded }: MapsFact,
): Finding {
  const wrongFile = mapFileProblem(settings, actual);
  if (wrongFile !== undefined) return wrongFile;
  const used = filesInRules(actual);
  const astray = used.find((file) => !stored.includes(file));
  if (astray !== undefined) {
    return error(
      `a rule looks up ${astray}, which is not in the maps folder of the Data Plane API` +
        (stored[0] === undefined ? '' : ` (${dirname(stored[0])})`),
      `dataplaneapi.yaml, under dataplaneapi, resources: maps_dir: ${dirname(astray)}`,
    );
  }
  const unseen = used.find((file) => !loaded.includes(file));
  if (unseen !== undefined) {
    return error(
      `HAProxy has not loaded ${unseen}, which a rule in the file looks up`,
      `let HAProxy and the Data Plane API see the same ${dirname(unseen)}, and reload HAProxy`,
    );
  }
  if (used.length === 0) return ok('none yet: the first pass makes them');
  return ok(`${used.length} in ${dirname(used[0] ?? '')}, seen by both`);
}

function mapFileProblem({ routing }: Settings, actual: ActualState): Finding | undefined {
  const settings = { routing } as Settings;
  try {
    requireMapFile(actual, settings);
    return undefined;
  } catch (cause) {
    const expected = /expected (\S+)$/.exec(asConnectorError(cause).message)?.[1] ?? '';
    return error(asConnectorError(cause).message, `domain_map.file_path: ${expected}`);
  }
}

function filesInRules({ frontends }: ActualState): readonly string[] {
  const files = Object.values(frontends).flatMap(({ rules }) =>
    rules.flatMap((rule) => lookupMap(rule)?.file ?? []),
  );
  return [...new Set(files)];
}
