import { expect } from 'chai';

import { domainOf } from '../../fixtures/stack.js';
import { type Sending, send } from './load.js';
import { allocOf, at, serverLines, useDeploys } from './stack.js';

const web = domainOf('web');
const keys = Array.from({ length: 60 }, (_, at) => `key-${at}`);

const kinds: readonly (readonly [string, (key: string) => Omit<Sending, 'host'>])[] = [
  ['uri', (key) => ({ path: `/${key}` })],
  ['hdr(X-User)', (key) => ({ headers: { 'x-user': key } })],
];

/** R8.4: what a key leads to depends on the instances, not on where they stand. */
describe('consistent hashing', () => {
  const deploys = useDeploys();
  for (const [balance, ask] of kinds) {
    it(`by ${balance} keeps every key when instances change places`, async () => {
      const { stack, apps, serve } = deploys();
      const served = await apps('a', 'b', 'c', 'd');
      const service = serve('web', served, {}, [`load-balance=${balance}`]);
      const connector = stack.connector();
      await stack.waitServed(web);
      const settled = async (): Promise<string[]> => {
        await connector.waitSettled();
        const up = async () => (await stack.loadedServers('nomad_web')).filter((one) => one.up);
        while ((await up()).length < served.length) await connector.waitSettled();
        const answers: string[] = [];
        for (const key of keys) answers.push((await send(stack, { host: web, ...ask(key) })).body);
        return answers;
      };
      const placesOf = async (): Promise<string[]> =>
        (await serverLines(stack, 'nomad_web'))
          .filter((line) => !line.includes(' 127.0.0.1:9 '))
          .map((line) => line.split(' ').slice(1, 3).join(' '))
          .sort();
      const before = await settled();
      const places = await placesOf();
      expect(new Set(before).size).to.equal(served.length);
      const inOrder = places.flatMap((place) =>
        served.filter(({ port }) => place.endsWith(`:${port}`)),
      );
      const moved = inOrder.slice(0, 3).reverse();
      for (const app of moved) stack.nomad.stopAlloc(allocOf(stack.nomad, app), 'deregistered');
      await connector.waitSettled();
      for (const app of moved) {
        service.addInstance(at(app));
        await connector.waitSettled();
      }
      expect(await placesOf()).not.to.deep.equal(places);
      expect(await settled()).to.deep.equal(before);
    });
  }
});
