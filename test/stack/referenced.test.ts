import { expect } from 'chai';

import { domainOf } from '../../fixtures/stack.js';
import { countedReloads, shopTags, useDeploys, withoutGuard, withShop } from '../deploys/stack.js';

const ruled = (line: string) => (text: string) =>
  text.replace('  default_backend operator_default', line);

describe("the operator's rules name a backend of ours, and its service leaves", () => {
  const deploys = useDeploys();

  for (const [what, line] of [
    [
      'use_backend and default_backend',
      '  use_backend nomad_web if { path_beg /special }\n  default_backend nomad_web',
    ],
    [
      'nbsrv() and a table',
      '  http-request set-var(txn.n) nbsrv(nomad_web)\n  http-request track-sc0 src table nomad_web\n  default_backend operator_default',
    ],
  ] as const) {
    it(`${what}: it stays, empty, and is reported; all else goes on`, async () => {
      const { stack, apps, serve, reloads } = deploys();
      const [a, b, c] = await apps('a', 'b', 'c');
      serve('web', [a!], {}, ['rate-limit=1000/1s']);
      serve('shop', [b!]);
      const connector = stack.connector({ settings: withoutGuard });
      await connector.waitSettled();
      await stack.editConfiguration(ruled(line));
      await connector.waitSettled();
      const [before, counted] = [await reloads(), countedReloads(connector).length];
      stack.nomad.removeService('web');
      const { rest } = await connector.waitSettled();
      expect(rest.problems.map(({ code }) => code)).to.deep.equal(['backend-referenced']);
      expect(rest.problems[0]?.message).to.contain('frontend http_front, line ');
      const servers = await stack.loadedServers('nomad_web');
      expect(servers.map(({ admin }) => admin)).to.deep.equal(servers.map(() => 'maint'));

      serve('late', [c!]);
      await stack.waitServed(domainOf('late'), [c!]);
      await connector.waitSettled();
      stack.nomad.removeService('late');
      await connector.waitSettled();
      stack.nomad.removeService('shop');
      await connector.waitSettled();
      const text = await stack.configuration();
      expect(text).not.to.match(/^backend nomad_(late|shop)/m);
      expect(text).to.match(/^backend nomad_web/m);
      expect(connector.failures).to.deep.equal([]);
      expect(await reloads()).to.equal(before + countedReloads(connector).length - counted);
      expect((await reloads()) - before).to.be.at.most(3);

      // The line goes, and so does the backend.
      await stack.editConfiguration((now) =>
        now
          .split('\n')
          .filter((one) => !/^\s+(use_backend|default_backend|http-request) .*nomad_web/.test(one))
          .join('\n'),
      );
      const last = await connector.waitSettled();
      expect(last.rest.problems).to.deep.equal([]);
      expect(await stack.configuration()).not.to.match(/^backend nomad_web/m);
    });
  }

  it('--once exits with an error that names the line', async () => {
    const { stack, apps, serve } = deploys();
    serve('web', await apps('a'));
    await stack.run(['--once']);
    await stack.editConfiguration(ruled('  default_backend nomad_web'));
    stack.nomad.removeService('web');
    const run = await stack.run(['--once', '--allow-removals']);
    expect(run.code).to.equal(1);
    expect(run.stdout + run.stderr).to.contain('default_backend nomad_web');
  });
});

describe("the operator's rules name a server of ours in a backend of theirs, and it leaves", () => {
  const deploys = useDeploys({ haproxyConfig: withShop });

  for (const line of [
    '  use-server nomad_shop_1 if { path_beg /first }',
    '  acl first srv_is_up(shop/nomad_shop_1)',
  ]) {
    it(`${line.trim()}: it stays, empty, and is reported; all else goes on`, async () => {
      const { stack, apps, serve, reloads } = deploys();
      const [a, b, c] = await apps('a', 'b', 'c');
      serve('shop', [a!, b!], { tags: shopTags });
      const connector = stack.connector({ settings: withoutGuard });
      await connector.waitSettled();
      await stack.editConfiguration((text) =>
        text.replace('  server theirs', `${line}\n  server theirs`),
      );
      await connector.waitSettled();
      stack.nomad.removeService('shop');
      const { rest } = await connector.waitSettled();
      expect(rest.problems.map(({ code }) => code)).to.deep.equal(['backend-referenced']);
      expect(rest.problems[0]?.message).to.contain(line.trim());
      serve('late', [c!]);
      await stack.waitServed(domainOf('late'), [c!]);
      await connector.waitSettled();
      const servers = (await stack.loadedServers('shop')).filter(({ name }) => name !== 'theirs');
      expect(servers.map(({ admin }) => admin)).to.deep.equal(servers.map(() => 'maint'));
      expect(connector.failures).to.deep.equal([]);
      const before = await reloads();
      await stack.editConfiguration((text) => text.replace(line, ''));
      const last = await connector.waitSettled();
      expect(last.rest.problems).to.deep.equal([]);
      expect(await stack.configuration()).not.to.contain('nomad_shop');
      expect((await reloads()) - before).to.be.at.most(2);
    });
  }
});
