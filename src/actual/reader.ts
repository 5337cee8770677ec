import { setTimeout as delay } from 'node:timers/promises';

import type { Settings } from '../config/types.js';
import { ConnectorError } from '../shared/errors.js';
import { isObject, textAt } from '../shared/json.js';
import {
  expectConfiguration,
  expectNamed,
  expectObject,
  malformed,
  requireVersion3,
} from './answers.js';
import { type Configuration, type Earlier, readConfiguration } from './configuration.js';
import { requireTypes } from './sections.js';
import type { DataPlaneReader } from './dataplane-client.js';
import { type KnownFiles, readMaps } from './maps.js';
import { markerHash } from '../haproxy/ownership.js';
import { changedBackends } from './normalise/changed-backends.js';
import {
  parseDescriptors,
  parseRuntimeServers,
  versionStamp,
  type RuntimeServers,
} from './normalise/parse.js';
import type { ActualMap, ActualState } from './types.js';
import { createRuntimeJoin } from './runtime.js';
import { keepInSlices } from '../shared/keep.js';
import { memoLast, memoOf } from '../shared/memo.js';
import { breathe, runInSlices } from '../shared/slices.js';
import { wholeList } from './whole-list.js';

export interface ActualReader {
  /**
   * Reads HAProxy's state. Four requests if nothing changed: the raw file, runtime info, all
   * runtime servers and the exact map. The structured configuration, the other maps and the map
   * files are read again if the file or the process changed, after an error, or if `full` is set.
   * Where the file differs in a few backends only, it is those that are read.
   */
  read(options?: { full?: boolean; signal?: AbortSignal }): Promise<ActualState>;
  /** Drops everything remembered, or everything about these maps. */
  forget(maps?: readonly string[]): void;
}

interface Cache {
  readonly fingerprint: string;
  /** Time of the last read of the whole configuration. */
  readonly readAt: number;
  /** The file. */
  readonly text: string;
  readonly configuration: Configuration;
  readonly maps: Readonly<Record<string, ActualMap>>;
}

/** The only source of a pass's knowledge about HAProxy. */
export function createActualReader(
  client: DataPlaneReader,
  settings: Settings,
  clock: () => number = Date.now,
): ActualReader {
  let cache: Cache | undefined;
  /** Only what new answers are compared with: what is the same becomes the same objects. */
  let lastRead: Configuration | undefined;
  let last: ActualState | undefined;
  const withRuntime = createRuntimeJoin();
  const loadedMarker = memoLast((servers: RuntimeServers) =>
    Object.keys(servers).find((name) => markerHash(settings.ownership.prefix, name) !== undefined),
  );
  /** To requests that each read sends, by path. */
  const answers = new Map<string, Answer>();
  const mapFiles: KnownFiles = new Map();
  let isFit = settings.ownership.prefix !== '';

  async function read(options: { full?: boolean; signal?: AbortSignal } = {}) {
    const get = getter(client, options.signal);
    const again = asker(client, options.signal, answers);
    const previous = options.full ? undefined : cache;
    cache = undefined;
    if (!isFit) await requireMetadata(get);
    isFit = true;
    const [raw, info, listed] = await Promise.all([
      readRaw(again),
      readInfo(get),
      listServers(again),
    ]);
    const fingerprint = `${raw.version} ${raw.checksum} ${info.pid}`;
    const fresh = await reuseOrRead(get, previous, fingerprint, raw);
    const { maps: files } = fresh.configuration;
    const maps = await readMaps(get, again, settings, files, fresh.maps, mapFiles);
    cache = { ...fresh, maps };
    const { backends } = fresh.configuration;
    const readAgain = async () => runtimeServers(await listServers(again));
    await breathe();
    const loaded = runtimeServers(listed);
    await breathe();
    const servers = await wholeList(get, backends, loaded, readAgain);
    await breathe();
    const read = assemble(raw, info, servers, fresh.configuration, maps);
    await breathe();
    return (last = await runInSlices(keepInSlices(last, read)));
  }

  async function reuseOrRead(
    get: Get,
    previous: Cache | undefined,
    fingerprint: string,
    raw: Raw,
  ): Promise<Cache> {
    const stale = clock() - (previous?.readAt ?? 0) > settings.sync.fullReadIntervalMs;
    if (previous?.fingerprint === fingerprint && !stale) return previous;
    const earlier = stale ? undefined : earlierOf(previous, raw.text);
    const read = await readConfiguration(get, settings, raw, earlier);
    const kept = await runInSlices(keepInSlices(lastRead, read));
    lastRead = kept;
    const configuration = isUnnoticed(previous, raw.text) ? withoutVersion(kept) : kept;
    const readAt = earlier === undefined ? clock() : (previous?.readAt ?? 0);
    return { fingerprint, readAt, text: raw.text, configuration, maps: {} };
  }

  function assemble(
    raw: Raw,
    info: Info,
    servers: RuntimeServers,
    configuration: Configuration,
    maps: Readonly<Record<string, ActualMap>>,
  ): ActualState {
    const loaded = loadedMarker(servers);
    return {
      dataplane: { url: client.url },
      haproxy: info,
      configVersion: raw.version,
      raw: raw.text,
      backends: withRuntime(configuration.backends, servers),
      frontends: configuration.frontends,
      maps,
      marker: {
        ...configuration.marker,
        ...(loaded === undefined ? {} : { loaded }),
      },
      neighbours: configuration.neighbours,
      global: configuration.global,
      ...(configuration.peers === undefined ? {} : { peers: configuration.peers }),
      ...configuration.defaults,
    };
  }

  function forget(names?: readonly string[]): void {
    const known = names?.every((name) => cache?.maps[name] !== undefined);
    if (cache === undefined || names === undefined || known !== true) cache = undefined;
    else cache = { ...cache, maps: omit(cache.maps, names) };
  }

  return { read, forget };
}

