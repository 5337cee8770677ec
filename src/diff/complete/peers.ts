import { isObject, type JsonObject } from '../../shared/json.js';

/** The section, with its table in the operator's `peers` section of that name, if there is one. */
export function withPeers(section: JsonObject, peers: string | undefined): JsonObject {
  const table = section['stick_table'];
  if (peers === undefined || !isObject(table)) return section;
  return { ...section, stick_table: { ...table, peers } };
}
