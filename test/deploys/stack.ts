/** What the suites of deployments share. */

import { after, afterEach, beforeEach } from 'mocha';

import { type Dirs, globalSection } from '../../fixtures/dataplane/config.js';
import type { NewService, ServiceHandle } from '../../fixtures/nomad/services.js';
import { waitFor } from '../../fixtures/process.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import { type Stack, type StackOptions, enabledTags, startStack } from '../../fixtures/stack.js';
import type { Settings } from '../../src/config/types.js';
import { serverLines } from '../stack/helpers.js';
import { type AppOptions, type WatchedApp, startWatchedApp } from './app.js';
import { type Load, type LoadOptions, startLoad } from './load.js';

export { allocOf, at, serverLines, servingPorts } from '../stack/helpers.js';

export interface Deploys {
  readonly stack: Stack;
  readonly app: (name: string, options?: AppOptions) => Promise<WatchedApp>;
  readonly apps: (...names: readonly string[]) => Promise<WatchedApp[]>;
  /** A service with a check on `/health`. */
  readonly serve: (
    name: string,
    apps: readonly WatchedApp[],
    more?: Partial<NewService>,
    tags?: readonly string[],
  ) => ServiceHandle;
  /** Stopped after the test at the latest. */
  readonly load: (host: string, options?: LoadOptions) => Load;
  /** How often HAProxy has reloaded since its start, by its own count. */
  readonly reloads: () => Promise<number>;
  /** Somebody else's change of the configuration through the data plane, with a reload. */
  readonly otherWriter: (name: string) => Promise<void>;
}

export function useDeploys(options: StackOptions = {}): () => Deploys {
  let running: Stack | undefined;
  let apps: WatchedApp[] = [];
  const loads: Load[] = [];
  const current = (): Stack => {
    if (running === undefined) throw new Error('the stack is not running');
    return running;
  };
  const end = async (): Promise<void> => {
    await running?.close();
    await Promise.all(apps.map((app) => app.close()));
    [running, apps] = [undefined, []];
  };
  const app: Deploys['app'] = async (name, how) => {
    const started = await startWatchedApp(name, how);
    apps.push(started);
    return started;
  };
  beforeEach(async function () {
    // The first time HAProxy may be downloaded and the stand-in built.
    this.timeout(300_000);
    await end();
    running = await startStack(options);
  });
  afterEach(async () => {
    for (const one of apps) one.release();
    await Promise.all(loads.splice(0).map((load) => load.stop()));
  });
  after(end);
  return () => ({
    get stack() {
      return current();
    },
    app,
    apps: (...names) => Promise.all(names.map((name) => app(name))),
    serve: (name, served, more = {}, tags = []) =>
      current().serve(name, served, { tags: checkedTags(name, tags), ...more }),
    load: (host, how) => {
      const load = startLoad(current(), host, how);
      loads.push(load);
      return load;
    },
    // In the middle of a reload nobody answers.
    reloads: () =>
      waitFor('the number of reloads', async () => {
        const text = await current().dp.haproxy.masterCommand('show proc');
        const count = /^\d+\s+master\s+(\d+)/m.exec(text)?.[1];
        return count === undefined ? undefined : { count: Number(count) };
      }).then(({ count }) => count),
    otherWriter: (name) => otherWriter(current(), name),
  });
}

export function checkedTags(name: string, more: readonly string[] = []): string[] {
  return [
    ...enabledTags(name),
    'haproxy.check.path=/health',
    ...more.map((tag) => `haproxy.${tag}`),
  ];
}

async function otherWriter({ dp }: Stack, name: string): Promise<void> {
  const root = '/v3/services/haproxy/configuration';
  await waitFor(`backend ${name} of another writer`, async () => {
    const version = (await dp.send('GET', `${root}/version`)).body as number;
    const path = `${root}/backends?version=${version}&force_reload=true`;
    return (await dp.send('POST', path, { name, mode: 'http' })).status < 300;
  });
}

/** A new version of the job that its allocations take over as they are: only tags change. */
export function updateInPlace(
  { nomad }: Stack,
  service: ServiceHandle,
  tags: readonly string[],
): void {
  const job = service.update((group) => ({
    ...group,
    Services: [{ ...group.Services![0]!, Tags: tags }],
  }));
  for (const alloc of service.allocs) {
    const [{ Address: address, Port: port } = { Address: '', Port: 0 }] = nomad.registrationsOf(
      alloc.ID,
    );
    nomad.state.commit('AllocationUpdated', (tx) => tx.putAlloc({ ...alloc, Job: job }));
    nomad.registerInstance(alloc.ID, { [service.name]: { address, port } });
  }
}

/** No timer helps: what isn't noticed is never seen. */
export function withoutTimer(settings: Settings): Settings {
  return { ...settings, sync: { ...settings.sync, resyncIntervalMs: 3_600_000 } };
}

export function withoutGuard(settings: Settings): Settings {
  return { ...settings, guard: { ...settings.guard, allowRemovals: true } };
}

export function drainingFor(seconds: number): (settings: Settings) => Settings {
  return (settings) => ({
    ...withoutGuard(settings),
    haproxy: { ...settings.haproxy, drainTimeoutMs: seconds * 1000 },
  });
}

/** Names of the slots that drain on disk, with the second in which that began. */
export async function drains(stack: Stack, backend: string): Promise<Record<string, number>> {
  const lines = await serverLines(stack, backend);
  const found = lines.flatMap((line): [string, number][] => {
    const since = /"drain":\s*(\d+)/.exec(line)?.[1];
    const name = /^server (\S+)/.exec(line)?.[1];
    return since === undefined || name === undefined ? [] : [[name, Number(since)]];
  });
  return Object.fromEntries(found);
}

/** All reloads that the connector knows of, in order. */
export function countedReloads({ results }: Connector): string[] {
  return results.flatMap(({ reloads }) => reloads);
}

/** A configuration in which the operator has a backend of his own for the domain `shop`. */
export function withShop(dirs: Dirs, port: number): string {
  return `${globalSection(dirs)}
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  option redispatch 1
  load-server-state-from-file global

frontend http_front
  bind 127.0.0.1:${port} name public
  option idle-close-on-response
  use_backend shop if { hdr(host) -i shop.example.com }
  default_backend none

backend shop
  balance roundrobin
  option httpchk GET /health
  server theirs 127.0.0.1:9 disabled

backend none
  http-request return status 404 content-type text/plain string "none"
`;
}

/** Of a service that only puts its servers into that backend. */
export const shopTags = [
  'haproxy.enable=true',
  'haproxy.backend=custom',
  'haproxy.backend.name=shop',
  'haproxy.check.path=/health',
];
