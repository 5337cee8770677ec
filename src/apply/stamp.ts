import { expectOk } from '../actual/answers.js';
import { connectorBackendName } from '../haproxy/names.js';
import { isSameStamp, type Stamp, stampOf, withStamp } from '../haproxy/scope.js';
import { isObject, type JsonObject } from '../shared/json.js';
import { aborting, type ApplyContext } from './context.js';
import { sectionLine } from './render/server-line.js';

/**
 * Signs a marker that an earlier version, or a connector that this one replaces, wrote. Without a
 * reload: only the comment of one line changes. Later markers are signed as they are written.
 */
export async function signMarker(context: ApplyContext): Promise<boolean> {
  const { actual, settings } = context;
  const { onDisk, stamp } = actual.marker;
  const own = stampOf(settings);
  if (onDisk === undefined || isSameStamp(stamp, own)) return false;
  const backend = connectorBackendName(settings.ownership.prefix);
  const text = signed(actual.raw, backend, onDisk, own);
  if (text === actual.raw) return false;
  const response = await context.client.send('POST', '/configuration/raw', {
    text,
    query: { skip_reload: true, version: actual.configVersion },
    ...aborting(context),
  });
  expectOk(response, 'sign the marker');
  return true;
}

/** All but the comment at the end of the marker's line stays to the byte. */
export function signed(text: string, backend: string, server: string, stamp: Stamp): string {
  let isMarker = false;
  return text
    .split('\n')
    .map((line) => {
      const section = sectionLine.exec(line);
      if (section) isMarker = section[1] === 'backend' && section[2] === backend;
      if (!isMarker || /^\s+server\s+(\S+)\s/.exec(line)?.[1] !== server) return line;
      const [, before = line, comment] = /^([^#]*?)\s*(?:#\s*(.*))?$/.exec(line) ?? [];
      return `${before} # ${JSON.stringify(withStamp(metadataIn(comment), stamp))}`;
    })
    .join('\n');
}

function metadataIn(comment = '{}'): JsonObject {
  try {
    const value: unknown = JSON.parse(comment);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
