import { createDataPlaneReader, type DataPlaneReader } from '../../actual/dataplane-client.js';
import { expectList, expectNamed, expectObject } from '../../actual/answers.js';
import { createActualReader } from '../../actual/reader.js';
import { parseDescriptors } from '../../actual/normalise/parse.js';
import { statisticsNames } from '../model/statistics.js';
import type { Settings, TargetSettings } from '../../config/types.js';
import { isObject, type JsonObject, textAt } from '../../shared/json.js';
import { loginLack, noRuntime, notVersion3 } from '../model/dataplane-answers.js';
import type { Whom } from '../model/reach.js';
import type { ProcessFact, ReloadFact } from '../types.js';
import { type Ask, asker } from './ask.js';
import { type Gatherers, Lacking } from './source.js';

type HaproxyFacts = Pick<
  Gatherers,
  | 'dataplane'
  | 'dataplaneVersion'
  | 'process'
  | 'reloads'
  | 'sections'
  | 'loaded'
  | 'maps'
  | 'actual'
>;

/** Longer than that, and nobody waits for the doctor. */
const longestMs = 10_000;

export function haproxyFacts(settings: Settings, target: TargetSettings): HaproxyFacts {
  const requestMs = Math.min(target.requestTimeoutMs, longestMs);
  const client = lazily(() => createDataPlaneReader({ ...target, requestTimeoutMs: requestMs }));
  const ask = dataplaneAsker({ ...target, requestTimeoutMs: requestMs }, settings);
  const timeoutMs = requestMs + 1000;
  const info = lazyAsk((signal) => ask('/v3/info', signal));
  return {
    dataplane: {
      timeoutMs,
      gather: async (_, signal) => {
        const { status, aheadMs } = await info(signal);
        if (status === 401 || status === 403) throw new Lacking(loginLack(target, status));
        if (status !== 200) throw new Lacking(notVersion3(target.address, status));
        return { at: target.address, ...(aheadMs === undefined ? {} : { aheadMs }) };
      },
    },
    dataplaneVersion: {
      timeoutMs: 2 * timeoutMs,
      gather: async (get, signal) => {
        await get('dataplane');
        const { body } = await info(signal);
        const api = isObject(body) && isObject(body['api']) ? body['api'] : {};
        const version = /\d+\.\d+(\.\d+)?/.exec(textAt(api, 'version'))?.[0];
        return version === undefined ? {} : { version };
      },
    },
    process: {
      timeoutMs: 2 * timeoutMs,
      gather: async (get, signal) => {
        await get('dataplane');
        return readProcess(client(), signal);
      },
    },
    reloads: {
      timeoutMs: 2 * timeoutMs,
      gather: async (get, signal) => {
        await get('dataplane');
        return (await listAt(client(), '/reloads', signal)).map(reloadOf);
      },
    },
    sections: {
      timeoutMs: 3 * timeoutMs,
      gather: async (get, signal) => {
        await get('dataplane');
        return readSections(client(), signal);
      },
    },
    loaded: {
      timeoutMs: 4 * timeoutMs,
      gather: async (get, signal) => {
        await get('process');
        const of = (type: string) => readNames(client(), type, signal);
        return { frontends: await of('frontend'), backends: await of('backend') };
      },
    },
    maps: {
      timeoutMs: 4 * timeoutMs,
      gather: async (get, signal) => {
        await get('process');
        const stored = await listAt(client(), '/storage/maps', signal);
        const loaded = await listAt(client(), '/runtime/maps', signal, { include_unmanaged: true });
        const files = (list: readonly JsonObject[]) => list.map((one) => textAt(one, 'file'));
        return { stored: files(stored), loaded: files(loaded).filter((file) => file !== '') };
      },
    },
    actual: {
      timeoutMs: 60_000,
      gather: async (get, signal) => {
        await get('process');
        return createActualReader(client(), settings).read({ full: true, signal });
      },
    },
  };
}

function dataplaneAsker(target: TargetSettings, { limits }: Settings): Ask {
  const { address, username, password, requestTimeoutMs: timeoutMs } = target;
  const { answerBytes } = limits;
  const name = 'the Data Plane API';
  const whom: Whom = { name, section: 'haproxy', at: address, timeoutMs };
  const basic = Buffer.from(`${username}:${password}`).toString('base64');
  const headers = () => Promise.resolve({ authorization: `Basic ${basic}` });
  const ask = lazily(() => asker({ whom, base: address, tls: target, answerBytes, headers }));
  return async (path, signal) => ask()(path, signal);
}

/** At the first use: TLS files that can't be used are the failure of that fact. */
function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

function lazyAsk(ask: (signal: AbortSignal) => ReturnType<Ask>): typeof ask {
  let asked: ReturnType<Ask> | undefined;
  return (signal) => (asked ??= ask(signal));
}

type Query = Readonly<Record<string, string | boolean>>;

async function listAt(
  client: DataPlaneReader,
  path: string,
  signal: AbortSignal,
  query: Query = {},
): Promise<readonly JsonObject[]> {
  return expectList(await client.get(path, { query, signal }), `read ${path}`);
}

async function readProcess(client: DataPlaneReader, signal: AbortSignal): Promise<ProcessFact> {
  const answer = await client.get('/runtime/info', { signal });
  const { info, error, runtimeAPI } = isObject(answer.body) ? answer.body : {};
  const { pid, version, unstoppable } = isObject(info) ? info : {};
  if (answer.status !== 200 || typeof pid !== 'number' || pid === 0) {
    throw new Lacking(noRuntime(typeof error === 'string' ? error : `HTTP ${answer.status}`));
  }
  const { maxSockets, maxConnections } = parseDescriptors(info);
  return {
    pid,
    version: typeof version === 'string' ? version : '',
    ...(typeof runtimeAPI === 'string' && runtimeAPI !== '' ? { socket: runtimeAPI } : {}),
    ...(typeof unstoppable === 'number' ? { unstoppable } : {}),
    ...(maxSockets === undefined ? {} : { maxSockets }),
    ...(maxConnections === undefined ? {} : { maxConnections }),
  };
}

function reloadOf(item: JsonObject): ReloadFact {
  const response = textAt(item, 'response').replace(/\s+/g, ' ').trim().slice(0, 500);
  return { id: textAt(item, 'id'), status: textAt(item, 'status'), response };
}

async function readSections(client: DataPlaneReader, signal: AbortSignal) {
  const list = (path: string, query: Query = {}) =>
    client
      .get(`/configuration/${path}`, { query, signal })
      .then((answer) => expectNamed(answer, `read ${path}`, 'name'));
  const [global, defaults, frontends, backends] = await Promise.all([
    client.get('/configuration/global', { signal }),
    list('defaults'),
    list('frontends', { full_section: true }),
    list('backends'),
  ]);
  return { global: expectObject(global, 'read global'), defaults, frontends, backends };
}

async function readNames(client: DataPlaneReader, type: string, signal: AbortSignal) {
  const answer = await client.get('/stats/native', { query: { type }, signal });
  return statisticsNames(answer);
}
