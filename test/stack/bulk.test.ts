import { expect } from 'chai';

import type { App } from '../../fixtures/apps/app.js';
import { domainOf } from '../../fixtures/stack.js';
import type { SeenRequest } from '../../fixtures/stack/interceptor.js';
import { bulkFrom } from '../../src/apply/bulk.js';
import type { Settings } from '../../src/config/types.js';
import { useStack } from './stack.js';

const root = '/v3/services/haproxy';
const isCommit = ({ method, path }: SeenRequest): boolean =>
  method === 'POST' && path.endsWith('/configuration/raw');
const isEdit = ({ method, path }: SeenRequest): boolean =>
  method === 'POST' && path.includes('/backend_switching_rules/');

/** ADR 0009: so many backends that their sections are edited as text. */
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
    stack().proxy.onRequest((seen) => (isEdit(seen) && ++edits >= 1 ? 'cut' : undefined));
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

  it('changes and removes many with one reload each, and leaves the rest of the file alone', async () => {
    const passes = stack().passes();
    await passes.run();
    await expectAll();
    const others = operatorsPart(await stack().configuration());
    stack().proxy.clear();
    const timeout = (settings: Settings): Settings => ({
      ...settings,
      checks: { ...settings.checks, timeoutMs: 1500 },
    });
    const changed = await stack().passes({ settings: timeout }).run();
    expect(changed.reloads).to.deep.equal(['changed-backend']);
    expect(changed.rest.steps).to.deep.equal([]);
    expect(await stack().configuration()).to.include('backend nomad_svc0 ');
    expect(stack().proxy.writes().filter(isCommit)).to.have.lengthOf(1);
    expect(operatorsPart(await stack().configuration())).to.equal(others);
    await expectAll();

    for (const name of names.slice(1)) stack().nomad.removeService(name);
    stack().proxy.clear();
    const allowed = (settings: Settings): Settings => ({
      ...timeout(settings),
      guard: { ...settings.guard, allowRemovals: true },
    });
    const removed = await stack().passes({ settings: allowed }).run();
    expect(removed.reloads).to.deep.equal(['removed-backend']);
    expect(await stack().configuration()).not.to.include('backend nomad_svc1 ');
    expect(operatorsPart(await stack().configuration())).to.equal(others);
    await stack().waitServed(domainOf('svc0'), [app]);
  });

  it('lets the Data Plane API write what reads back otherwise, in the same pass', async () => {
    const { proxy } = stack();
    const isRepair = ({ method, path }: SeenRequest): boolean =>
      method === 'PUT' && path.endsWith('/configuration/backends/nomad_svc3');
    // As if we had said one of them wrong.
    proxy.onRequest(({ method, path }) => {
      const isRead = method === 'GET' && path.endsWith('/configuration/backends');
      const isMisread = isRead && proxy.writes().some(isCommit) && !proxy.writes().some(isRepair);
      return isMisread ? { rewrite: misread } : undefined;
    });
    const passes = stack().passes();
    const { rest, reloads } = await passes.run();
    expect(proxy.writes().filter(isRepair)).to.have.lengthOf(1);
    expect(reloads).to.deep.equal(['new-backend', 'changed-backend']);
    expect(rest.steps).to.deep.equal([]);
    expect(rest.problems).to.deep.equal([]);
    await passes.run();
    proxy.clear();
    await passes.run();
    // The state file follows the checks.
    const isState = ({ path }: SeenRequest): boolean => path.endsWith('/server-state');
    expect(proxy.writes().filter((one) => !isState(one))).to.deep.equal([]);
    await expectAll();
  });
});

function misread(body: string): string {
  const backends = JSON.parse(body) as { readonly name: string }[];
  const other = { check_timeout: 4321 };
  return JSON.stringify(
    backends.map((one) => (one.name === 'nomad_svc3' ? { ...one, ...other } : one)),
  );
}

/** All before the first backend of ours. */
function operatorsPart(text: string): string {
  return text.slice(0, text.indexOf('\nbackend nomad_')).replace(/^# _.*\n/gm, '');
}
