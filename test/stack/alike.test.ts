/** R8.4: HAProxies of different versions, whose servers stand in different places, choose alike. */

import { get, type IncomingHttpHeaders } from 'node:http';

import { expect } from 'chai';

import type { App } from '../../fixtures/apps/app.js';
import { baseHaproxyConfig, type Dirs } from '../../fixtures/dataplane/config.js';
import { type DataPlane, startDataPlane } from '../../fixtures/dataplane/launch.js';
import { findHaproxy } from '../../fixtures/haproxy/find.js';
import { freePort } from '../../fixtures/ports.js';
import { type Stack, domainOf, enabledTags, startStack } from '../../fixtures/stack.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import type { Settings } from '../../src/config/types.js';
import { allocOf, at, until } from './helpers.js';

const names = ['a', 'b', 'c', 'd', 'e'];
const keys = Array.from({ length: 200 }, (_, number) => `key-${number}`);

interface Said {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

describe('HAProxy 3.0 and 3.2', function () {
  this.timeout(120_000);
  let stack: Stack;
  let other: DataPlane;
  let connector: Connector;
  let apps: App[];

  before(async function () {
    this.timeout(300_000);
    const ports = [await freePort(), await freePort()] as const;
    stack = await startStack({ haproxySeries: '3.0', haproxyConfig: withPeersOf(0, ports) });
    other = await startDataPlane({
      haproxy: await findHaproxy('3.2'),
      haproxyConfig: withPeersOf(1, ports),
    });
    apps = await Promise.all(names.map((name) => stack.app(name)));
    const passes = stack.passes();
    const services = ['uri', 'hdr(X-User)'].map((balance, number) =>
      stack.serve(`hash-${number}`, apps, {
        tags: tagsFor(`hash-${number}`, `load-balance=${balance}`),
      }),
    );
    stack.serve('sticky', apps, { tags: tagsFor('sticky', 'cookie=SRV') });
    stack.serve('limited', apps.slice(0, 1), { tags: tagsFor('limited', 'rate-limit=3/10m') });
    await passes.run();
    // Only the first HAProxy sees them change places.
    for (const service of services) {
      const moved = apps.slice(0, 3).reverse();
      for (const app of moved) stack.nomad.stopAlloc(allocOf(stack.nomad, app), 'deregistered');
      await passes.run();
      for (const app of moved) {
        service.addInstance(at(app));
        await passes.run();
      }
    }
    connector = stack.connector({ settings: ofBoth });
    for (const service of ['hash-0', 'hash-1', 'sticky', 'limited']) {
      for (const dp of both()) await until(() => areUp(dp, service), { timeoutMs: 60_000 });
    }
  });
  after(async () => {
    await connector?.stop();
    await other?.close();
    await stack?.close();
  });

  const both = (): readonly DataPlane[] => [stack.dp, other];

  function ofBoth(settings: Settings): Settings {
    const target = settings.targets[0]!;
    const { url: address, username, password } = other;
    const second = { ...target, name: 'edge-2', address, username, password };
    const targets = [{ ...target, name: 'edge-1' }, second];
    return { ...settings, haproxy: { ...settings.haproxy, peers: 'edge' }, targets };
  }

  /** `127.0.0.1:8080`, in the order of the servers' names. */
  async function placesIn(dp: DataPlane, service: string): Promise<string[]> {
    const state = await dp.haproxy.runtimeCommand(`show servers conn nomad_${service}`);
    return [...state.matchAll(/^nomad_\S+\/(\S+) \S+ (\S+) (\d+) /gm)].map(
      ([, , address, port]) => `${address}:${port}`,
    );
  }

  async function areUp(dp: DataPlane, service: string): Promise<boolean> {
    const wanted = service === 'limited' ? 1 : apps.length;
    const stat = await dp.haproxy.runtimeCommand(`show stat -1 4 -1`);
    const lines = stat.split('\n').filter((line) => line.startsWith(`nomad_${service},`));
    return lines.filter((line) => line.includes(',UP,')).length === wanted;
  }

  for (const [service, ask] of [
    ['hash-0', (key: string) => ({ path: `/${key}` })],
    ['hash-1', (key: string) => ({ headers: { 'x-user': key } })],
  ] as const) {
    it(`${service}: each of 200 keys leads to the same instance`, async () => {
      const [one, two] = both();
      expect(await placesIn(one!, service)).not.to.deep.equal(await placesIn(two!, service));
      const answers: string[][] = [];
      for (const dp of both()) {
        const of: string[] = [];
        for (const key of keys) of.push((await send(dp, service, ask(key))).body);
        answers.push(of);
      }
      expect(answers[1]).to.deep.equal(answers[0]);
      expect(new Set(answers[0])).to.deep.equal(new Set(names));
    });
  }

  it('a session goes on through the other HAProxy', async () => {
    const sessions = new Map<string, string>();
    await until(async () => {
      const { body, headers } = await send(stack.dp, 'sticky', {});
      const [cookie = ''] = headers['set-cookie'] ?? [];
      sessions.set(body, cookie.split(';')[0] ?? '');
      return sessions.size === apps.length;
    });
    for (const [name, cookie] of sessions) {
      for (const dp of both()) {
        const { body, headers } = await send(dp, 'sticky', { headers: { cookie } });
        expect(body).to.equal(name);
        expect(headers['set-cookie']).to.equal(undefined);
      }
    }
  });

  it('a rate limit holds at the other HAProxy, and over a reload, through `peers`', async () => {
    for (const dp of both()) await until(() => usesPeers(dp));
    const statuses: number[] = [];
    for (let sent = 0; sent < 5; sent++) {
      statuses.push((await send(stack.dp, 'limited', {})).status);
    }
    expect(statuses).to.deep.equal([200, 200, 200, 429, 429]);
    await until(() => isCounted(other), { timeoutMs: 30_000 });
    expect((await send(other, 'limited', {})).status).to.equal(429);
    // A worker that is replaced some 6 s after its start hands no table on.
    for (const dp of both()) await until(() => hasRunFor(dp, 12), { timeoutMs: 40_000 });
    const workers = await Promise.all(both().map((dp) => dp.haproxy.workerPid()));
    stack.serve('new', apps.slice(0, 1));
    for (const [at, dp] of both().entries()) {
      await until(async () => (await dp.haproxy.workerPid()) !== workers[at], {
        timeoutMs: 30_000,
      });
      await until(() => isCounted(dp), { timeoutMs: 30_000 });
      expect((await send(dp, 'limited', {})).status).to.equal(429);
    }
  });

  it('where the section is missing, the limit counts by itself, and it is said', async () => {
    const settings = (given: Settings): Settings => ({
      ...given,
      haproxy: { ...given.haproxy, peers: 'nobody' },
    });
    await connector.stop();
    const picture = await stack.passes({ settings }).run();
    expect(picture.degraded.map(({ code }) => code)).to.include('peers-missing');
    expect(picture.degraded.map(({ message }) => message).join()).to.include('"peers nobody"');
    expect(picture.rest.steps).to.deep.equal([]);
    expect(await usesPeers(stack.dp)).to.equal(false);
    await until(async () => (await send(stack.dp, 'limited', {})).status === 429);
  });

  async function hasRunFor(dp: DataPlane, seconds: number): Promise<boolean> {
    const info = await dp.haproxy.runtimeCommand('show info');
    return Number(/^Uptime_sec: (\d+)/m.exec(info)?.[1] ?? 0) >= seconds;
  }

  async function usesPeers(dp: DataPlane): Promise<boolean> {
    const raw = await dp.send('GET', '/v3/services/haproxy/configuration/raw');
    return /stick-table type ipv6 .* peers edge /.test(JSON.stringify(raw.body));
  }

  /** It knows of more requests than are allowed. */
  async function isCounted(dp: DataPlane): Promise<boolean> {
    const table = await dp.haproxy.runtimeCommand('show table nomad_limited');
    return Number(/http_req_rate\(\d+\)=(\d+)/.exec(table)?.[1] ?? 0) > 3;
  }
});

function tagsFor(service: string, ...tags: readonly string[]): readonly string[] {
  return [...enabledTags(service), ...tags.map((tag) => `haproxy.${tag}`)];
}

/** The base configuration of the HAProxy that is peer `own` of them. */
function withPeersOf(own: number, ports: readonly number[]) {
  const peers = ports.map((port, at) => `  peer edge-${at + 1} 127.0.0.1:${port}`).join('\n');
  return (dirs: Dirs, frontendPort: number): string =>
    `${baseHaproxyConfig(dirs, frontendPort).replace(/^global\n/m, `global\n  localpeer edge-${own + 1}\n`)}
peers edge
${peers}
`;
}

function send(
  { frontendPort: port }: DataPlane,
  service: string,
  { path = '/', headers = {} }: { path?: string; headers?: Readonly<Record<string, string>> },
): Promise<Said> {
  return new Promise((resolve, reject) => {
    const all = { host: domainOf(service), ...headers };
    const sent = get({ host: '127.0.0.1', port, path, headers: all, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (text: string) => (body += text));
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, body, headers: answer.headers });
      });
      answer.on('error', reject);
    });
    sent.setTimeout(10_000, () => sent.destroy(new Error(`no answer for ${service}`)));
    sent.on('error', reject);
  });
}
