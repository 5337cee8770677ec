/** Floors, measured in the same run by a bare client over the same catalog and configuration. */

import { type BareClient, bareClient, eightAtATime, medianOf } from './bare-client.js';
import type { World } from './world.js';

const services = '/v3/services/haproxy';

export interface Floors {
  /** Lists, every name's instances, every job's spec: what a start can't do without. */
  catalog(): Promise<number>;
  /** The three lists and four reads of the data plane that say that nothing changed. */
  unchanged(): Promise<number>;
  /** The same configuration, posted whole, with a forced reload. */
  forcedLoad(): Promise<number>;
  /** The same configuration, posted whole without a reload, with one runtime action. */
  noReloadWrite(): Promise<number>;
  /** One runtime command through the data plane. */
  runtimeCommand(): Promise<number>;
  close(): void;
}

export function floorsOf(world: World): Floors {
  const nomad = bareClient(world.nomad.url);
  const dp = bareClient(world.dp.url, `${world.dp.username}:${world.dp.password}`);
  const slot = (): string => `${backendOf(world.names[0] ?? '')} ${slotOf(world.names[0] ?? '')}`;
  const ready = { 'X-Runtime-Actions': `SetServerState ${slot()} ready` };
  return {
    catalog: () => medianOf(3, () => readCatalog(nomad)),
    unchanged: () => medianOf(5, () => Promise.all([readLists(nomad), readDataPlane(dp, world)])),
    forcedLoad: () => medianOf(3, () => load(dp, 'force_reload=true')),
    noReloadWrite: () => medianOf(5, () => load(dp, 'skip_reload=true', ready)),
    runtimeCommand: () => medianOf(5, () => setReady(dp, world.names[0] ?? '')),
    close: () => {
      nomad.close();
      dp.close();
    },
  };
}

export function backendOf(name: string): string {
  return `nomad_${name}`;
}

export function slotOf(name: string): string {
  return `${backendOf(name)}_1`;
}

async function readLists(nomad: BareClient): Promise<string[]> {
  const paths = ['/v1/services', '/v1/allocations', '/v1/jobs'];
  const texts: string[] = [];
  for (const path of paths) {
    const more = path === '/v1/allocations' ? '&resources=true' : '';
    texts.push((await nomad.get(`${path}?namespace=*${more}`)).text);
  }
  return texts;
}

async function readCatalog(nomad: BareClient): Promise<void> {
  const [names = '[]', , jobs = '[]'] = await readLists(nomad);
  const lists = JSON.parse(names) as { Services: { ServiceName: string }[] }[];
  const found = lists.flatMap(({ Services }) => Services.map(({ ServiceName }) => ServiceName));
  await eightAtATime(found, (name) => nomad.get(`/v1/service/${name}?namespace=default`));
  const ids = (JSON.parse(jobs) as { ID: string }[]).map(({ ID }) => ID);
  await eightAtATime(ids, (id) => nomad.get(`/v1/job/${id}?namespace=default`));
}

async function readDataPlane(dp: BareClient, world: World): Promise<void> {
  const map = `${world.settings.routing.mapName}.map`;
  await Promise.all(
    [
      'configuration/raw',
      'runtime/info',
      'runtime/backends/%20/servers',
      `runtime/maps/${map}/entries`,
    ].map((path) => dp.get(`${services}/${path}`)),
  );
}

async function load(
  dp: BareClient,
  how: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { text, version } = await dp.get(`${services}/configuration/raw`);
  const path = `${services}/configuration/raw?${how}&version=${version}`;
  const answer = await dp.send('POST', path, text, { 'content-type': 'text/plain', ...headers });
  if (answer.status >= 300) throw new Error(`${how}: ${answer.status} ${answer.text}`);
}

async function setReady(dp: BareClient, name: string): Promise<void> {
  const path = `${services}/runtime/backends/${backendOf(name)}/servers/${slotOf(name)}`;
  const body = JSON.stringify({ admin_state: 'ready' });
  const answer = await dp.send('PUT', path, body, { 'content-type': 'application/json' });
  if (answer.status >= 300) throw new Error(`runtime: ${answer.status} ${answer.text}`);
}
