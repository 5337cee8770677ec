import { expect } from 'chai';

import type { App } from '../../fixtures/apps/app.js';
import type { ServiceHandle } from '../../fixtures/nomad/services.js';
import type { SeenRequest } from '../../fixtures/stack/interceptor.js';
import type { ConnectorOptions } from '../../fixtures/stack/connector.js';
import { domainOf } from '../../fixtures/stack.js';
import type { Settings } from '../../src/config/types.js';
import { updateInPlace } from '../deploys/stack.js';
import { at, reloadsOf, until } from './helpers.js';
import { useStack } from './stack.js';

const isCommit = ({ method, path }: SeenRequest): boolean =>
  method === 'PUT' && path.includes('/transactions/');

/** R6.1, R6.3: however many wakes there are, what fails is tried once in each step of the backoff. */
describe('the loop, while everything fails and Nomad changes all the time', () => {
  const stack = useStack();
  let apps: App[];
  let web: ServiceHandle;
  let changes: NodeJS.Timeout | undefined;

  const slow: ConnectorOptions = {
    settings: (one: Settings) => ({
      ...one,
      sync: { ...one.sync, backoffMinMs: 200, backoffMaxMs: 60_000 },
    }),
  };

  beforeEach(async () => {
    apps = await Promise.all(['a', 'b'].map((name) => stack().app(name)));
    web = stack().serve('web', apps.slice(0, 1));
  });
  afterEach(() => clearInterval(changes));

  /** An instance comes and goes, so that every wake source has news. */
  const changeConstantly = (): void => {
    const instance = at(apps.at(-1)!);
    let last = web.addInstance(instance);
    changes = setInterval(() => (last = web.replaceInstance(last.ID, instance)), 20);
  };

  const noSpace = { answer: { status: 500, body: { message: 'no space left' } } };
  const failing: Readonly<Record<string, () => void>> = {
    'the data plane answers commits with 500': () =>
      stack().proxy.onRequest((seen) => (isCommit(seen) ? noSpace : undefined)),
    'the data plane loses commits': () =>
      stack().proxy.onRequest((seen) => (isCommit(seen) ? 'cut' : undefined)),
    'the data plane answers nothing': () => stack().proxy.onRequest(() => 'cut'),
    'Nomad answers 500, and its stream goes on': () =>
      (stack().nomad.faults.http500 = '/v1/services'),
  };
  for (const [what, fail] of Object.entries(failing)) {
    it(`${what}: at most one commit in each step, and few passes`, async () => {
      const connector = stack().connector(slow);
      await connector.waitSettled();
      const reloads = await reloadsOf(stack());
      stack().serve('late', apps.slice(0, 1));
      fail();
      stack().proxy.clear();
      const wakes = connector.wakes.length;
      const passes = connector.results.length;
      const began = performance.now();
      changeConstantly();
      await until(() => connector.failures.length >= 4);
      // Three waits lie between four passes, each at least half of its step: 200, 400 and 800 ms.
      expect(performance.now() - began).to.be.above(690);
      const seen = stack().proxy.seen();
      expect(connector.wakes.length - wakes).to.be.above(20);
      expect(seen.filter(isCommit).length).to.be.at.most(4);
      // Before each pass that commits, one may only gather; the next one's may be over already.
      const others = connector.results.slice(passes);
      expect(others.filter(({ rest }) => !rest.gathering)).to.deep.equal([]);
      expect(others.length).to.be.at.most(4 + 1);
      expect(connector.failures.length).to.be.at.most(4 + 1);
      expect(await reloadsOf(stack())).to.equal(reloads);
      clearInterval(changes);
      stack().proxy.onRequest(undefined);
      stack().nomad.faults.http500 = false;
      await stack().waitServed(domainOf('late'), apps.slice(0, 1));
    });
  }

  it('a doubt that lasts is looked at less and less often', async () => {
    const gone = stack().serve('gone', apps.slice(1));
    stack().nomad.addService({ name: 'secret', tags: [], instances: [] });
    stack().nomad.faults.unreadableJobs = ['secret'];
    const connector = stack().connector(slow);
    await connector.waitConverged();
    updateInPlace(stack(), gone, ['another']);
    await until(() => connector.results.at(-1)?.rest.held);
    const began = performance.now();
    // The pass that goes at once is followed by one for the rest of the same change.
    const { length } = connector.results;
    await until(() => connector.results.length >= length + 4);
    expect(connector.results.at(-1)?.rest.held).not.to.equal(undefined);
    expect(performance.now() - began).to.be.above(3400);
  });
});
