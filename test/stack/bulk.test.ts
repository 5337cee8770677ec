import { expect } from 'chai';

import type { App } from '../../fixtures/apps/app.js';
import { domainOf } from '../../fixtures/stack.js';
import type { SeenRequest } from '../../fixtures/stack/interceptor.js';
import { bulkFrom } from '../../src/apply/bulk.js';
import { useStack } from './stack.js';

const root = '/v3/services/haproxy';
const isCommit = ({ method, path }: SeenRequest): boolean =>
  method === 'POST' && path.endsWith('/configuration/raw');
const isEdit = ({ method, path }: SeenRequest): boolean =>
  method === 'POST' && path.endsWith('/configuration/backends');

/** ADR 0009: so many new backends that they are rendered apart. */
describe('the loop, with very many new services', function () {
  this.timeout(120_000);
  const stack = useStack();
  const names = Array.from({ length: bulkFrom + 5 }, (_, at) => `svc${at}`);

  let app: App;

  beforeEach(async () => {
    app = await stack().app('a');
    for (const name of names) stack().serve(name, [app]);
  });

  const expectAll = async (): Promise<void> => {
    const configuration = await stack().configuration();
    for (const name of names) expect(configuration).to.include(`backend nomad_${name} `);
    expect(await stack().openTransactions()).to.deep.equal([]);
    for (const name of [names[0], names.at(-1)])
      await stack().waitServed(domainOf(name ?? ''), [app]);
  };

  it('S21: another writer is faster: its lines stay, and all are routed in the same pass', async () => {
    let conflicts = 0;
    stack().proxy.onRequest(async (seen) => {
      if (!isCommit(seen) || conflicts++ > 0) return undefined;
      const { dp } = stack();
      const version = (await dp.send('GET', `${root}/configuration/version`)).body as number;
      const path = `${root}/configuration/backends?version=${version}&force_reload=true`;
      await dp.send('POST', path, { name: 'theirs', mode: 'http' });
      return undefined;
    });
    const { rest } = await stack().passes().run();
    expect(rest.steps).to.deep.equal([]);
    expect(stack().proxy.writes().filter(isCommit)).to.have.lengthOf(2);
    expect(await stack().configuration()).to.include('backend theirs');
    await expectAll();
  });

  it('S23: the data plane goes in the middle: nothing is written, none stays open', async () => {
    let edits = 0;
    stack().proxy.onRequest((seen) => (isEdit(seen) && ++edits >= 50 ? 'cut' : undefined));
    const before = await stack().configuration();
    const passes = stack().passes();
    const error = await passes.run().catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'haproxy-unreachable' });
    expect(await stack().configuration()).to.equal(before);
    expect(await stack().openTransactions()).to.deep.equal([]);
    stack().proxy.onRequest(undefined);
    await passes.run();
    await expectAll();
  });
});
