import { expectOk, expectText } from '../actual/answers.js';
import type {
  DataPlaneResponse,
  DataPlaneWriter,
  WriteOptions,
} from '../actual/dataplane-client.js';
import { sharedMap } from '../haproxy/map-names.js';
import { byKind, type HandlersOf } from '../diff/dispatch.js';
import { effectOf, type KindsOf } from '../diff/steps.js';
import type { CreateMap, EntryStep, WriteMap } from '../diff/types.js';
import { aborting, type ApplyContext, pathOf } from './context.js';
import { editMap, renderMap } from './render/map-text.js';

/** `POST /storage/maps` with an empty map. HAProxy refuses rules that name a missing file. */
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
 * Changes entries without a reload. For our own maps, the Data Plane API writes the file
 * (`force_sync`). In a map shared with the operator we edit the lines ourselves: `force_sync` would
 * overwrite comments and lines that are not loaded yet.
 */
export async function applyEntries(
  context: ApplyContext,
  all: readonly EntryStep[],
  when: EntryStep['when'],
): Promise<void> {
  const steps = all.filter((step) => step.when === when);
  const shared = sharedMap(context.settings.routing);
  for (const step of steps) await applyEntry(context, step, step.map !== shared);
  const inShared = steps.filter(({ map }) => map === shared);
  if (shared === undefined || inShared.length === 0) return;
  const { before, after } = await sharedTexts(context, shared, inShared);
  if (after !== before) await writeMapFile(context, shared, after);
}

/**
 * Changes one entry (`/runtime/maps/{map}/entries`). The whole-map PUT doesn't work: below 8 KiB it
 * appends, and the first of two equal keys wins.
 */
async function applyEntry(context: ApplyContext, step: EntryStep, sync: boolean): Promise<void> {
  const { map, key, kind } = step;
  const options = { ...(sync ? { query: { force_sync: true } } : {}), ...aborting(context) };
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

/** Writes a file that differs from the process, or that HAProxy never loads. */
export async function writeMap(context: ApplyContext, step: WriteMap): Promise<void> {
  const { map, entries } = step;
  const text = renderMap(entries);
  const response = await putMapFile(context, map, text);
  if (response.status !== 404) return void expectOk(response, `write map ${map}`);
  const file = { name: `${map}.map`, content: text };
  const created = await context.client.send('POST', '/storage/maps', {
    file,
    ...aborting(context),
  });
  expectOk(created, `create map ${map}`);
}

/**
 * Writes map files before the commit, as they should be after it. The reload then loads
 * configuration and maps together, so no entry points to a missing backend and no backend lacks its
 * entry. `undo` collects what restores the old files.
 */
export async function writeMapFiles(
  context: ApplyContext,
  steps: readonly EntryStep[],
  undo: (() => Promise<void>)[],
): Promise<void> {
  const names = [...new Set(steps.map(({ map }) => map))];
  for (const map of names) {
    const own = steps.filter((step) => step.map === map);
    const { before, after } = await textsOf(context, map, own);
    // Ignores the pass's signal, so that a stop doesn't leave this half done. If it fails, the next
    // pass sees that file and process differ.
    undo.push(() => writeMapFile({ client: context.client }, map, before).catch(() => undefined));
    await writeMapFile(context, map, after);
  }
}

interface Texts {
  readonly before: string;
  readonly after: string;
}

/** Our own maps are written whole. A shared one keeps all other lines. */
async function textsOf(
  context: ApplyContext,
  map: string,
  steps: readonly EntryStep[],
): Promise<Texts> {
  const { actual, settings } = context;
  if (map === sharedMap(settings.routing)) return sharedTexts(context, map, steps);
  const { entries, stored } = actual.maps[map] ?? {};
  const before = { ...(entries ?? stored) };
  const after = new Map(Object.entries(before));
  for (const { kind, key, value } of steps) {
    if (effectOf(kind) === 'remove') after.delete(key);
    else after.set(key, value);
  }
  return { before: renderMap(before), after: renderMap(Object.fromEntries(after)) };
}

async function sharedTexts(
  context: ApplyContext,
  map: string,
  steps: readonly EntryStep[],
): Promise<Texts> {
  const path = pathOf('storage', 'maps', `${map}.map`);
  const response = await context.client.get(path, aborting(context));
  const before = expectText(response, `read map ${map}`);
  const { entries = {}, stored = {} } = context.actual.maps[map] ?? {};
  const known = new Map(steps.map(({ key }) => [key, [entries[key], stored[key]]]));
  const isOurs = (key: string, value: string): boolean => known.get(key)?.includes(value) === true;
  return { before, after: editMap(before, steps, isOurs) };
}

/** `PUT /storage/maps/{map}?skip_reload=true`. */
async function writeMapFile(
  context: Pick<ApplyContext, 'client' | 'signal'>,
  map: string,
  text: string,
): Promise<void> {
  expectOk(await putMapFile(context, map, text), `write map ${map}`);
}

function putMapFile(
  context: Pick<ApplyContext, 'client' | 'signal'>,
  map: string,
  text: string,
): Promise<DataPlaneResponse> {
  return context.client.send('PUT', pathOf('storage', 'maps', `${map}.map`), {
    text,
    query: { skip_reload: true },
    ...aborting(context),
  });
}
