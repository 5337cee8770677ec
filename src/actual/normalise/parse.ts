import { basename } from 'node:path';

import { connectorBackendName, isServiceLabel } from '../../haproxy/names.js';
import { slotBase, type SlotConfig, slotNumber } from '../../haproxy/slots.js';
import { canonicalSection } from '../../haproxy/canonical.js';
import { isObject, type JsonObject, objectsOf, textAt } from '../../shared/json.js';
import { readMark } from '../../haproxy/ownership.js';
import { prefixOf } from '../../haproxy/scope.js';
import type {
  ActualBackend,
  ActualFrontend,
  ActualSlot,
  ActualState,
  GlobalFacts,
  RuntimeServer,
} from '../types.js';

/** HAProxy's own weight where none is written (configuration manual, 5.2 "weight"). */
const defaultWeight = 1;

/** Runtime servers by name; server names of ours are unique over all backends. */
export type RuntimeServers = Readonly<Record<string, RuntimeServer>>;

/** `# _version=` of the file; none before the Data Plane API has written it. */
export function versionStamp(text: string): number | undefined {
  const stamp = /^# _version=(\d+)/m.exec(text)?.[1];
  return stamp === undefined ? undefined : Number(stamp);
}

/** `GET /runtime/backends/{parent}/servers`. */
export function parseRuntimeServers(body: unknown): RuntimeServers {
  // From entries, because a server may be named `__proto__`.
  return Object.fromEntries(
    named(objectsOf(body)).map((item): [string, RuntimeServer] => {
      const { address, port, admin_state: admin, operational_state: operational } = item;
      return [
        textAt(item, 'name'),
        {
          address: typeof address === 'string' ? address : '',
          port: typeof port === 'number' ? port : 0,
          admin: admin === 'ready' || admin === 'drain' ? admin : 'maint',
          operational: operational === 'up' || operational === 'stopping' ? operational : 'down',
        },
      ];
    }),
  );
}

function named(items: readonly JsonObject[]): readonly JsonObject[] {
  return items.filter((item) => typeof item['name'] === 'string');
}

/** What sections have from a defaults section that they don't say themselves. */
export interface Inherited {
  readonly mode: string;
  readonly redispatches: boolean;
  readonly loadsServerState: boolean;
  readonly idleCloseOnResponse: boolean;
  /** How servers are checked, if it takes more than a connection: `httpchk`. */
  readonly checkMethod?: string;
  /** `default-server`, which a section's own overrides field by field. */
  readonly serverDefaults?: JsonObject;
}

/** By the name of the defaults section. */
export type Defaults = Readonly<Record<string, Inherited>>;

/** HAProxy's own, where there is none: `tcp`, `no option redispatch`, `none`. */
const bare: Inherited = {
  mode: 'tcp',
  redispatches: false,
  loadsServerState: false,
  idleCloseOnResponse: false,
};

/**
 * `GET /configuration/defaults`. The Data Plane API names those without a name, and sets `from` of
 * each section that uses them, whether the file says so or only its order does.
 */
export function parseDefaults(body: unknown): Defaults {
  return Object.fromEntries(
    objectsOf(body).map((item) => [textAt(item, 'name'), withInherited(item, bare)]),
  );
}

function withInherited(item: JsonObject, inherited: Inherited): Inherited {
  const { redispatch, load_server_state_from_file: stateFile } = item;
  const { default_server: own, idle_close_on_response: idle } = item;
  const before = inherited.serverDefaults;
  const method = checkMethodOf(item) ?? inherited.checkMethod;
  return {
    mode: textAt(item, 'mode') || inherited.mode,
    redispatches: isObject(redispatch)
      ? redispatch['enabled'] === 'enabled'
      : inherited.redispatches,
    loadsServerState:
      typeof stateFile === 'string' ? stateFile === 'global' : inherited.loadsServerState,
    idleCloseOnResponse:
      typeof idle === 'string' ? idle === 'enabled' : inherited.idleCloseOnResponse,
    ...(method === undefined ? {} : { checkMethod: method }),
    ...(isObject(own) ? { serverDefaults: own } : before ? { serverDefaults: before } : {}),
  };
}

function checkMethodOf(item: JsonObject): string | undefined {
  if (item['external_check'] === 'enabled') return 'external-check';
  return textAt(item, 'adv_check') || undefined;
}

