import { expect } from 'chai';

import type { ServiceHandle } from '../../fixtures/nomad/services.js';
import { waitFor } from '../../fixtures/process.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import { domainOf } from '../../fixtures/stack.js';
import type { Settings } from '../../src/config/types.js';
import type { WatchedApp } from './app.js';
import { send } from './load.js';
import { allocOf, at, checkedTags, countedReloads, useDeploys } from './stack.js';

const web = domainOf('web');
const asked = { 'x-canary': 'always' };

for (const mode of ['map', 'rules'] as const) {
  describe(`a canary that requests ask for by a header, in ${mode} mode`, () => {
    const deploys = useDeploys();
    let old: WatchedApp[];
    let service: ServiceHandle;
    let connector: Connector;

    const settings = (same: Settings): Settings => ({
      ...same,
      routing: { ...same.routing, mode },
    });

    async function start(header = 'X-Canary:always', ...more: string[]): Promise<void> {
      const { stack, apps, serve } = deploys();
      old = await apps('a1', 'a2');
      service = serve('web', old, {}, [`canary.header=${header}`, ...more]);
      connector = stack.connector({ settings });
      await stack.waitBalanced(web, old);
      await connector.waitSettled();
    }

    /** Placed and registered, whether its check passes or not. */
    async function canary(name: string, options = {}): Promise<WatchedApp> {
      const app = await deploys().app(name, options);
      service.update((group) => ({ ...group, Meta: { version: name } }));
      service.addInstance({ ...at(app), canary: true });
      return app;
    }

    const names = (answers: Readonly<Record<string, number>>): string[] =>
      Object.keys(answers).sort();

    async function answersTo(headers: Readonly<Record<string, string>>): Promise<string[]> {
      const load = deploys().load(web, { headers });
      await load.more(40);
      expect(await load.stop()).to.deep.equal([]);
      return names(load.answers);
    }

    async function reached(by: string): Promise<void> {
      const { stack } = deploys();
      await waitFor(`${by} for those who ask`, async () => {
        const { body } = await send(stack, { host: web, headers: asked });
        return body === by;
      });
    }

    it('gets those, and nobody else; promoted, it takes over without loss or reload', async () => {
      await start();
      const { stack, load, reloads } = deploys();
      const before = await reloads();
      const plain = [load(web), load(web, { method: 'POST', keepAlive: true })];
      const asking = [
        load(web, { headers: asked }),
        load(web, { headers: asked, method: 'POST', keepAlive: true }),
      ];
      await asking[0]!.more(10);
      expect(names(asking[0]!.answers), 'no canary yet').to.deep.equal(['a1', 'a2']);
      const app = await canary('canary');
      await reached('canary');
      expect(await answersTo(asked)).to.deep.equal(['canary']);
      expect(await answersTo({})).to.deep.equal(['a1', 'a2']);
      expect(await answersTo({ 'x-canary': 'other' })).to.deep.equal(['a1', 'a2']);
      expect(names(plain[0]!.answers)).to.deep.equal(['a1', 'a2']);
      stack.nomad.promote('web');
      await waitFor('requests of all', async () => (await answersTo({})).includes('canary'));
      for (const one of old) stack.nomad.stopAlloc(allocOf(stack.nomad, one), 'deregistered');
      await stack.waitBalanced(web, [app]);
      await connector.waitSettled();
      for (const one of [...plain, ...asking]) expect(await one.stop()).to.deep.equal([]);
      expect(await reloads()).to.equal(before);
    });

    it('gets nothing before its check has passed, nor when it fails, nor once it leaves', async () => {
      await start();
      const { stack, load, reloads, otherWriter } = deploys();
      const before = await reloads();
      const asking = load(web, { headers: asked });
      const app = await canary('canary', { healthy: false });
      await waitFor('a check', () => app.events.includes('refused'));
      await asking.more(40);
      expect(app.served, 'while its check fails').to.equal(0);
      app.healthy = true;
      await reached('canary');
      expect(app.events.indexOf('passed')).to.be.lessThan(app.events.indexOf('request'));
      expect(await reloads()).to.equal(before);
      await connector.waitConverged();
      await otherWriter('theirs');
      expect(await answersTo(asked), 'after a reload').to.deep.equal(['canary']);
      app.healthy = false;
      await waitFor('the others', async () => (await answersTo(asked)).join() === 'a1,a2');
      app.healthy = true;
      await reached('canary');
      stack.nomad.setDeploymentStatus('web', 'failed');
      stack.nomad.stopAlloc(allocOf(stack.nomad, app), 'deregistered');
      await connector.waitSettled();
      const served = app.served;
      await asking.more(40);
      expect(app.served, 'after it left').to.equal(served);
      expect(await asking.stop()).to.deep.equal([]);
    });

    it('shares them with the other canaries that are UP', async () => {
      await start();
      const { stack, load } = deploys();
      const asking = load(web, { headers: asked });
      const first = await canary('c1');
      await reached('c1');
      const second = await canary('c2', { healthy: false });
      await waitFor('a check', () => second.events.includes('refused'));
      await connector.waitConverged();
      expect(await answersTo(asked), 'the other is DOWN').to.deep.equal(['c1']);
      second.healthy = true;
      await waitFor('both', async () => (await answersTo(asked)).join() === 'c1,c2');
      const before = { ...asking.answers };
      stack.nomad.stopAlloc(allocOf(stack.nomad, first), 'deregistered');
      await waitFor('one', async () => (await answersTo(asked)).join() === 'c2');
      expect(asking.answers['a1'], 'stable ones meanwhile').to.equal(before['a1']);
      expect(await asking.stop()).to.deep.equal([]);
    });

    it('a name alone takes any value but never; a weight gives the others a share', async () => {
      await start('X-Canary', 'canary.weight=100');
      await canary('canary');
      await reached('canary');
      expect(await answersTo({ 'X-Canary': '1' })).to.deep.equal(['canary']);
      expect(await answersTo({ 'x-canary': 'never' })).to.include('a1');
      expect(await answersTo({})).to.deep.equal(['a1', 'a2', 'canary']);
    });

    it('gets those of sticky clients too, who go back to where they were without it', async () => {
      await start('X-Canary:always', 'cookie=SRV');
      const { stack } = deploys();
      await canary('canary');
      await reached('canary');
      const first = await send(stack, { host: web });
      const cookie = first.cookie ?? '';
      expect([cookie, first.body]).to.not.include.members(['', 'canary']);
      for (let n = 0; n < 4; n++) {
        const tried = await send(stack, { host: web, headers: { ...asked, cookie } });
        expect([tried.body, tried.cookie]).to.deep.equal(['canary', undefined]);
        expect((await send(stack, { host: web, headers: { cookie } })).body).to.equal(first.body);
      }
      const fresh = await send(stack, { host: web, headers: asked });
      expect([fresh.body, fresh.cookie]).to.deep.equal(['canary', undefined]);
    });

    it('the tag that only canaries have costs one reload, with its reason', async () => {
      const { stack, apps, serve, load } = deploys();
      old = await apps('a1', 'a2');
      service = serve('web', old);
      connector = stack.connector({ settings });
      await stack.waitBalanced(web, old);
      await connector.waitSettled();
      const plain = load(web);
      const tags = checkedTags('web', ['canary.header=X-Canary:always']);
      const before = countedReloads(connector).length;
      service.update((group) => ({
        ...group,
        Services: [{ ...group.Services![0]!, CanaryTags: tags }],
      }));
      const app = await deploys().app('canary');
      service.addInstance({ ...at(app), canary: true });
      await reached('canary');
      // The pass that brought it may still be reading back.
      await connector.waitSettled();
      expect(countedReloads(connector).slice(before)).to.deep.equal(['changed-backend']);
      expect(await plain.stop()).to.deep.equal([]);
      expect(names(plain.answers)).to.deep.equal(['a1', 'a2']);
    });
  });
}
