import { basename } from 'node:path';

import type { Settings } from '../config/types.js';
import { connectorBackendName } from '../haproxy/names.js';
import { covers } from '../haproxy/scope.js';
import { isObject, type JsonObject, textAt } from '../shared/json.js';
import { breathe, mapInSlices, runInSlices } from '../shared/slices.js';
import { expectList, expectNamed, expectObject, expectText } from './answers.js';
import type { DataPlaneResponse } from './dataplane-client.js';
import { ownMaps } from './maps.js';
import { type FoundMarker, markersIn, neighboursOf } from './markers.js';
import type { ChangedBackends } from './normalise/changed-backends.js';
import {
  type Defaults,
  parseBackend,
  parseDefaults,
  parseFrontend,
  parseGlobal,
} from './normalise/parse.js';
import { peersIn } from './normalise/peers.js';
import { requireBackends, requireFrontends, requireTypes } from './sections.js';
import type {
  ActualBackend,
  ActualFrontend,
  GlobalFacts,
  Marker,
  Neighbour,
  PeersFact,
} from './types.js';

type Get = (
  path: string,
  query?: Readonly<Record<string, string | boolean>>,
) => Promise<DataPlaneResponse>;

export interface Configuration {
  readonly sections: Sections;
  readonly backends: Readonly<Record<string, ActualBackend>>;
  readonly frontends: Readonly<Record<string, ActualFrontend>>;
  readonly marker: Pick<Marker, 'onDisk' | 'nomadIndex' | 'term' | 'stamp'>;
  readonly neighbours: readonly Neighbour[];
  readonly global: GlobalFacts;
  readonly peers?: PeersFact;
  readonly defaults: { readonly defaults?: string; readonly inherited?: JsonObject };
  readonly maps: Readonly<Record<string, string>>;
}

/** The configuration's sections, as the Data Plane API reads them. */
interface Sections {
  readonly backends: Readonly<Record<string, ActualBackend>>;
  readonly frontends: Readonly<Record<string, ActualFrontend>>;
  readonly markers: readonly FoundMarker[];
  readonly global: JsonObject;
  readonly inherited: Defaults;
  readonly ours: Configuration['defaults'];
  /** Of the configuration that they were read from; absent if the answers are of several. */
  readonly version?: number;
}

/** The sections of a text, and in what another differs from it. */
export interface Earlier {
  readonly sections: Sections;
  readonly changes: ChangedBackends;
}

/**
 * Reads the configuration. With `earlier`, of its sections only those that changed since, if they are
 * few. What is stored beside it is read in any case.
 */
export async function readConfiguration(
  get: Get,
  settings: Settings,
  { text, version }: { readonly text: string; readonly version: number },
  earlier: Earlier | undefined,
): Promise<Configuration> {
  const [sections, maps, general] = await Promise.all([
    sectionsOf(get, settings, version, earlier),
    get('/storage/maps'),
    get('/storage/general'),
  ]);
  const { prefix } = settings.ownership;
  const { backends, frontends, markers, ours } = sections;
  const rules = Object.values(frontends).flatMap((one) => one.rules);
  const peers = peersIn(text, settings.haproxy.peers);
  return {
    ...{ sections, backends, frontends, defaults: ours },
    marker: markers.find((one) => one.prefix === prefix)?.marker ?? {},
    neighbours: neighboursOf(markers, Object.values(backends), prefix),
    global: await withServerState(get, parseGlobal(sections.global, generalFiles(general))),
    ...(peers === undefined ? {} : { peers }),
    maps: ownMaps(expectNamed(maps, 'read maps', 'storage_name'), rules, settings),
  };
}

async function sectionsOf(
  get: Get,
  settings: Settings,
  version: number,
  earlier: Earlier | undefined,
): Promise<Sections> {
  const again = earlier && (await readChanged(get, settings, version, earlier));
  return again ?? readSections(get, settings);
}

async function readSections(get: Get, settings: Settings): Promise<Sections> {
  const full = { full_section: true };
  const answers = await Promise.all([
    get('/configuration/backends', full),
    get('/configuration/frontends', full),
    get('/configuration/defaults'),
    get('/configuration/global'),
  ]);
  const [backends, frontends, defaults, global] = answers;
  const inherited = parseDefaults(
    requireTypes(expectList(defaults, 'read defaults'), 'section', 'read defaults'),
  );
  const fronts = expectNamed(frontends, 'read frontends', 'name');
  requireFrontends(fronts, 'read frontends');
  await breathe();
  const sections = expectNamed(backends, 'read backends', 'name');
  return {
    backends: await parsedBackends(sections, settings, inherited),
    frontends: byName(fronts.map((item) => parseFrontend(item, inherited))),
    markers: markersIn(sections),
    global: globalOf(global),
    inherited,
    ours: defaultsOfOurs(inherited, fronts, settings.haproxy.frontends),
    ...versionOf(answers),
  };
}

