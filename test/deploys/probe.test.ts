import { expect } from 'chai';

import { waitFor } from '../../fixtures/process.js';
import { domainOf } from '../../fixtures/stack.js';
import { at, useDeploys } from './stack.js';

const web = domainOf('web');

describe('R11.1: an instance serves as soon as its check passes, whatever its interval', () => {
  const deploys = useDeploys();
  const slow = ['check.interval=1m'];

  it('when it listens late', async () => {
    const { stack, app, serve, load } = deploys();
    const [old, young] = [await app('old'), await app('young')];
    await young.close();
    const service = serve('web', [old], {}, slow);
    const connector = stack.connector();
    await stack.waitServed(web);
    await connector.waitSettled();
    const asked = load(web);
    service.addInstance(at(young));
    await waitFor('the instance to be bound', async () => {
      const servers = await stack.loadedServers('nomad_web');
      return servers.some(({ port, admin, up }) => port === young.port && admin === 'ready' && !up);
    });
    await young.open();
    await stack.waitBalanced(web, [old, young]);
    expect(await asked.stop()).to.deep.equal([]);
  });
});
