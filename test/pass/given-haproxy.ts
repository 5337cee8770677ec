import { parseBackend } from '../../src/actual/normalise/parse.js';
import type { DataPlaneResponse, WriteOptions } from '../../src/actual/dataplane-client.js';
import type { ActualState } from '../../src/actual/types.js';
import { markerHash } from '../../src/haproxy/ownership.js';
import { newTargetMemory } from '../../src/pass/memory.js';
import type { Target } from '../../src/pass/target.js';
import type { ConnectorError } from '../../src/shared/errors.js';
import { isObject, type JsonObject, textAt } from '../../src/shared/json.js';
import { actualState, frontend } from '../diff/given.js';

/** What a write is for, as a script of answers knows it. */
export type Kind =
  'transaction' | 'edit' | 'commit' | 'discard' | 'storage' | 'repair' | 'write' | 'runtime';

export interface Sent {
  readonly kind: Kind;
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly options: WriteOptions;
}

/** The answer to a write, or undefined where it is taken. `edits`: what is to be committed. */
type Script = Partial<
  Record<Kind, (sent: Sent, edits: readonly Sent[]) => DataPlaneResponse | undefined>
>;

export function refuses(status: number, message = ''): DataPlaneResponse {
  return { status, body: { message } };
}

function kindOf(method: string, path: string, { query = {}, headers = {} }: WriteOptions): Kind {
  if (query['transaction_id'] !== undefined) return 'edit';
  if (path.startsWith('/transactions')) {
    return method === 'POST' ? 'transaction' : method === 'PUT' ? 'commit' : 'discard';
  }
  if (path === '/configuration/raw') {
    return 'X-Runtime-Actions' in headers ? 'write' : query['force_reload'] ? 'commit' : 'repair';
  }
  return path.startsWith('/storage') ? 'storage' : 'runtime';
}

/** A read of one side. */
export interface Read {
  readonly of: 'catalog' | 'actual';
  readonly full: boolean;
}

/** What a test moves. */
export function haproxyState() {
  return {
    script: {} as Script,
    /** Of the next reads of HAProxy; undefined: it is read. */
    readErrors: [] as (ConnectorError | undefined)[],
    version: 57,
    transactions: [] as JsonObject[],
    /** Edits what is written before it is read back. */
    rewrite: (section: JsonObject): JsonObject => section,
    given: {} as Partial<ActualState>,
    forgotten: 0,
  };
}

/**
 * HAProxy and what is before it, in memory. It drives a pass's control flow and is no stand-in for
 * the Data Plane API: what that really does is shown by the suites with a real one.
 */
export function haproxy(name = 'default', state = haproxyState(), reads: Read[] = []) {
  const sent: Sent[] = [];
  let edits: Sent[] = [];
  const sections: Record<string, JsonObject> = {};
  const rules: Record<string, JsonObject[]> = { acls: [], backend_switching_rules: [] };

  function commit(): void {
    for (const { method, path, options } of edits) {
      const [, , kind = '', section = '', list = '', index = ''] = path.split('/');
      const json = isObject(options.json) ? options.json : {};
      if (kind === 'frontends' && method === 'POST') rules[list]?.splice(Number(index), 0, json);
      if (kind === 'frontends' && method === 'DELETE') rules[list]?.splice(Number(index), 1);
      if (kind !== 'backends') continue;
      if (method === 'DELETE') delete sections[section];
      else sections[section === '' ? textAt(json, 'name') : section] = json;
    }
    state.version += 1;
  }

  /** HAProxy after its reload: everything that is on disk is loaded, and UP. */
  function current(): ActualState {
    const parsed = Object.entries(sections).map(([section, json]) => {
      return parseBackend(
        section.endsWith('_connector') ? json : state.rewrite(json),
        'nomad_',
        {},
      );
    });
    const backends = parsed.map((one) => ({
      ...one,
      slots: one.slots.map((slot) => {
        const { address, port, disabled } = slot.config;
        const admin = disabled ? ('maint' as const) : ('ready' as const);
        return { ...slot, runtime: { address, port, admin, operational: 'up' as const } };
      }),
    }));
    const servers = sections['nomad__connector']?.['servers'];
    const marker = Object.keys(isObject(servers) ? servers : {}).find((server) =>
      markerHash('nomad_', server),
    );
    const { acls = [], backend_switching_rules: switching = [] } = rules;
    const lists = { acls: [...acls], rules: [...switching] };
    return actualState(backends, {
      configVersion: state.version,
      frontends: { http_front: frontend('http_front', lists) },
      marker: marker === undefined ? {} : { onDisk: marker, loaded: marker },
      global: { hardStopAfter: true },
      ...state.given,
    });
  }

  function answer(one: Sent): DataPlaneResponse {
    const scripted = state.script[one.kind]?.(one, edits);
    if (scripted !== undefined) return scripted;
    if (one.kind === 'transaction') edits = [];
    if (one.kind === 'edit') edits.push(one);
    if (one.kind === 'commit') commit();
    return { status: 200, body: one.kind === 'transaction' ? { id: 'tx' } : {} };
  }

  const get: Target['client']['get'] = (path) => {
    const body = path === '/transactions' ? state.transactions : `# _version=${state.version}\n`;
    return Promise.resolve({ status: 200, version: state.version, body });
  };
  const client = { url: 'http://127.0.0.1:5555', get };
  const target: Target & { readonly writer: NonNullable<Target['writer']> } = {
    name,
    client,
    writer: {
      ...client,
      send: (method, path, options = {}) => {
        const one = { kind: kindOf(method, path, options), method, path, options };
        sent.push(one);
        return Promise.resolve(answer(one));
      },
    },
    actual: {
      read: ({ full = false } = {}) => {
        reads.push({ of: 'actual', full });
        const error = state.readErrors.shift();
        return error === undefined ? Promise.resolve(current()) : Promise.reject(error);
      },
      forget: () => (state.forgotten += 1),
    },
    memory: newTargetMemory(),
  };
  return {
    ...{ state, sent, reads, target },
    /** Services whose refusal is remembered. */
    blamed: () => Object.keys(target.memory.rejected).sort(),
    kinds: () => sent.map(({ kind }) => kind),
    count: (kind: Kind) => sent.filter((one) => one.kind === kind).length,
    /** Backends of services that stand in HAProxy. */
    stands: () =>
      Object.keys(sections)
        .filter((section) => !section.endsWith('_connector'))
        .sort(),
  };
}
