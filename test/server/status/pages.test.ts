import { readFileSync } from 'node:fs';
import { request } from 'node:http';

import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { expect } from 'chai';
import { Registry } from 'prom-client';

import { waitFor } from '../../../fixtures/process.js';
import { createRedactor } from '../../../src/config/redact.js';
import type { Leadership } from '../../../src/leader/office.js';
import { startHttpServer, type HttpServer } from '../../../src/server/http.js';
import { isAllowedHost } from '../../../src/server/host-names.js';
import { createStatusPages, type StatusPagesOptions } from '../../../src/server/status/pages.js';
import { createStatusSource, type StatusSource } from '../../../src/server/status/source.js';
import { ConnectorError } from '../../../src/shared/errors.js';
import { enabled, instance, service, settings } from '../../desired/given.js';
import { picture, something } from '../../pass/given-picture.js';
import { cluster, given, pictureOf } from './given.js';

const hostile = '<img src=x onerror=alert(1)>"\'`&\u202e\u0007';
const password = 'correct horse';

describe('status pages', () => {
  let server: HttpServer;
  let source: StatusSource;

  afterEach(() => server.close());

  async function start(
    more: Partial<StatusPagesOptions> = {},
    targets: readonly string[] = ['default'],
    leadership?: () => Leadership,
  ): Promise<void> {
    const { redact } = createRedactor([password]);
    source = createStatusSource({
      ...{ version: '1.2.3', settings, targets },
      ready: () => ({ ok: true }),
      ...(leadership === undefined ? {} : { leadership }),
    });
    const pages = createStatusPages({ source, redact, hostNames: ['status.example.com'], ...more });
    const status = { alive: () => ({ ok: true }), ready: () => ({ ok: true }) };
    const registry = new Registry();
    server = await startHttpServer({
      ...{ host: '127.0.0.1', port: 0, status, registry, redact, pages },
    });
  }

  function get(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${server.port}${path}`, init);
  }

  async function textOf(path: string): Promise<string> {
    const response = await get(path);
    expect(response.status, path).to.equal(200);
    return response.text();
  }

  /** fetch doesn't let a caller choose the Host. */
  function statusFor(host: string, path = '/'): Promise<number> {
    return new Promise((resolve, reject) => {
      const { port } = server;
      const sent = request({ port, path, headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      sent.on('error', reject).end();
    });
  }

  const everyPage = ['/', '/services', '/passes', '/notices', '/explain?q=web.example.com'];

  it('are there before the first pass', async () => {
    await start();
    for (const path of everyPage) expect(await textOf(path)).to.contain('no pass has finished yet');
  });

  it('show hosts, services, passes, notices and explanations', async () => {
    await start();
    const plan = { plan: something, steps: something.steps, reloads: ['new-backend'] } as const;
    source.succeeded({
      ...pictureOf([given('web', ['up', 'down'])]),
      ...plan,
      degraded: [{ code: 'no-hard-stop-after', message: 'global has none' }],
    });
    const [hosts, services, passes, notices, explained] = await Promise.all(everyPage.map(textOf));
    expect(hosts).to.contain('href="/explain?q=web.example.com"').and.contain('1 of 2 instances');
    expect(services).to.contain('10.0.0.1:20001').and.contain('nomad_web_2');
    expect(passes).to.contain('+ backend nomad_web: default/web').and.contain('new-backend');
    expect(notices).to.contain('global: hard-stop-after 5m');
    expect(explained).to.match(/web\.example\.com answers/);
  });

  it('search, filter and page without a script', async () => {
    await start();
    source.succeeded(cluster(350));
    const rowsIn = (text: string): number => text.match(/<tr id="host-/g)?.length ?? 0;
    expect(rowsIn(await textOf('/'))).to.equal(100);
    expect(await textOf('/')).to.contain('href="/?page=2" rel="next"');
    expect(rowsIn(await textOf('/?page=4'))).to.equal(51);
    expect(rowsIn(await textOf('/?q=shop-9.'))).to.equal(1);
    expect(rowsIn(await textOf('/?state=down'))).to.equal(1);
    expect(rowsIn(await textOf('/?q=shop&page=1e99&state=nonsense'))).to.be.above(0);
  });

  it('escape what tags and queries hold, and show what can not be seen', async () => {
    await start();
    const skip = { service: 'default/bad', code: 'invalid-tag', reason: hostile } as const;
    const tags = enabled(`domain=${hostile}`);
    const bad = service('bad', { instances: [instance({ tags, jobId: hostile })] });
    const shown = pictureOf([given('web')], [skip], [bad]);
    source.succeeded({
      ...shown,
      catalog: {
        ...shown.catalog,
        warnings: [{ code: 'ghost-instance', subject: hostile, message: hostile }],
      },
    });
    const query = encodeURIComponent(hostile);
    for (const path of [...everyPage, `/?q=${query}`, `/explain?q=${query}`, `/services?q=bad`]) {
      const text = await textOf(path);
      expect(text, path).to.not.contain('<img').and.not.contain('\u202e').and.not.contain('\u0007');
      expect(text.match(/<script[^>]*>/g), path).to.have.length(1);
    }
    expect(await textOf('/notices')).to.contain('&lt;img src=x onerror=alert(1)&gt;');
  });

  it('blank secrets, in pages and in JSON', async () => {
    await start();
    const reason = `the password is ${password}`;
    const skip = { service: 'default/bad', code: 'rejected-by-haproxy', reason } as const;
    source.succeeded(pictureOf([given('web')], [skip], [service('bad')]));
    const times = { startedAt: 1, endedAt: 2, phases: {} };
    source.failed({
      side: 'nomad',
      error: new ConnectorError('nomad-failed', `token ${password}`),
      times,
    });
    for (const path of [...everyPage, '/explain?q=bad', '/status.json']) {
      const text = await textOf(path);
      expect(text, path).to.not.contain(password);
      if (path === '/notices') expect(text).to.contain('the password is &lt;redacted&gt;');
    }
  });

  it('forbid everything but what the page itself needs', async () => {
    await start();
    const { headers } = await get('/');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).to.contain("default-src 'none'").and.contain("frame-ancestors 'none'");
    expect(policy).to.not.contain('unsafe').and.not.contain('http').and.not.contain('*');
    expect(headers.get('x-content-type-options')).to.equal('nosniff');
    expect(headers.get('referrer-policy')).to.equal('no-referrer');
    expect(headers.get('cross-origin-resource-policy')).to.equal('same-origin');
    expect(headers.get('cache-control')).to.equal('no-store');
    expect(headers.get('access-control-allow-origin')).to.equal(null);
  });

  it('use no asset of others, no inline script or style, and cache their own', async () => {
    await start();
    source.succeeded(pictureOf([given('web')]));
    for (const path of everyPage) {
      const text = await textOf(path);
      expect(text, path).to.not.match(/\s(?:on\w+|style)=/);
      expect(text, path).to.not.match(/(?:src|href)="(?!\/(?!\/)|#)/);
      expect(text, path).to.not.match(/<style|<script>|javascript:/);
    }
    const [, style = ''] = /href="(\/assets\/status\.css[^"]*)"/.exec(await textOf('/')) ?? [];
    const response = await get(style);
    expect(response.headers.get('content-type')).to.contain('text/css');
    expect(response.headers.get('cache-control')).to.contain('immutable');
    expect(await response.text()).to.contain('prefers-color-scheme: dark');
  });

  it('only read: no other method than GET and HEAD', async () => {
    await start();
    for (const path of ['/', '/explain', '/events', '/status.json']) {
      for (const method of ['POST', 'PUT', 'DELETE']) {
        expect((await get(path, { method })).status, `${method} ${path}`).to.equal(405);
      }
    }
    const head = await get('/', { method: 'HEAD' });
    expect([head.status, await head.text()]).to.deep.equal([200, '']);
  });

  it('answer to addresses and to names of their own, so that no page can pose as one', async () => {
    await start();
    const { port } = server;
    const own = ['127.0.0.1', `127.0.0.1:${port}`, '[::1]:80', `LOCALHOST:${port}`, 'a.localhost'];
    for (const host of [...own, 'status.example.com']) {
      expect(await statusFor(host), host).to.equal(200);
    }
    for (const host of ['evil.example', 'evil.example:8080', 'localhost.evil.example']) {
      for (const path of ['/', '/status.json', '/events', '/explain']) {
        expect(await statusFor(host, path), host).to.equal(421);
      }
    }
    for (const host of ['', '[', 'a:b:c', '127.0.0.1.evil.example']) {
      expect(isAllowedHost(host, ['status.example.com']), host).to.equal(false);
    }
  });

  it('show one of several HAProxies', async () => {
    await start({}, ['one', 'two']);
    source.succeeded(picture({ ...pictureOf([given('a')]), target: 'one' }));
    source.succeeded(picture({ ...pictureOf([given('b')]), target: 'two' }));
    expect(await textOf('/'))
      .to.contain('a.example.com')
      .and.contain('href="/?target=two"');
    const second = await textOf('/services?target=two');
    expect(second).to.contain('b.example.com').and.not.contain('a.example.com');
    expect(second).to.contain('href="/passes?target=two"');
  });

  it('compute nothing for passes that nobody looks at, and once for everybody who does', async () => {
    let reads = 0;
    await start();
    const watched = (): ReturnType<typeof cluster> => {
      const shown = cluster(10);
      const { desired } = shown;
      const backends = new Proxy(desired.backends, {
        get: (target, key, receiver) => {
          if (key === 'map') reads++;
          return Reflect.get(target, key, receiver) as unknown;
        },
      });
      return { ...shown, desired: { ...desired, backends } };
    };
    for (let passes = 0; passes < 5; passes++) source.succeeded(watched());
    expect(reads).to.equal(0);
    await Promise.all([textOf('/'), textOf('/services'), textOf('/notices')]);
    expect(reads).to.equal(1);
  });

  describe('status.json', () => {
    const schema = JSON.parse(readFileSync('docs/status.schema.json', 'utf8')) as object;
    const ajv = new Ajv();
    formats.default(ajv);
    const validate = ajv.compile(schema);

    async function checked(): Promise<Record<string, unknown>> {
      const response = await get('/status.json');
      expect(response.headers.get('content-type')).to.equal('application/json');
      const body = (await response.json()) as Record<string, unknown>;
      expect(validate(body), JSON.stringify(validate.errors)).to.equal(true);
      return body;
    }

    it('is as its schema says, before and after passes, and with thousands of services', async () => {
      await start();
      expect(await checked()).to.include({ format_version: 1, version: '1.2.3' });
      source.succeeded({ ...cluster(3000), plan: something, steps: something.steps });
      const times = { startedAt: 1, endedAt: 2, phases: { observe: 1 } };
      const error = new ConnectorError('nomad-unreachable', hostile);
      source.failed({ side: 'nomad', error, times });
      const { targets } = (await checked()) as { targets: { hosts: unknown[] }[] };
      expect(targets[0]?.hosts).to.have.length(3001);
    });

    it('says who leads, and which HAProxies are not up to date', async () => {
      let leader: Leadership = { lock: 'connector/leader', leads: true, holder: 'one/1', term: 7 };
      await start({}, ['edge-1', 'edge-2', 'edge-3'], () => leader);
      const shown = pictureOf([given('web')]);
      const newer = pictureOf([given('web'), given('shop')]);
      const catalog = { ...newer.catalog, index: newer.catalog.index + 1 };
      source.succeeded({ ...newer, catalog, target: 'edge-1' });
      source.succeeded({ ...shown, target: 'edge-2' });
      expect(await checked()).to.deep.include({ leader, differs: ['edge-2', 'edge-3'] });
      const page = await textOf('/');
      expect(page).to.match(/<dt>Leader<\/dt>\s*<dd>this connector <span class="muted">term 7</);
      expect(page).to.include('edge-2, edge-3');
      for (const target of ['edge-2', 'edge-3']) {
        source.succeeded({ ...newer, catalog, target });
      }
      leader = { lock: 'connector/leader', leads: false, holder: 'two/2', term: 9 };
      source.leads();
      expect(await checked()).to.deep.include({ leader, differs: [] });
      const ofStandby = await textOf('/');
      expect(ofStandby).to.match(
        /two\/2 <span class="muted">term 9<\/span><span class="muted">, this one stands by</,
      );
      expect(ofStandby).to.include('All HAProxies');
    });

    it('says nothing of a leader without a lock, and of others where there is one HAProxy', async () => {
      await start();
      source.succeeded(pictureOf([given('web')]));
      expect(await checked()).to.not.have.any.keys('leader', 'differs');
      expect(await textOf('/')).to.not.match(/Leader|All HAProxies/);
    });

    it('is written for some at a time', async () => {
      await start();
      source.succeeded(cluster(2000));
      const answers = await Promise.all(Array.from({ length: 6 }, () => get('/status.json')));
      const refused = answers.filter(({ status }) => status === 503);
      expect(refused.length).to.be.within(1, 4);
      expect(refused[0]?.headers.get('retry-after')).to.equal('5');
      await Promise.all(answers.map((one) => one.text()));
      await waitFor('room again', async () => (await get('/status.json')).status === 200);
    });
  });

  describe('events', () => {
    /** What came so far, as it comes. */
    async function open(headers: Record<string, string> = {}) {
      const stop = new AbortController();
      const response = await get('/events', { headers, signal: stop.signal });
      const got = { status: response.status, text: '', isOver: false };
      const read = async (): Promise<void> => {
        const decoder = new TextDecoder();
        for await (const part of response.body ?? [])
          got.text += decoder.decode(part as Uint8Array);
        got.isOver = true;
      };
      void read().catch(() => (got.isOver = true));
      return { got, stop: () => stop.abort() };
    }

    const versionsIn = (text: string): string[] =>
      [...text.matchAll(/"version":"([^"]+)"/g)].map(([, version = '']) => version);

    it('tell that something changed, and the page has the same version', async () => {
      await start();
      const shown = pictureOf([given('web')]);
      source.succeeded(shown);
      const { got, stop } = await open();
      await waitFor('the first event', () => versionsIn(got.text).length === 1);
      source.succeeded({ ...shown, times: { ...shown.times, endedAt: 5000 } });
      await waitFor('a pass', () => versionsIn(got.text).length === 2);
      expect(got.text).to.contain('"at":[5000]');
      source.succeeded(pictureOf([given('web', ['down'])]));
      await waitFor('a change', () => versionsIn(got.text).length === 3);
      const [first, second, third = ''] = versionsIn(got.text);
      expect(first).to.equal(second);
      expect(third).to.not.equal(first);
      expect(await textOf('/')).to.contain(`data-version="${third}"`);
      stop();
    });

    it('show that the connection is alive while nothing happens', async () => {
      await start({ events: { heartbeatMs: 5 } });
      const { got, stop } = await open();
      await waitFor('heartbeats', () => got.text.split('\n:\n').length > 3);
      stop();
    });

    it('are for some at a time, and for the next when one leaves', async () => {
      await start({ events: { maxClients: 2 } });
      const [first, second] = [await open(), await open()];
      expect((await open()).got.status).to.equal(503);
      first.stop();
      await waitFor('room', async () => {
        const next = await open();
        next.stop();
        return next.got.status === 200;
      });
      second.stop();
    });

    it('are not for pages of other sites', async () => {
      await start();
      for (const site of ['cross-site', 'same-site']) {
        expect((await open({ 'sec-fetch-site': site })).got.status).to.equal(403);
      }
      const { got, stop } = await open({ 'sec-fetch-site': 'same-origin' });
      expect(got.status).to.equal(200);
      stop();
    });

    it('end with the server', async () => {
      await start();
      const { got } = await open();
      await server.close();
      await waitFor('the end', () => got.isOver);
    });
  });
});
