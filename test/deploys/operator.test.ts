import { expect } from 'chai';

import { type Dirs, baseHaproxyConfig } from '../../fixtures/dataplane/config.js';
import { freePort } from '../../fixtures/ports.js';
import { type Started, waitFor } from '../../fixtures/process.js';
import { type Stack, domainOf } from '../../fixtures/stack.js';
import type { WatchedApp } from './app.js';
import { at, useDeploys } from './stack.js';

const web = domainOf('web');

type Configuration = (dirs: Dirs, port: number) => string;

function without(line: RegExp): Configuration {
  return (dirs, port) => baseHaproxyConfig(dirs, port).replace(line, '');
}

interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly code?: string;
  readonly subject?: string;
  readonly detail?: string;
}

/** The program itself, for what it says and counts. */
class Daemon {
  constructor(
    readonly process: Started,
    readonly port: number,
  ) {}

  warnings(message: string): LogLine[] {
    return this.process
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogLine)
      .filter((line) => line.level === 'warn' && line.message === message);
  }

  async degraded(): Promise<string[]> {
    const text = await (await fetch(`http://127.0.0.1:${this.port}/metrics`)).text();
    const found = text.matchAll(/^haproxy_nomad_connector_degraded\{code="([^"]+)"\} 1$/gm);
    return [...found].map(([, code]) => code ?? '').sort();
  }
}

async function startDaemon(stack: Stack): Promise<Daemon> {
  const port = await freePort();
  return new Daemon(await stack.spawnConnector(['--http-listen', `127.0.0.1:${port}`]), port);
}

/** R4.3: checked at the start, explained once, and the product works all the same. */
describe("the operator's part is missing", function () {
  this.timeout(120_000);

  const lacks = {
    'no-server-state-file': without(/ {2}server-state-file .*\n/),
    'no-hard-stop-after': without(/ {2}hard-stop-after .*\n/),
    'no-idle-close-on-response': without(/ {2}option idle-close-on-response\n/),
  };
  for (const [code, haproxyConfig] of Object.entries(lacks)) {
    describe(code, () => {
      const deploys = useDeploys({ haproxyConfig });

      it('is said once and counted, and deployments work', async () => {
        const { stack, app, serve, load, reloads } = deploys();
        const [old, young] = [await app('old'), await app('young', { healthy: false })];
        const service = serve('web', [old]);
        const daemon = await startDaemon(stack);
        await stack.waitServed(web, [old]);
        const before = await reloads();
        const asked = load(web);
        service.addInstance(at(young));
        await waitFor('refused checks', () => young.events.length > 3);
        await asked.more(30);
        expect(young.served).to.equal(0);
        young.healthy = true;
        await stack.waitBalanced(web, [old, young]);
        stack.nomad.stopAlloc(service.allocs[0]!.ID, 'deregistered');
        await stack.waitBalanced(web, [young]);
        expect(await reloads()).to.equal(before);
        // And what costs a reload.
        serve('other', [young]);
        await stack.waitServed(domainOf('other'), [young]);
        await stack.waitBalanced(web, [young]);
        expect(await daemon.degraded()).to.deep.equal([code]);
        const said = daemon.warnings('degraded');
        expect(said.map((line) => line.code)).to.deep.equal([code]);
        expect(said[0]?.detail).to.match(/ has no /);
        const failures = await asked.stop();
        // Without what it misses, a reload may cost requests; nothing else may.
        expect(failures.filter((failure) => failure.startsWith('4'))).to.deep.equal([]);
      });
    });
  }

  describe('in a backend of his own', () => {
    const shop = '\nbackend shop\n  balance roundrobin\n  server theirs 127.0.0.1:9 disabled\n';
    const deploys = useDeploys({
      haproxyConfig: (dirs, port) =>
        baseHaproxyConfig(dirs, port).replace(/ {2}option redispatch 1\n/, '') + shop,
    });
    const custom = ['haproxy.enable=true', 'haproxy.backend=custom', 'haproxy.backend.name=shop'];

    it('is said only where servers of ours are', async () => {
      const { stack, apps, serve } = deploys();
      const [a, b] = (await apps('a', 'b')) as [WatchedApp, WatchedApp];
      serve('web', [a]);
      const daemon = await startDaemon(stack);
      await stack.waitServed(web);
      expect(await daemon.degraded()).to.deep.equal([]);
      serve('shop', [b], { tags: [...custom, `haproxy.domain=${domainOf('shop')}`] });
      await stack.waitServed(domainOf('shop'), [b]);
      const codes = ['custom-backend-redispatch', 'custom-backend-state'];
      await waitFor('both codes', async () => (await daemon.degraded()).join() === codes.join());
      const said = daemon.warnings('degraded');
      expect(said.map(({ code }) => code)).to.have.members(codes);
      for (const { detail } of said) expect(detail).to.include('backend shop');
    });
  });

  describe('nothing', () => {
    const deploys = useDeploys();

    it('nothing is said; and a job without shutdown_delay is named once, however many services it has', async () => {
      const { stack, apps, serve } = deploys();
      const [a, b, c] = (await apps('a', 'b', 'c')) as [WatchedApp, WatchedApp, WatchedApp];
      const service = serve('web', [a], { job: { ID: 'two' } });
      serve('api', [a], { job: { ID: 'two' } });
      serve('patient', [b], { shutdownDelayMs: 3000 });
      serve('hasty', [b]);
      const daemon = await startDaemon(stack);
      for (const name of ['web', 'api', 'patient', 'hasty']) {
        await stack.waitServed(domainOf(name));
      }
      // More passes, and a new version of the job.
      service.addInstance(at(c));
      await stack.waitBalanced(web, [a, c]);
      service.update((group) => ({ ...group, Meta: { version: '2' } }));
      stack.nomad.stopAlloc(service.allocs[0]!.ID, 'deregistered');
      await stack.waitBalanced(web, [c]);
      const said = daemon
        .warnings('catalog warning')
        .filter(({ code }) => code === 'no-shutdown-delay')
        .map(({ subject }) => subject);
      expect(said.sort()).to.deep.equal(['default/hasty', 'default/two']);
      expect(daemon.warnings('degraded')).to.deep.equal([]);
      expect(await daemon.degraded()).to.deep.equal([]);
    });
  });
});
