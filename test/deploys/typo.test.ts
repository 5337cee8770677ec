import { expect } from 'chai';

import type { ServiceHandle } from '../../fixtures/nomad/services.js';
import { waitFor } from '../../fixtures/process.js';
import { domainOf } from '../../fixtures/stack.js';
import type { WatchedApp } from './app.js';
import { allocOf, at, checkedTags, servingPorts, shopTags, useDeploys, withShop } from './stack.js';

const web = domainOf('web');
const shop = 'shop.example.com';

type Four = [WatchedApp, WatchedApp, WatchedApp, WatchedApp];

/** R4.4, R2.2: a slip in a tag costs what the tag says, and no request. */
describe('a rolling deploy of a version with a typo in its tags', () => {
  /** One instance after the other: the new one comes, is UP, and the old one leaves. */
  async function roll(
    deploys: ReturnType<ReturnType<typeof useDeploys>>,
    service: ServiceHandle,
    backend: string,
    tags: readonly string[],
    pairs: readonly (readonly [old: WatchedApp, next: WatchedApp])[],
  ): Promise<void> {
    const { stack } = deploys;
    service.update((group) => ({
      ...group,
      Services: [{ ...group.Services![0]!, Tags: [...tags] }],
    }));
    for (const [old, next] of pairs) {
      service.addInstance(at(next));
      await waitFor(`${next.name} to serve`, async () =>
        (await servingPorts(stack, backend)).includes(next.port),
      );
      stack.nomad.stopAlloc(allocOf(stack.nomad, old), 'deregistered');
    }
  }

  describe('in a backend of its own', () => {
    const deploys = useDeploys();
    for (const typo of ['maxconn=1k', 'backend=costum', 'check.type=htpp', 'enable=ture']) {
      it(`haproxy.${typo}: new instances serve, old ones drain, no request is lost`, async () => {
        const { stack, apps, serve, load, reloads } = deploys();
        const [a, b, c, d] = (await apps('a', 'b', 'c', 'd')) as Four;
        const service = serve('web', [a, b]);
        const connector = stack.connector();
        await stack.waitBalanced(web, [a, b]);
        await connector.waitSettled();
        const before = await reloads();
        const asked = load(web);
        const tags = checkedTags('web', [typo]).filter(
          (tag) => !typo.startsWith('enable') || tag !== 'haproxy.enable=true',
        );
        await roll(deploys(), service, 'nomad_web', tags, [
          [a, c],
          [b, d],
        ]);
        await stack.waitBalanced(web, [c, d]);
        const { rest } = await connector.waitConverged();
        expect(rest.skipped.map(({ code }) => code)).to.deep.equal(['invalid-tag']);
        await asked.more(30);
        expect(await asked.stop()).to.deep.equal([]);
        expect(await reloads()).to.equal(before);
      });
    }
  });

  describe("in the operator's backend", () => {
    const deploys = useDeploys({ haproxyConfig: withShop });
    const typos = ['backend=costum', 'backend.name=sho p', 'backend.name=shpo'];
    for (const typo of typos) {
      it(`haproxy.${typo}: new instances serve there, old ones drain, no request is lost`, async () => {
        const { stack, apps, serve, load, reloads } = deploys();
        const [a, b, c, d] = (await apps('a', 'b', 'c', 'd')) as Four;
        const service = serve('web', [a, b], { tags: shopTags });
        const connector = stack.connector();
        await stack.waitBalanced(shop, [a, b]);
        await connector.waitSettled();
        const before = await reloads();
        const asked = load(shop);
        const [key] = typo.split('=');
        const others = shopTags.filter((tag) => !tag.startsWith(`haproxy.${key}=`));
        await roll(
          deploys(),
          service,
          'shop',
          [...others, `haproxy.${typo}`],
          [
            [a, c],
            [b, d],
          ],
        );
        await stack.waitBalanced(shop, [c, d]);
        const { rest } = await connector.waitConverged();
        expect(rest.skipped).to.have.length(1);
        await asked.more(30);
        expect(await asked.stop()).to.deep.equal([]);
        expect(await reloads()).to.equal(before);
      });
    }
  });
});
