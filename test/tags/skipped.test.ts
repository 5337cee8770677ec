import { expect } from 'chai';

import type { Echo } from './echo.js';
import { type Change, inRules, startWorld, until, type World } from './world.js';

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
    it(`is served on by its last good section and routes, without a reload, in ${mode} mode`, async () => {
      const change: Change = (settings) => (mode === 'rules' ? inRules(settings) : settings);
      const names = ['one', 'two', 'three'].map((name) => `${mode}-${name}`);
      const handles = names.map((name) =>
        world.serve(name, [`domain=${name}.example.com`, 'check.disabled=true'], {
          instances: [{ address: app.address, port: app.port }],
        }),
      );
      await world.converge(change);
      const worker = await world.stack.dp.haproxy.workerPid();
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
      expect(await world.stack.dp.haproxy.workerPid()).to.equal(worker);
      for (const name of [names[0], names[2]]) {
        expect((await world.ask(`${name}.example.com`)).got?.app, name).to.equal('app');
      }
      expect((await world.ask(`${names[1]}.example.com`)).status).to.equal(200);
      // Its instances come and go all the same.
      await until('the new instance answers', async () => {
        return (await world.ask(`${names[1]}.example.com`)).got?.app === 'late';
      });
      expect(await world.stack.dp.haproxy.workerPid()).to.equal(worker);
      for (const name of names) world.stack.nomad.removeService(name);
      await world.converge(change);
    });
  }
});
