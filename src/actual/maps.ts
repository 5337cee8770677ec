import type { Settings } from '../config/types.js';
import { lookupMap } from '../haproxy/lookup-rules.js';
import { type JsonObject, textAt } from '../shared/json.js';
import { memoOf } from '../shared/memo.js';
import { expectNamed, expectText, malformed } from './answers.js';
import type { DataPlaneResponse } from './dataplane-client.js';
import { requireTypes } from './sections.js';
import { mapNames, readyMap } from '../haproxy/map-names.js';
import { parseMapEntries, parseMapFile } from './normalise/parse.js';
import type { ActualMap } from './types.js';

type Get = (path: string) => Promise<DataPlaneResponse>;
type Entries = Readonly<Record<string, string>>;

const entriesOf = memoOf<Entries>();

/** Map files by name, as last read. The same text isn't parsed again. */
export type KnownFiles = Map<string, { readonly text: string; readonly entries: Entries }>;

/**
 * `GET /storage/maps`: names (without `.map`) to absolute paths. Covers our maps, and those read by
 * rules like ours that an earlier `routing.map_name` may have left.
 */
export function ownMaps(
  listed: readonly JsonObject[],
  rules: readonly JsonObject[],
  settings: Settings,
): Record<string, string> {
  const names = new Set([
    ...Object.values(mapNames(settings.routing)),
    readyMap(settings.routing),
    ...rules.flatMap((rule) => lookupMap(rule)?.name ?? []),
  ]);
  const files: Record<string, string> = {};
  for (const item of listed) {
    const base = textAt(item, 'storage_name').replace(/\.map$/, '');
    if (!names.has(base)) continue;
    const file = textAt(item, 'file');
    if (file === '') throw malformed('read maps', 'list (file)');
    files[base] = file;
  }
  return files;
}

/**
 * Reads the exact map's entries every time, and other maps and all files only if unknown. Files
 * matter because a lost answer or a killed process can leave one that differs from the process, and
 * HAProxy's next start would load it. `again` gives the same body for the same bytes.
 */
export async function readMaps(
  get: Get,
  again: Get,
  settings: Settings,
  files: Readonly<Record<string, string>>,
  known: Readonly<Record<string, ActualMap>>,
  knownFiles: KnownFiles,
): Promise<Record<string, ActualMap>> {
  const { exact, owned, claims } = mapNames(settings.routing);
  const read = async ([name, file]: [string, string]): Promise<[string, ActualMap]> => {
    const before = known[name];
    if (before !== undefined && name !== exact) return [name, before];
    const [entries, stored] = await Promise.all([
      name === owned || name === claims ? undefined : readEntries(again, name),
      before === undefined ? readFile(get, name, knownFiles) : before.stored,
    ]);
    return [
      name,
      {
        file,
        ...(entries === undefined ? {} : { entries }),
        ...(stored === undefined ? {} : { stored }),
      },
    ];
  };
  return Object.fromEntries(await Promise.all(Object.entries(files).map(read)));
}

/** `GET /runtime/maps/{name}/entries`; 404 if HAProxy has not loaded the map. */
async function readEntries(again: Get, name: string): Promise<Entries | undefined> {
  const path = `/runtime/maps/${encodeURIComponent(name)}.map/entries`;
  const response = await again(path);
  if (response.status === 404) return undefined;
  const what = `read map ${name}`;
  return entriesOf(response.body, () =>
    parseMapEntries(requireTypes(expectNamed(response, what, 'key'), 'entry', what)),
  );
}

/** `GET /storage/maps/{name}`. */
async function readFile(get: Get, name: string, known: KnownFiles): Promise<Entries | undefined> {
  const response = await get(`/storage/maps/${encodeURIComponent(name)}.map`);
  if (response.status === 404) return undefined;
  const text = expectText(response, `read the file of map ${name}`);
  const before = known.get(name);
  if (before?.text === text) return before.entries;
  const entries = parseMapFile(text);
  known.set(name, { text, entries });
  return entries;
}
