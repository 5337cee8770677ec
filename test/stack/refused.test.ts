import { expect } from 'chai';

import type { App } from '../../fixtures/apps/app.js';
import type { SeenRequest } from '../../fixtures/stack/interceptor.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import { domainOf, enabledTags } from '../../fixtures/stack.js';
import { reloadsOf } from './helpers.js';
import { useStack } from './stack.js';

const isCommit = ({ method, path }: SeenRequest): boolean =>
  method === 'PUT' && path.includes('/transactions/');

/** Nobody but HAProxy itself can know that two tables may not have one name. */
const table = '\nfrontend nomad_bad\n  mode http\n  stick-table type ip size 1k\n';

/** R6.3: what the operator mends is served without anybody telling the connector. */
describe('a service that HAProxy refuses', () => {
  const stack = useStack();
  let app: App;
  let connector: Connector;

  beforeEach(async () => {
    app = await stack().app('a');
    stack().serve('good', [app]);
    connector = stack().connector();
    await connector.waitSettled();
    await stack().editConfiguration((text) => text + table);
    const tags = [...enabledTags('bad'), 'haproxy.rate-limit=100/1m'];
    stack().serve('bad', [app], { tags });
    const { rest } = await connector.waitConverged();
    expect(rest.skipped.map(({ service, code }) => [service, code])).to.deep.equal([
      ['default/bad', 'rejected-by-haproxy'],
    ]);
  });

  const commits = (): number => stack().proxy.writes().filter(isCommit).length;

  it('is not tried again by passes that follow, also where they write', async () => {
    stack().proxy.clear();
    for (let passes = 0; passes < 5; passes++) await connector.waitConverged();
    expect(commits()).to.equal(0);
    stack().serve('late', [app]);
    await stack().waitServed(domainOf('late'), [app]);
    await connector.waitSettled();
    await connector.waitConverged();
    expect(commits()).to.equal(1);
  });

  it('is tried once, without a reload, where the operator mended something else', async () => {
    const reloads = await reloadsOf(stack());
    stack().proxy.clear();
    await stack().editConfiguration((text) => `# Mended\n${text}`);
    for (let passes = 0; passes < 3; passes++) await connector.waitConverged();
    expect(commits()).to.equal(1);
    expect(await reloadsOf(stack())).to.equal(reloads);
    await stack().waitServed(domainOf('good'), [app]);
    expect(await stack().openTransactions()).to.deep.equal([]);
  });

  it('is served at once, with one reload, where the operator mended the cause', async () => {
    const reloads = await reloadsOf(stack());
    await stack().editConfiguration((text) =>
      text.replace(/^frontend nomad_bad.*\n( {2}.*\n)+/m, ''),
    );
    connector.wake();
    await stack().waitServed(domainOf('bad'), [app]);
    const { rest } = await connector.waitSettled();
    expect(rest.skipped).to.deep.equal([]);
    expect(await reloadsOf(stack())).to.equal(reloads + 1);
  });
});
