import { isObject, type Json, type JsonObject } from '../shared/json.js';
import { listIn, malformed } from './answers.js';

type Types = Readonly<Record<string, 'string' | 'number' | 'object'>>;

/** Types of what we read. Absent is fine; of another type, it would be taken for absent. */
const types = {
  section: { name: 'string', from: 'string', mode: 'string', default_server: 'object' },
  server: { address: 'string', port: 'number', weight: 'number', maintenance: 'string' },
  runtime: {
    ...{ address: 'string', port: 'number' },
    ...{ admin_state: 'string', operational_state: 'string' },
  },
  global: { performance_options: 'object', hard_stop_after: 'number', server_state_file: 'string' },
  entry: { key: 'string', value: 'string' },
  statistics: { scur: 'number', qcur: 'number' },
  transaction: { id: 'string', status: 'string', _version: 'number' },
} as const satisfies Readonly<Record<string, Types>>;

/** Returns the items if all are what they should be. */
export function requireTypes(
  items: readonly JsonObject[],
  kind: keyof typeof types,
  what: string,
): readonly JsonObject[] {
  const wanted = Object.entries(types[kind] as Types);
  for (const item of items) {
    for (const [key, type] of wanted) {
      if (!isOf(item[key], type)) throw malformed(`${what}: ${key}`, type);
    }
  }
  return items;
}

function isOf(value: Json | undefined, type: Types[string]): boolean {
  if (value === undefined || value === null) return true;
  return type === 'object' ? isObject(value) : typeof value === type;
}

const frontendLists = [
  'acl_list',
  'backend_switching_rule_list',
  'http_request_rule_list',
] as const;

/** Taken for empty, a list of another kind would have the connector write its rules once more. */
export function requireFrontends(frontends: readonly JsonObject[], what: string): void {
  requireTypes(frontends, 'section', what);
  for (const frontend of frontends) {
    for (const key of frontendLists) listIn(frontend[key], `${what}: ${key}`);
  }
}

export function requireBackends(backends: readonly JsonObject[], what: string): void {
  requireTypes(backends, 'section', what);
  for (const { servers } of backends) {
    if (servers === undefined || servers === null) continue;
    const all = isObject(servers) ? Object.values(servers) : [servers];
    if (!all.every(isObject)) throw malformed(`${what}: servers`, 'object');
    requireTypes(all, 'server', `${what}: servers`);
  }
}