/** What is known of the configuration, if this text differs from it in backends alone. */
function earlierOf(previous: Cache | undefined, text: string): Earlier | undefined {
  if (previous === undefined) return undefined;
  const { sections } = previous.configuration;
  // Sections of another version than the text's may be those of a later text.
  if (sections.version === undefined || sections.version !== versionStamp(previous.text)) {
    return undefined;
  }
  if (isUnnoticed(previous, text)) return undefined;
  const changes = changedBackends(previous.text, text);
  if (changes === undefined) return undefined;
  // It has only now noticed an edit by hand, which the last text may have had and its sections not.
  const isSame = changes.changed.length + changes.gone.length === 0;
  if (isSame && versionStamp(text) !== sections.version) return undefined;
  return { sections, changes };
}

/**
 * Whether somebody edited the file by hand and the Data Plane API has not noticed: each write of its own
 * has another version. Until it notices, its sections are those of the text before.
 */
function isUnnoticed(previous: Cache | undefined, text: string): boolean {
  if (previous === undefined || previous.text === text) return false;
  return versionStamp(previous.text) === versionStamp(text);
}

/** Its sections are no ground for the next read. */
function withoutVersion({ sections, ...configuration }: Configuration): Configuration {
  const { version: _, ...unsure } = sections;
  return { ...configuration, sections: unsure };
}

type Get = (path: string, query?: Readonly<Record<string, string | boolean>>) => Promise<Answer>;
type Answer = Awaited<ReturnType<DataPlaneReader['get']>>;

function getter(client: DataPlaneReader, signal: AbortSignal | undefined): Get {
  return (path, query = {}) => client.get(path, { query, ...(signal ? { signal } : {}) });
}

/** For requests that each read sends: an answer with the same bytes has the same body. */
function asker(
  client: DataPlaneReader,
  signal: AbortSignal | undefined,
  answers: Map<string, Answer>,
): (path: string) => Promise<Answer> {
  return async (path) => {
    const before = answers.get(path);
    const answer = await client.get(path, { before, ...(signal ? { signal } : {}) });
    answers.set(path, answer);
    return answer;
  };
}

