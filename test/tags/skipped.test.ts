import { expect } from 'chai';

import type { Echo } from './echo.js';
import { type Change, inRules, startWorld, type World } from './world.js';

describe('a service whose tags become invalid', () => {
  let world: World;
  let app: Echo;
  let late: Echo;

  before(async () => {
    world = await startWorld();
    app = await world.app('app');
    late = await world.app('late');
  });
  after(() => world.close());

  for (const mode of ['map', 'rules'] as const) {
    it(`is served on as it was, without a reload, in ${mode} mode`, async () => {
      const change: Change = (settings) => (mode === 'rules' ? inRules(settings) : settings);
      const names = ['one', 'two', 'three'].map((name) => `${mode}-${name}`);
      const handles = names.map((name) =>
        world.serve(name, [`domain=${name}.example.com`, 'check.disabled=true'], {
          instances: [{ address: app.address, port: app.port }],
        }),
      );
      await world.converge(change);
      const worker = await world.stack.dp.haproxy.workerPid();
      world.stack.proxy.clear();
      handles[1]!.update((group) => {
        const service = group.Services![0]!;
        const Tags = [...service.Tags!, 'haproxy.weight=much'];
        return { ...group, Services: [{ ...service, Tags }] };
      });
      handles[1]!.addInstance({ address: late.address, port: late.port });
      const { rest, reloads } = await world.pass(change);
      expect(rest.skipped.map(({ service, code }) => [service, code])).to.deep.equal([
        [`default/${mode}-two`, 'invalid-tag'],
      ]);
      expect(reloads).to.deep.equal([]);
      expect(world.stack.proxy.writes()).to.deep.equal([]);
      expect(await world.stack.dp.haproxy.workerPid()).to.equal(worker);
      for (const name of names) {
        expect((await world.ask(`${name}.example.com`)).got?.app, name).to.equal('app');
      }
      for (const name of names) world.stack.nomad.removeService(name);
      await world.converge(change);
    });
  }
});
