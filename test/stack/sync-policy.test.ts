import { expect } from 'chai';

import type { App } from '../../fixtures/apps/app.js';
import { domainOf } from '../../fixtures/stack.js';
import type { SyncPolicy } from '../../src/config/types.js';
import type { PlanDocument } from '../../src/diff/print/print.js';
import { reloadsOf, until } from './helpers.js';
import { useStack } from './stack.js';

/** What external-dns users know: a job that is purged takes neither its route nor its backend along. */
describe('sync.policy', function () {
  this.timeout(180_000);
  const stack = useStack();
  let web: App;
  let other: App;
  beforeEach(async () => {
    [web, other] = [await stack().app('a'), await stack().app('b')];
    stack().serve('web', [web]);
    stack().serve('other', [other]);
  });

  const host = domainOf('web');
  const status = async (): Promise<number> => (await stack().request(host)).status;
  const planUnder = async (policy: SyncPolicy): Promise<PlanDocument & { code: number | null }> => {
    const args = ['--dry-run', '--detailed-exitcode', '--output', 'json', '--policy', policy];
    const { code, stdout } = await stack().run([...args, '--allow-removals']);
    return { ...(JSON.parse(stdout) as PlanDocument), code };
  };

  for (const mode of ['map', 'rules']) {
    const once = (policy: SyncPolicy) =>
      stack().run(['--once', '--allow-removals', '--routing-mode', mode, '--policy', policy]);

    it(`${mode} mode: a purged job answers 503 until the policy is sync again`, async () => {
      expect((await once('upsert-only')).code).to.equal(0);
      await stack().waitServed(host, [web]);
      await stack().waitServed(domainOf('other'), [other]);
      const reloads = await reloadsOf(stack());

      stack().nomad.removeService('web');
      const held = await once('upsert-only');
      expect(held.code, held.stderr).to.equal(0);
      expect(held.stdout).to.include('kept, as sync.policy says: remove backend nomad_web');
      await until(async () => (await status()) === 503);
      await until(async () => {
        await once('upsert-only');
        return (await stack().loadedServers('nomad_web')).every(({ admin }) => admin === 'maint');
      });
      expect(await status()).to.equal(503);
      expect(await stack().configuration()).to.match(/^backend nomad_web\b/m);
      expect(await reloadsOf(stack())).to.equal(reloads);
      expect((await once('upsert-only')).stdout).to.match(/No changes, [23] kept\.\n$/);

      stack().serve('web', [web]);
      expect((await once('upsert-only')).code).to.equal(0);
      await stack().waitServed(host, [web]);
      expect(await reloadsOf(stack())).to.equal(reloads);

      stack().nomad.removeService('web');
      expect((await once('sync')).code).to.equal(0);
      await until(async () => (await status()) !== 503);
      expect(await stack().configuration()).not.to.match(/nomad_web/);
      await stack().waitServed(domainOf('other'), [other]);
    });
  }

  it('what is kept is in the plan, is not pending, and a saved plan holds its policy', async () => {
    const connector = stack().connector({
      settings: (one) => ({
        ...one,
        guard: { ...one.guard, allowRemovals: true },
        sync: { ...one.sync, policy: 'upsert-only' },
      }),
    });
    await connector.waitSettled();
    stack().nomad.removeService('web');
    // The first pass may see the purge halfway: the job gone, its instance still registered.
    await until(async () => {
      const { desired } = await connector.waitSettled();
      return !desired.backends.some(({ service }) => service === 'default/web');
    });
    const { rest } = await connector.waitSettled();
    expect(rest.kept?.map(({ kind }) => kind)).to.have.members(['delete-backend', 'delete-entry']);
    expect(connector.failures).to.deep.equal([]);
    await connector.stop();
    const { code, changes, noChanges, kept } = await planUnder('upsert-only');
    expect([code, changes, noChanges]).to.deep.equal([0, [], true]);
    expect(kept).to.deep.equal([
      { action: 'remove', subject: 'backend nomad_web', detail: 'default/web' },
      { action: 'remove', subject: `route ${host}` },
    ]);
    expect(await planUnder('sync'))
      .to.include({ code: 2 })
      .and.not.have.property('kept');

    const file = `${stack().dp.dirs.root}/plan.json`;
    await stack().run(['--dry-run', '--policy', 'upsert-only', '--plan-out', file]);
    const ended = await stack().run(['--once', '--plan', file]);
    expect(ended.code).to.equal(5);
    expect(ended.stderr).to.include('it is for sync.policy \\"upsert-only\\", not \\"sync\\"');
  });

  it('can not adopt under another policy than sync', async () => {
    const { code, stderr } = await stack().run(['--once', '--adopt', '--policy', 'upsert-only']);
    expect(code).to.equal(64);
    expect(stderr).to.include('ownership.adopt removes what it takes over');
  });
});
