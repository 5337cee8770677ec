import { markerHash } from '../../src/haproxy/ownership.js';
import { parseBackend } from '../../src/actual/normalise/parse.js';
import type { DataPlaneResponse, WriteOptions } from '../../src/actual/dataplane-client.js';
import type { ActualState } from '../../src/actual/types.js';
import type { ConnectorError } from '../../src/shared/errors.js';
import { isObject, type JsonObject, textAt } from '../../src/shared/json.js';
import type { Catalog } from '../../src/observe/types.js';
import { newMemory, type PassDependencies, runPass } from '../../src/pass/pass.js';
import { catalogOf, settings } from '../desired/given.js';
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

/**
 * In-memory implementations of what a pass depends on. They drive its control flow and are no stand-in
 * for the Data Plane API: what that really does is shown by the suites with a real one.
 */
export function world(catalog: Catalog = catalogOf()) {
  const sent: Sent[] = [];
  const reads: { readonly of: 'catalog' | 'actual'; readonly full: boolean }[] = [];
  let edits: Sent[] = [];
  const sections: Record<string, JsonObject> = {};
  const rules: Record<string, JsonObject[]> = { acls: [], backend_switching_rules: [] };
  const state = {
    catalog,
    script: {} as Script,
    /** Of the next reads of Nomad. */
    catalogErrors: [] as ConnectorError[],
    /** Of the next reads of HAProxy; undefined: it is read. */
    readErrors: [] as (ConnectorError | undefined)[],
    version: 57,
    transactions: [] as JsonObject[],
    /** Edits what is written before it is read back. */
    rewrite: (section: JsonObject): JsonObject => section,
    given: {} as Partial<ActualState>,
    forgotten: 0,
  };

  function commit(): void {
    for (const { method, path, options } of edits) {
      const [, , kind = '', name = '', list = '', index = ''] = path.split('/');
      const json = isObject(options.json) ? options.json : {};
      if (kind === 'frontends' && method === 'POST') rules[list]?.splice(Number(index), 0, json);
      if (kind === 'frontends' && method === 'DELETE') rules[list]?.splice(Number(index), 1);
      if (kind !== 'backends') continue;
      if (method === 'DELETE') delete sections[name];
      else sections[name === '' ? textAt(json, 'name') : name] = json;
    }
    state.version += 1;
  }

  /** HAProxy after its reload: everything that is on disk is loaded, and UP. */
  function current(): ActualState {
    const parsed = Object.entries(sections).map(([name, section]) => {
      return parseBackend(
        name.endsWith('_connector') ? section : state.rewrite(section),
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
    const marker = Object.keys(isObject(servers) ? servers : {}).find((name) =>
      markerHash('nomad_', name),
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

  const get: PassDependencies['client']['get'] = (path) => {
    const body = path === '/transactions' ? state.transactions : `# _version=${state.version}\n`;
    return Promise.resolve({ status: 200, version: state.version, body });
  };
  const client = { url: 'http://127.0.0.1:5555', get };
  const deps: PassDependencies = {
    catalog: {
      read: ({ full = false }) => {
        reads.push({ of: 'catalog', full });
        const error = state.catalogErrors.shift();
        return error === undefined ? Promise.resolve(state.catalog) : Promise.reject(error);
      },
      hidden: () => Promise.resolve([]),
      namespaces: () => ['default'],
    },
    actual: {
      read: ({ full = false } = {}) => {
        reads.push({ of: 'actual', full });
        const error = state.readErrors.shift();
        return error === undefined ? Promise.resolve(current()) : Promise.reject(error);
      },
      forget: () => (state.forgotten += 1),
    },
    client,
    writer: {
      ...client,
      send: (method, path, options = {}) => {
        const one = { kind: kindOf(method, path, options), method, path, options };
        sent.push(one);
        return Promise.resolve(answer(one));
      },
    },
    settings: { ...settings, routing: { ...settings.routing, mode: 'rules' } },
    staysRunning: true,
    routeFiles: () => ({ files: [], bad: [] }),
    now: () => 1_700_000_000_000,
    timed: (_, task) => task(),
  };
  const { writer: _, ...readOnly } = deps;
  const memory = newMemory();
  const signal = new AbortController().signal;
  return {
    state,
    sent,
    reads,
    pass: (given: Partial<PassDependencies> = {}) => runPass({ ...deps, ...given }, memory, signal),
    dryPass: () => runPass(readOnly, memory, signal),
    /** Services whose refusal is remembered. */
    blamed: () => Object.keys(memory.rejected).sort(),
    kinds: () => sent.map(({ kind }) => kind),
    count: (kind: Kind) => sent.filter((one) => one.kind === kind).length,
    /** Backends of services that stand in HAProxy. */
    stands: () =>
      Object.keys(sections)
        .filter((name) => !name.endsWith('_connector'))
        .sort(),
  };
}
