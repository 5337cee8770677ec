import type { Settings } from '../config/types.js';
import { ConnectorError } from '../shared/errors.js';
import { mapNames } from '../haproxy/map-names.js';
import type { ActualState } from './types.js';

/** The operator's map must be in the directory where the data plane keeps maps. */
export function requireMapFile({ maps }: ActualState, { routing }: Settings): void {
  const known = maps[mapNames(routing).exact]?.file;
  if (routing.mapFile === undefined || known === undefined || known === routing.mapFile) return;
  throw new ConnectorError(
    'config-invalid',
    `domain_map.file_path: ${routing.mapFile} is not in the data plane's maps directory; expected ${known}`,
    { retryable: false },
  );
}
