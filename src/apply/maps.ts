import { expectOk } from '../actual/answers.js';
import type {
  DataPlaneResponse,
  DataPlaneWriter,
  WriteOptions,
} from '../actual/dataplane-client.js';
import { mapNames } from '../haproxy/map-names.js';
import { byKind, type HandlersOf } from '../diff/dispatch.js';
import { effectOf, type KindsOf } from '../diff/steps.js';
import type { CreateMap, EntryStep } from '../diff/types.js';
import { aborting, type ApplyContext, pathOf } from './context.js';
import { editMap, renderMap } from './render/map-text.js';

/** `POST /storage/maps`: an empty map, for rules that name a missing file are refused. */
export async function createMap(context: ApplyContext, { map }: CreateMap): Promise<void> {
  const content = '# domain to backend, kept by haproxy-nomad-connector\n';
  const response = await context.client.send('POST', '/storage/maps', {
    file: { name: `${map}.map`, content },
    ...aborting(context),
  });
  if (response.status === 409) return;
  expectOk(response, `create map ${map}`);
}

/**
 * One entry, in the process and on disk at once (`/runtime/maps/{map}/entries?force_sync=true`). The
 * whole-map PUT is no help: below 8 KiB it appends, and the first of two equal keys wins.
 */
export async function applyEntry(context: ApplyContext, step: EntryStep): Promise<void> {
  const { map, key, kind } = step;
  const options = { query: { force_sync: true }, ...aborting(context) };
  const response = await byKind(step, entryRequests, context.client, options);
  if (effectOf(kind) === 'remove' && response.status === 404) return;
  expectOk(response, `${kind} ${key} in map ${map}`);
}

const entryRequests: HandlersOf<
  KindsOf<'entry'>,
  Promise<DataPlaneResponse>,
  [client: DataPlaneWriter, options: WriteOptions]
> = {
  'add-entry': ({ map, key, value }, client, options) =>
    client.send('POST', entriesPath(map), { ...options, json: { key, value } }),
  'set-entry': ({ map, key, value }, client, options) =>
    client.send('PUT', entriesPath(map) + pathOf(key), { ...options, json: { value } }),
  'delete-entry': ({ map, key }, client, options) =>
    client.send('DELETE', entriesPath(map) + pathOf(key), options),
};

function entriesPath(map: string): string {
  return pathOf('runtime', 'maps', `${map}.map`, 'entries');
}

/**
 * Map files as they should be after the commit, written before it: the reload takes configuration
 * and maps up together, so no entry leads to a backend that is not there, and none is missing for
 * one that is. Returns what puts the old files back.
 */
export async function writeMapFiles(
  context: ApplyContext,
  steps: readonly EntryStep[],
): Promise<() => Promise<void>> {
  const names = [...new Set(steps.map(({ map }) => map))];
  const undo: (() => Promise<void>)[] = [];
  for (const map of names) {
    const own = steps.filter((step) => step.map === map);
    const { before, after } = await textsOf(context, map, own);
    await writeMapFile(context, map, after);
    // Without the pass's signal: a stop must not leave it half done.
    undo.push(() => writeMapFile({ client: context.client }, map, before));
  }
  return async () => {
    for (const restore of undo) await restore().catch(() => undefined);
  };
}

/** Our own maps are written whole; one that the operator shares with us keeps all other lines. */
async function textsOf(
  context: ApplyContext,
  map: string,
  steps: readonly EntryStep[],
): Promise<{ readonly before: string; readonly after: string }> {
  const { actual, settings, client } = context;
  const { routing } = settings;
  if (routing.mapFile !== undefined && map === mapNames(routing).exact) {
    const path = pathOf('storage', 'maps', `${map}.map`);
    const response = expectOk(await client.get(path, aborting(context)), `read map ${map}`);
    const before = String(response.body);
    return { before, after: editMap(before, steps) };
  }
  const entries = { ...actual.maps[map]?.entries };
  const after = new Map(Object.entries(entries));
  for (const { kind, key, value } of steps) {
    if (effectOf(kind) === 'remove') after.delete(key);
    else after.set(key, value);
  }
  return { before: renderMap(entries), after: renderMap(Object.fromEntries(after)) };
}

/** `PUT /storage/maps/{map}?skip_reload=true`. */
async function writeMapFile(
  context: Pick<ApplyContext, 'client' | 'signal'>,
  map: string,
  text: string,
): Promise<void> {
  const response = await context.client.send('PUT', pathOf('storage', 'maps', `${map}.map`), {
    text,
    query: { skip_reload: true },
    ...aborting(context),
  });
  expectOk(response, `write map ${map}`);
}
