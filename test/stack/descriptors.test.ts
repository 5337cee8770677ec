import { expect } from 'chai';

import type { App } from '../../fixtures/apps/app.js';
import { baseHaproxyConfig } from '../../fixtures/dataplane/config.js';
import { type Stack, domainOf, startStack } from '../../fixtures/stack.js';
import { at, reloadsOf, serverLines } from './helpers.js';

/** HAProxy needs 8,029 (3.2.26) to 8,051 (3.0.11) for 4,000 connections and itself. */
const maxconn = '  maxconn 4000\n';

/** HAProxy with a setting instead of its `maxconn 4000`. */
function startLimited(lines: string): Promise<Stack> {
  return startStack({
    haproxyConfig: (dirs, port) => baseHaproxyConfig(dirs, port).replace(maxconn, lines),
  });
}

describe("servers within HAProxy's file descriptors", () => {
  let stack: Stack;
  let app: App;

  async function start(lines: string): Promise<void> {
    stack = await startLimited(lines);
    app = await stack.app('a');
  }

  afterEach(async function () {
    this.timeout(60_000);
    await stack.close();
  });

  const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `svc${i}`);
  const serve = (name: string, instances: number): void => {
    stack.serve(name, [], { instances: Array.from({ length: instances }, () => at(app)) });
  };
  const size = async (name: string): Promise<number> =>
    (await serverLines(stack, `nomad_${name}`)).length;

  it('spare servers are left out where fd-hard-limit leaves no room for them', async function () {
    this.timeout(300_000);
    await start(`${maxconn}  fd-hard-limit 8300\n`);
    for (const name of names(30)) serve(name, 4);
    const { rest, reloads } = await stack.passes().run();
    expect(reloads).to.have.length(1);
    expect(rest.skipped).to.deep.equal([]);
    expect(rest.problems.map(({ code }) => code)).to.deep.equal(['servers-short']);
    expect(await reloadsOf(stack)).to.equal(1);
    for (const name of names(30)) await stack.waitServed(domainOf(name), [app]);
    const sizes = await Promise.all(names(30).map(size));
    expect(Math.min(...sizes)).to.be.at.least(4);
    expect(Math.max(...sizes) - Math.min(...sizes)).to.be.at.most(1);
  });

  it('services beyond are skipped by name, and all others are served', async function () {
    this.timeout(300_000);
    await start(`${maxconn}  fd-hard-limit 8300\n`);
    for (const name of names(5)) serve(name, 4);
    serve('wide', 400);
    const passes = stack.passes();
    const { rest, reloads } = await passes.run();
    expect(rest.skipped.map(({ service, limit }) => [service, limit])).to.deep.equal([
      ['default/wide', 'servers_total'],
    ]);
    expect(reloads).to.have.length(1);
    for (const name of names(5)) await stack.waitServed(domainOf(name), [app]);
    const again = await passes.run();
    expect(again.plan.steps).to.deep.equal([]);
    expect(await reloadsOf(stack)).to.equal(1);
  });

  it("a refused reload tells the limit, and is no service's fault", async function () {
    this.timeout(300_000);
    // As an operator's ulimit that nothing in HAProxy's answers shows.
    await start(`${maxconn}  fd-hard-limit 8300\n`);
    stack.proxy.onRequest(({ path }) =>
      path.endsWith('/configuration/global')
        ? { rewrite: (text) => text.replace(/"fd_hard_limit": ?\d+,?/, '') }
        : undefined,
    );
    const passes = stack.passes();
    serve('first', 1);
    await passes.run();
    for (const name of names(30)) serve(name, 5);
    const { rest, reloads } = await passes.run();
    expect(rest.skipped).to.deep.equal([]);
    expect(reloads).to.have.length(1);
    expect(rest.problems[0]?.message).to.include('its limit is 8300');
    for (const name of names(30)) await stack.waitServed(domainOf(name), [app]);
    expect((await passes.run()).plan.steps).to.deep.equal([]);
  });

  it('where HAProxy chooses maxconn, half of the descriptors are for connections', async function () {
    this.timeout(300_000);
    await start('  fd-hard-limit 600\n');
    for (const name of names(30)) serve(name, 5);
    const { rest } = await stack.passes().run();
    expect(rest.skipped).to.deep.equal([]);
    const sizes = await Promise.all(names(30).map(size));
    const total = sizes.reduce((sum, count) => sum + count, 0);
    expect(total).to.be.at.least(150).and.at.most(300);
    for (const name of names(30)) await stack.waitServed(domainOf(name), [app]);
  });
});