function inheritedBy(item: JsonObject, defaults: Defaults): Inherited {
  return withInherited(item, defaults[textAt(item, 'from')] ?? bare);
}

/** Whether the settings are about a service. */
type Covers = (service: string) => boolean;

/** One item of `GET /configuration/backends?full_section=true`. */
export function parseBackend(
  item: JsonObject,
  prefix: string,
  defaults: Defaults,
  covers: Covers = () => true,
): ActualBackend {
  const { metadata, servers, ...rest } = item;
  const backendName = textAt(item, 'name');
  const all = objectsOf(isObject(servers) ? Object.values(servers) : []);
  const marked = all
    .map(parseSlot)
    .filter((slot): slot is ActualSlot => slot !== undefined)
    .map((slot) => withCheckPort(slot, rest['default_server']))
    .sort(bySlot);
  const first = marked.find(({ shared }) => shared !== true);
  const owner =
    readMark(metadata)?.service ?? (marked.length === all.length ? first?.service : undefined);
  const isMarker =
    backendName === connectorBackendName(prefix) ||
    (backendName.endsWith(connectorBackendName('')) && !isServiceLabel(owner ?? ''));
  const connector =
    owner === undefined || isMarker ? undefined : connectorOf(owner, backendName, prefix);
  const ours = owner !== undefined && connector === prefix && covers(owner);
  const underPrefix = ({ name, service }: ActualSlot): boolean =>
    connectorOf(service, slotBase(name), prefix) === prefix;
  const isOwn = (slot: ActualSlot): boolean => underPrefix(slot) && covers(slot.service);
  const slots = marked.filter(isOwn);
  const foreign = marked.filter((slot) => !isOwn(slot));
  const outside = [
    ...(owner !== undefined && connector === prefix && !ours ? [owner] : []),
    ...foreign.filter(underPrefix).map((slot) => slot.service),
  ];
  const service = ours ? owner : slots[0]?.service;
  const { mode, redispatches, loadsServerState, checkMethod } = inheritedBy(item, defaults);
  const inherited = defaults[textAt(item, 'from')]?.serverDefaults;
  const own = rest['default_server'];
  return {
    name: backendName,
    ours,
    ...(service === undefined ? {} : { service }),
    section: ours ? canonicalSection(rest) : {},
    mode,
    slots,
    ...(foreign.length === 0 ? {} : { foreign }),
    ...(owner === undefined || connector === undefined || ours ? {} : { foreignService: owner }),
    ...(outside.length === 0 ? {} : { outOfScope: [...new Set(outside)].sort() }),
    ...(redispatches ? { redispatches } : {}),
    ...(loadsServerState ? { loadsServerState } : {}),
    ...(checkMethod === undefined ? {} : { checkMethod }),
    ...otherServers(all),
    hasDefaultServer: isObject(own),
    ...(inherited === undefined ? {} : { inherited }),
    ...(isObject(own) && !ours ? { serverDefaults: own } : {}),
  };
}

/** The prefix of the connector that gave a service this name; ours where none is told by it. */
function connectorOf(service: string, name: string, own: string): string | undefined {
  return prefixOf(service, name) ?? (name.startsWith(own) ? own : undefined);
}

/** By number; in a backend that services share, by name where these are equal. */
function bySlot(a: ActualSlot, b: ActualSlot): number {
  return (slotNumber(a.name) ?? 0) - (slotNumber(b.name) ?? 0) || (a.name < b.name ? -1 : 1);
}