/** A section on its own costs as much as so many in the list of all; up to some, that doesn't matter. */
const costOfOne = 3;
const alwaysFew = 8;

/**
 * The sections with only these backends read again (`GET /configuration/backends/{name}`). Undefined if
 * they are many, or if another writer was faster: then all are read.
 */
async function readChanged(
  get: Get,
  settings: Settings,
  version: number,
  { sections: before, changes: { changed, gone } }: Earlier,
): Promise<Sections | undefined> {
  const all = Object.keys(before.backends).length;
  if (changed.length > Math.max(alwaysFew, all / costOfOne)) return undefined;
  const answers = await Promise.all(
    changed.map((name) =>
      get(`/configuration/backends/${encodeURIComponent(name)}`, { full_section: true }),
    ),
  );
  const isOne = answers.every(({ status, version: at }) => status === 200 && at === version);
  if (!isOne) return undefined;
  const sections = answers.map((answer) => expectObject(answer, 'read a backend'));
  if (sections.some((section, at) => section['name'] !== changed[at])) return undefined;
  const old = new Set([...changed, ...gone]);
  const isOld = (name: string): boolean => old.has(name);
  const kept = Object.entries(before.backends).filter(([name]) => !isOld(name));
  const fresh = await parsedBackends(sections, settings, before.inherited);
  return {
    ...before,
    backends: Object.fromEntries([...kept, ...Object.entries(fresh)]),
    markers: [
      ...before.markers.filter(({ prefix }) => !isOld(connectorBackendName(prefix))),
      ...markersIn(sections),
    ],
    version,
  };
}

async function parsedBackends(
  sections: readonly JsonObject[],
  settings: Settings,
  inherited: Defaults,
): Promise<Readonly<Record<string, ActualBackend>>> {
  requireBackends(sections, 'read backends');
  await breathe();
  const { prefix } = settings.ownership;
  const isCovered = (service: string): boolean => covers(settings, service);
  return byName(
    await runInSlices(
      mapInSlices(sections, (item) => parseBackend(item, prefix, inherited, isCovered)),
    ),
  );
}

function versionOf(answers: readonly DataPlaneResponse[]): Pick<Sections, 'version'> {
  const [version, ...others] = new Set(answers.map((answer) => answer.version));
  return version === undefined || others.length > 0 ? {} : { version };
}

function globalOf(response: DataPlaneResponse): JsonObject {
  const what = 'read global';
  const global = expectObject(response, what);
  requireTypes([global], 'global', what);
  return global;
}

/** Without general storage, which is an error of the API's own, there is nothing in it. */
function generalFiles(response: DataPlaneResponse): readonly JsonObject[] {
  const { status, body } = response;
  const isRefused = status >= 400 && isObject(body) && typeof body['message'] === 'string';
  return isRefused ? [] : expectNamed(response, 'read general storage', 'storage_name');
}

/**
 * New backends use the defaults of the first frontend that routes to them. Without a name they
 * would get the last defaults section in the file.
 */
function defaultsOfOurs(
  known: Defaults,
  frontends: readonly JsonObject[],
  routed: readonly string[],
): Configuration['defaults'] {
  const names = Object.keys(known);
  const front = routed.flatMap((name) => frontends.filter((one) => one['name'] === name))[0];
  const name = names.length === 1 ? names[0] : textAt(front ?? {}, 'from');
  if (name === undefined || known[name] === undefined) return {};
  const { serverDefaults: inherited } = known[name];
  return { defaults: name, ...(inherited === undefined ? {} : { inherited }) };
}

/** `GET /storage/general/{name}`; 404 if it was never written. */
async function withServerState(get: Get, facts: GlobalFacts): Promise<GlobalFacts> {
  if (facts.serverStateFile === undefined) return facts;
  const name = encodeURIComponent(basename(facts.serverStateFile));
  const response = await get(`/storage/general/${name}`);
  if (response.status === 404) return facts;
  return { ...facts, serverState: expectText(response, 'read the server state file') };
}

function byName<T extends { readonly name: string }>(items: readonly T[]): Record<string, T> {
  return Object.fromEntries(items.map((item) => [item.name, item]));
}