/**
 * Without a prefix, only metadata marks what is ours, and API 3.0 and 3.1 drop it on most objects.
 * `GET /v3/info`: `api.version` is `v3.2.13 ...`; a development build has no number.
 */
async function requireMetadata(get: Get): Promise<void> {
  const what = 'read the Data Plane API version';
  const { api } = expectObject(await get('/v3/info'), what);
  if (!isObject(api) || textAt(api, 'version') === '') throw malformed(what, 'version');
  const match = /(\d+)\.(\d+)/.exec(textAt(api, 'version'));
  const [major, minor] = [Number(match?.[1] ?? 3), Number(match?.[2] ?? 0)];
  if (major > 3 || minor >= 2) return;
  throw new ConnectorError(
    'haproxy-unsupported',
    `ownership.prefix is empty, which needs Data Plane API 3.2 or newer; this is ${major}.${minor}`,
    { retryable: false },
  );
}

interface Raw {
  readonly text: string;
  readonly version: number;
  readonly checksum: string;
}

const rawReads = 20;
const rawReadAgainMs = 50;

/**
 * The file itself. If its version differs from the header, the Data Plane API works with a
 * configuration that is not on disk, as after a failed reload. Posting the file back mends that. A file
 * without a version is about to be read again by the Data Plane API itself, and a write would race with
 * that, so it gets a moment first.
 */
async function readRaw(get: Get, left = rawReads): Promise<Raw> {
  const response = requireVersion3(await get('/configuration/raw'));
  const text = expectConfiguration(response, 'read the configuration');
  const stamp = versionStamp(text);
  // It counts from 1 for a file that has no version.
  const onDisk = stamp ?? 1;
  const version = response.version ?? onDisk;
  if (onDisk === version) return { text, version, checksum: response.checksum ?? '' };
  if (stamp === undefined && left > 1) {
    await delay(rawReadAgainMs);
    return readRaw(get, left - 1);
  }
  throw new ConnectorError(
    'haproxy-poisoned',
    `the Data Plane API is at config v${version} but the file at v${onDisk}: a reload failed`,
  );
}

type Info = ActualState['haproxy'];

/** While HAProxy is down, runtime answers are 404, as if objects were gone. So check its pid. */
async function readInfo(get: Get): Promise<Info> {
  const what = 'read runtime info';
  const { info, error } = expectObject(requireVersion3(await get('/runtime/info')), what);
  const { pid, version } = isObject(info) ? info : {};
  const isDown = typeof error === 'string' || pid === 0;
  if (!isDown && (typeof pid !== 'number' || typeof version !== 'string')) {
    throw malformed(what, 'object');
  }
  if (typeof pid !== 'number' || typeof version !== 'string' || pid === 0) {
    throw new ConnectorError('haproxy-down', 'HAProxy does not answer on its runtime socket');
  }
  return { pid, version: requireSupported(version), ...parseDescriptors(info) };
}

function requireSupported(version: string): string {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  if (major > 3 || (major === 3 && minor >= 0)) return version;
  throw new ConnectorError(
    'haproxy-unsupported',
    `HAProxy ${version || '(unknown version)'} is too old: 3.0 or newer is required`,
    { retryable: false },
  );
}

/** A blank parent lists the servers of all backends (`show servers state`) in one call. */
function listServers(get: Get): Promise<Answer> {
  return get('/runtime/backends/%20/servers');
}

const serversOf = memoOf<RuntimeServers>();
const noServers: RuntimeServers = {};

/** Parse only once HAProxy is known to run: while it is down, 3.0 answers 500 and others 404. */
function runtimeServers(response: Answer): RuntimeServers {
  if (response.status === 404) return noServers;
  return serversOf(response.body, () =>
    parseRuntimeServers(
      requireTypes(expectNamed(response, 'read servers', 'name'), 'runtime', 'read servers'),
    ),
  );
}

function omit<T>(record: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)));
}
