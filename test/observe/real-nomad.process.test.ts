/** The same reader against a real Nomad; skipped, loudly, where NOMAD_BIN names none. */

import { expect } from 'chai';
import { appJob, httpCheck } from '../../fixtures/nomad/app-job.js';
import { nomadBin, startNomadAgent, type NomadAgent } from '../../fixtures/nomad/real.js';
import type { JobSpec } from '../../fixtures/nomad/types.js';
import { waitFor } from '../../fixtures/process.js';
import { createCatalogReader, type CatalogReader } from '../../src/observe/catalog/reader.js';
import { createNomadClient, type NomadClient } from '../../src/observe/nomad/client.js';
import type { Catalog, CatalogService } from '../../src/observe/types.js';
import { startWakeSources } from '../../src/observe/wake/wake.js';
import { ConnectorError } from '../../src/shared/errors.js';
import { checkPaths, enabled, serviceOf, settingsFor } from './setup.js';

const signal = new AbortController().signal;
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined };

describe('a catalog read from a real Nomad', () => {
  let agent: NomadAgent;
  let client: NomadClient;
  let reader: CatalogReader;
  const read = (): Promise<Catalog> => reader.read({ signal });

  before(async function () {
    if (nomadBin() === undefined) {
      process.stderr.write('SKIPPED: the catalog of a real Nomad, because NOMAD_BIN is not set\n');
      this.skip();
    }
    agent = await startNomadAgent({ acl: true });
    client = createNomadClient({ settings: settingsFor(agent.url, { token: agent.token }) });
    reader = newReader(client);
  });
  after(async () => {
    client?.close();
    await agent?.close();
  });

  it('of a new cluster is empty, and trusted', async () => {
    const catalog = await read();
    expect(catalog).to.deep.include({
      services: [],
      allocations: {},
      trust: { removals: 'allowed' },
    });
  });

  it('has what runs, with its checks and shutdown delay', async () => {
    await agent.submit(web({ version: 'v1', path: '/old' }));
    await agent.waitRunning('web');
    const service = await until((one) => one.instances.length === 1);
    const [instance] = service.instances;
    expect(instance?.address).to.equal('127.0.0.1');
    expect(instance?.port).to.be.greaterThan(0);
    expect(instance?.tags).to.deep.equal([enabled, 'haproxy.domain=web.example.com']);
    expect(instance?.spec).to.deep.include({ status: 'known', shutdownDelayMs: 1000 });
    expect(instance?.spec.status === 'known' && instance.spec.checks).to.deep.equal([
      {
        name: instance?.spec.status === 'known' ? instance.spec.checks[0]?.name : '',
        type: 'http',
        path: '/old',
        headers: {},
        intervalMs: 1000,
        timeoutMs: 1000,
        tlsSkipVerify: false,
      },
    ]);
    const { claimedAt, declarations } = service;
    expect(claimedAt).to.equal((await agent.job('web')).CreateIndex);
    expect(declarations[0]?.tags).to.deep.equal(instance?.tags);
    const catalog = await read();
    expect(catalog.missing).to.deep.equal([]);
    expect(catalog.warnings).to.deep.equal([]);
  });

  for (const allocationId of [
    'team/slashed',
    'team/allocations',
    'a//versions',
    'p/dispatch/payload',
    'q?#%',
  ]) {
    it(`finds the spec of a job of the ID ${allocationId}`, async () => {
      const spec = appJob({ id: 'odd', tags: [enabled] });
      await agent.submit({ ...spec, ID: allocationId });
      await waitFor('its instance', async () =>
        (await read()).services.some(
          ({ name, instances }) => name === 'odd' && instances.length === 1,
        ),
      );
      const catalog = await read();
      expect(checkPaths(serviceOf(catalog, 'odd'))).to.deep.equal(['/health']);
      expect(serviceOf(catalog, 'odd').declarations[0]?.jobId).to.equal(allocationId);
      expect(catalog.trust).to.deep.equal({ removals: 'allowed' });
      // Deleting it would take the end of its ID for an endpoint.
      await agent.request('POST', '/v1/jobs', { Job: { ...spec, ID: allocationId, Stop: true } });
      await waitFor('its end', async () =>
        (await read()).services.every(({ name }) => name !== 'odd'),
      );
    });
  }

  it('tells how an allocation ended, of an instance that left', async () => {
    await agent.submit(appJob({ id: 'short', tags: [enabled] }));
    const [alloc] = await agent.waitRunning('short');
    await waitFor('its instance', async () =>
      (await read()).services.some(
        ({ name, instances }) => name === 'short' && instances.length > 0,
      ),
    );
    await agent.stopJob('short');
    const ended = await waitFor('its end', async () => {
      const { allocations } = await read();
      const facts = allocations[alloc?.ID ?? ''];
      return facts?.clientStatus === 'complete' ? facts : undefined;
    });
    expect(ended.desiredStatus).to.equal('stop');
  });

  it('S19: in a canary has the checks of each version, and after promotion of one', async () => {
    await agent.submit(web({ version: 'v2', path: '/new', canary: 1 }));
    const both = await until((one) => one.instances.length === 2);
    expect([...checkPaths(both)].sort()).to.deep.equal(['/new', '/old']);
    expect(both.instances.filter(({ allocation }) => allocation?.canary)).to.have.lengthOf(1);

    const late = createCatalogReader({ client, namespace: '*', tagPrefix: 'haproxy' });
    const fresh = serviceOf(await late.read({ signal }), 'web');
    expect([...checkPaths(fresh)].sort()).to.deep.equal(['/new', '/old']);

    await agent.promote('web');
    const after = await until((one) => one.instances.length === 1);
    expect(checkPaths(after)).to.deep.equal(['/new']);
  });

  it('wakes by the stream and the blocking query', async () => {
    const stopper = new AbortController();
    const wakes: string[] = [];
    const connected: boolean[] = [];
    const { done } = startWakeSources({
      client,
      namespace: '*',
      onWake: (source) => wakes.push(source),
      onConnected: (is) => connected.push(is),
      signal: stopper.signal,
      log: quiet,
    });
    await waitFor('a connection', () => connected.at(-1) === true && wakes.includes('blocking'));
    wakes.length = 0;
    const [alloc] = await agent.waitRunning('web');
    await agent.restartAlloc(alloc?.ID ?? '');
    await waitFor('wakes', () => wakes.includes('stream') && wakes.includes('blocking'));
    const startedAt = Date.now();
    stopper.abort();
    await done;
    expect(Date.now() - startedAt).to.be.lessThan(500);
  });

  it('reads again the service that the stream has named, and no other', async () => {
    const paths: string[] = [];
    const counted: NomadClient = {
      ...client,
      get: (path, options) => {
        paths.push(path);
        return client.get(path, options);
      },
    };
    const own = newReader(counted);
    const stopper = new AbortController();
    const wakes: string[] = [];
    let isConnected = false;
    const { done } = startWakeSources({
      ...{ client, namespace: '*', signal: stopper.signal, log: quiet, listener: own },
      onWake: (source) => wakes.push(source),
      onConnected: (is) => (isConnected = is),
    });
    const others = ['one', 'two', 'three'];
    for (const id of others) await agent.submit(appJob({ id, tags: [enabled] }));
    for (const id of others) await agent.waitRunning(id);
    await waitFor('a connection', () => isConnected);
    await own.read({ signal });
    for (const change of ['restart', 'stop'] as const) {
      await own.read({ signal });
      paths.length = wakes.length = 0;
      const [alloc] = await agent.allocsOf('two');
      if (change === 'restart') await agent.restartAlloc(alloc?.ID ?? '');
      else await agent.stopJob('two');
      await waitFor('a wake', () => wakes.includes('blocking'));
      const catalog = await own.read({ signal });
      expect(
        paths.filter((path) => path.startsWith('/v1/service/')),
        change,
      ).to.satisfy((asked: readonly string[]) => asked.every((path) => path === '/v1/service/two'));
      expect(catalog.services.map(({ name }) => name)).to.include.members(['one', 'three']);
      expect(catalog.trust).to.deep.equal({ removals: 'allowed' });
    }
    for (const id of others) await agent.stopJob(id, { purge: true });
    const isGone = async () =>
      (await own.read({ signal })).services.every(({ name }) => !others.includes(name));
    await waitFor('their end', isGone);
    stopper.abort();
    await done;
  });

  it('looks first at an allocation that the stream says to stop', async () => {
    const looks: unknown[] = [];
    const listening: NomadClient = {
      ...client,
      get: async (path, options) => {
        const answer = await client.get(path, options);
        if (options.query?.['prefix'] !== undefined) looks.push(answer.body);
        return answer;
      },
    };
    const reading = newReader(listening);
    let heard = '';
    const own: CatalogReader = {
      ...reading,
      hear: (line) => {
        heard += line ?? '';
        return reading.hear(line);
      },
    };
    const stopper = new AbortController();
    const { done } = startWakeSources({
      ...{ client, namespace: '*', signal: stopper.signal, log: quiet, listener: own },
      onWake: () => undefined,
      onConnected: () => undefined,
    });
    await agent.submit(appJob({ id: 'leaver', tags: [enabled] }));
    const [alloc] = await agent.waitRunning('leaver');
    await waitFor('its instance', async () =>
      (await own.read({ signal })).services.some(({ name }) => name === 'leaver'),
    );
    expect(looks).to.deep.equal([]);
    await agent.stopJob('leaver');
    // A read before that may see it in the list, and then there is nothing to look at.
    await waitFor('the event', () => heard.includes('"DesiredStatus":"stop"'));
    await own.read({ signal });
    const [[seen] = []] = looks as { ID: string; DesiredStatus: string }[][];
    expect([seen?.ID, seen?.DesiredStatus]).to.deep.equal([alloc?.ID, 'stop']);
    stopper.abort();
    await done;
  });

  it('R2.7: scaled to zero lives on, stopped is gone', async () => {
    await agent.scaleJob('web', 'web', 0);
    const zero = await until((one) => one.instances.length === 0);
    expect(zero.declarations[0]).to.include({ jobId: 'web', count: 0 });
    await waitFor('the end of the allocation', async () =>
      (await agent.allocsOf('web')).every(({ ClientStatus }) => ClientStatus !== 'running'),
    );
    expect((await until(() => true)).claimedAt).to.equal((await agent.job('web')).CreateIndex);
    await agent.stopJob('web');
    await waitFor('an empty catalog', async () => (await read()).services.length === 0);
    expect((await read()).trust.removals).to.equal('allowed');
  });

  describe('with the token', () => {
    const readWith = async (token: string): Promise<unknown> => {
      const own = createNomadClient({ settings: settingsFor(agent.url, { token }) });
      try {
        return await newReader(own).read({ signal });
      } catch (error) {
        if (!(error instanceof ConnectorError)) throw error;
        return error.code;
      } finally {
        own.close();
      }
    };

    before(async () => {
      await agent.submit(web({ version: 'v3', path: '/health' }));
      await agent.waitRunning('web');
    });

    it('of the documented policy: all is read', async () => {
      const rules = 'namespace "*" { capabilities = ["read-job", "list-jobs"] }';
      const catalog = (await readWith(await agent.mintToken('good', rules))) as Catalog;
      expect(serviceOf(catalog, 'web').instances).to.have.lengthOf(1);
    });

    it('that may read one namespace: the others are hidden', async () => {
      const rules = 'namespace "default" { capabilities = ["read-job", "list-jobs"] }';
      const token = await agent.mintToken('narrow', rules);
      const own = createNomadClient({ settings: settingsFor(agent.url, { token }) });
      const reader = newReader(own);
      expect((await reader.read({ signal })).services).to.have.lengthOf(1);
      expect(await reader.hidden(['default', 'team'], signal)).to.deep.equal(['team']);
      own.close();
    });

    it('of nobody: an error', async () => {
      expect(await readWith('')).to.equal('nomad-untrusted');
    });

    it('that is invalid: an error', async () => {
      expect(await readWith('00000000-0000-0000-0000-000000000000')).to.equal('nomad-refused');
    });

    it('that may only read-job in one namespace: an error', async () => {
      const rules = 'namespace "default" { capabilities = ["read-job"] }';
      expect(await readWith(await agent.mintToken('weak', rules))).to.equal('nomad-refused');
    });

    it('fails no read for a job ID of a megabyte, which Nomad takes', async () => {
      const spec = {
        ...appJob({ id: 'long', tags: [enabled], count: 0 }),
        ID: 'x'.repeat(1_100_000),
      };
      await agent.submit(spec);
      const catalog = await read();
      expect(catalog.trust).to.deep.equal({ removals: 'allowed' });
      expect(catalog.warnings.map(({ code }) => code)).to.include('spec-unreadable');
      await agent.request('POST', '/v1/jobs', { Job: { ...spec, Stop: true } });
      await waitFor('its end', async () => (await read()).warnings.length === 0);
    });

    it('fails no read for long job IDs that make the lists too long', async () => {
      const [alloc] = await agent.waitRunning('web');
      const many = Array.from({ length: 5 }, (_, at) => ({
        ...appJob({ id: 'longs', tags: [enabled], count: 0 }),
        ID: 'x'.repeat(200_000) + String(at),
      }));
      const repeated = {
        ...appJob({ id: 'often', tags: [enabled], count: 3 }),
        ID: 'y'.repeat(100_000),
      };
      for (const spec of many) await agent.submit(spec);
      await agent.request('POST', '/v1/jobs', { Job: repeated });
      const list = await waitFor('its allocations', async () => {
        const filter = encodeURIComponent('TaskGroup == "often"');
        const found = await agent.request('GET', `/v1/allocations?filter=${filter}`);
        return (found as readonly unknown[]).length >= 3;
      });
      expect(list).to.equal(true);
      const limits = { answerBytes: 400_000, objectBytes: 400_000 };
      const small = createNomadClient({
        settings: settingsFor(agent.url, { token: agent.token }),
        limits,
      });
      const other = newReader(small);
      for (const full of [false, true, false]) {
        const catalog = await other.read({ full, signal });
        expect(catalog.trust).to.deep.equal({ removals: 'allowed' });
        expect(catalog.allocations[alloc?.ID ?? '']?.clientStatus).to.equal('running');
        expect(serviceOf(catalog, 'web').instances.length).to.be.at.least(1);
      }
      small.close();
      for (const spec of [...many, repeated]) {
        await agent.request('POST', '/v1/jobs', { Job: { ...spec, Stop: true } });
      }
      await waitFor('their end', async () => (await read()).warnings.length === 0);
    });
  });

  /** The service in the first catalog in which it is as wanted. */
  async function until(wanted: (service: CatalogService) => boolean): Promise<CatalogService> {
    return waitFor(
      'the service as wanted',
      async () => {
        const service = serviceOf(await read(), 'web');
        return wanted(service) ? service : undefined;
      },
      { timeoutMs: 30_000, intervalMs: 100 },
    );
  }
});

function newReader(client: NomadClient): CatalogReader {
  return createCatalogReader({ client, namespace: '*', tagPrefix: 'haproxy' });
}

function web(app: { version: string; path: string; canary?: number }): JobSpec {
  return appJob({
    id: 'web',
    version: app.version,
    tags: [enabled, 'haproxy.domain=web.example.com'],
    checks: [httpCheck(app.path)],
    shutdownDelayMs: 1000,
    update: app.canary === undefined ? {} : { Canary: app.canary },
  });
}