function otherServers(servers: readonly JsonObject[]): Pick<ActualBackend, 'others'> {
  const others = servers
    .filter((server) => parseSlot(server) === undefined)
    .map((server) => {
      const { address, port, weight } = server;
      const share = typeof weight === 'number' ? { weight } : {};
      const at = { address: typeof address === 'string' ? address : '', port: Number(port ?? 0) };
      return { name: textAt(server, 'name'), ...at, ...share };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return others.length === 0 ? {} : { others };
}

function parseSlot(server: JsonObject): ActualSlot | undefined {
  const mark = readMark(server['metadata']);
  const { name, address, port, maintenance, weight, ...rest } = server;
  if (mark === undefined || typeof name !== 'string') return undefined;
  if (slotNumber(name) === undefined) return undefined;
  const { health_check_port: checkPort, ...fields } = rest;
  const config: SlotConfig = {
    address: typeof address === 'string' ? address : '',
    port: typeof port === 'number' ? port : 0,
    disabled: maintenance === 'enabled',
    weight: typeof weight === 'number' ? weight : defaultWeight,
    ...(typeof checkPort === 'number' ? { checkPort } : {}),
  };
  const { service, binding, shared } = mark;
  return {
    name,
    service,
    ...(binding === undefined ? {} : { binding }),
    ...(shared === undefined ? {} : { shared }),
    config,
    fields: canonicalSection(fields),
  };
}

/** It isn't written where it is the server's own: `port` costs HAProxy another file descriptor. */
function withCheckPort(slot: ActualSlot, defaults: unknown): ActualSlot {
  const { binding, config, fields } = slot;
  const check = fields['check'] ?? (isObject(defaults) ? defaults['check'] : undefined);
  if (binding === undefined || config.checkPort !== undefined || check !== 'enabled') return slot;
  return { ...slot, config: { checkPort: config.port, ...config } };
}

/** One item of `GET /configuration/frontends?full_section=true`. */
export function parseFrontend(item: JsonObject, defaults: Defaults): ActualFrontend {
  const { mode, idleCloseOnResponse } = inheritedBy(item, defaults);
  return {
    name: textAt(item, 'name'),
    mode,
    acls: objectsOf(item['acl_list']),
    rules: objectsOf(item['backend_switching_rule_list']),
    httpRequestRules: objectsOf(item['http_request_rule_list']),
    idleCloseOnResponse,
  };
}

/**
 * `GET /configuration/global`, and `GET /storage/general` to tell whether the data plane can write
 * the server state file: one of that name elsewhere is not the one that HAProxy reads.
 */
export function parseGlobal(body: unknown, general: unknown): GlobalFacts {
  const global = isObject(body) ? body : {};
  const performance = isObject(global['performance_options']) ? global['performance_options'] : {};
  // Data Plane API 3.0 has it at the top.
  const file = performance['server_state_file'] ?? global['server_state_file'];
  const path = typeof file === 'string' ? file : '';
  const stored = objectsOf(general).find((item) => textAt(item, 'storage_name') === basename(path));
  const isElsewhere = stored !== undefined && textAt(stored, 'file') !== path;
  return {
    ...(path === '' || isElsewhere ? {} : { serverStateFile: path }),
    hardStopAfter: typeof global['hard_stop_after'] === 'number',
    ...positive('maxConnections', performance['maxconn']),
    ...positive('fdHardLimit', performance['fd_hard_limit']),
  };
}

/** `info` of `GET /runtime/info`: file descriptors and connections. */
export function parseDescriptors(
  info: unknown,
): Pick<ActualState['haproxy'], 'maxSockets' | 'openFiles' | 'maxConnections'> {
  const { max_sock, ulimit_n, max_conn } = isObject(info) ? info : {};
  return {
    ...positive('maxSockets', max_sock),
    ...positive('openFiles', ulimit_n),
    ...positive('maxConnections', max_conn),
  };
}

function positive<Key extends string>(key: Key, value: unknown): Partial<Record<Key, number>> {
  const isOne = typeof value === 'number' && value > 0;
  return (isOne ? { [key]: value } : {}) as Partial<Record<Key, number>>;
}

/** `GET /runtime/maps/{name}/entries`; the first of two equal keys wins in HAProxy. */
export function parseMapEntries(body: unknown): Record<string, string> {
  const entries = new Map<string, string>();
  for (const { key, value } of objectsOf(body)) {
    if (typeof key !== 'string' || typeof value !== 'string') continue;
    if (!entries.has(key)) entries.set(key, value);
  }
  return Object.fromEntries(entries);
}

/**
 * A map's file, as HAProxy reads it: a line is a comment if it begins with `#`, the key ends at the
 * first blank, and the rest of the line is the value.
 */
export function parseMapFile(text: string): Record<string, string> {
  const entries = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const { key, value = '' } =
      /^[ \t]*(?<key>[^ \t]+)[ \t]*(?<value>.*)$/.exec(line)?.groups ?? {};
    if (key === undefined || line.startsWith('#') || entries.has(key)) continue;
    entries.set(key, value.replace(/[ \t]+$/, ''));
  }
  return Object.fromEntries(entries);
}
