import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect } from 'chai';

import { globalSection } from '../../fixtures/dataplane/config.js';
import type { SeenRequest, Verdict } from '../../fixtures/stack/interceptor.js';
import { type Stack, domainOf } from '../../fixtures/stack.js';
import type { Settings } from '../../src/config/types.js';
import { checkedTags, updateInPlace, useDeploys, withoutGuard } from '../deploys/stack.js';

const file = ({ dp }: Stack, name: string): string => join(dp.dirs.maps, `${name}.map`);

/** Lines of the map's file that are entries, sorted. */
async function onDisk(stack: Stack, name: string): Promise<string[]> {
  const text = await readFile(file(stack, name), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .sort();
}

/** What the process has of it, from its own socket. */
async function inProcess(stack: Stack, name: string): Promise<string[]> {
  const text = await stack.dp.haproxy.runtimeCommand(`show map ${file(stack, name)}`);
  return text
    .split('\n')
    .filter((line) => line.startsWith('0x'))
    .map((line) => line.replace(/^0x\S+ /, ''))
    .sort();
}

async function coldStart({ dp }: Stack): Promise<void> {
  await dp.stopHaproxy('SIGTERM');
  await dp.startHaproxy();
}

/** The next request of that kind, and no other. */
function once(
  stack: Stack,
  isIt: (seen: SeenRequest) => boolean,
  verdict: Verdict,
): { readonly met: () => boolean } {
  let met = false;
  stack.proxy.onRequest((seen) => {
    if (!isIt(seen)) return undefined;
    met = true;
    stack.proxy.onRequest(undefined);
    return verdict;
  });
  return { met: () => met };
}

describe('maps: a pass sees what it wrote', () => {
  const deploys = useDeploys();

  for (const [what, before, after] of [
    ['a path', ['path=/api', 'path=/old'], ['path=/api']],
    ['a wildcard', ['domain=*.one.example.com', 'domain=*.two.example.com'], []],
  ] as const) {
    it(`${what} goes: one pass does it, and says so`, async () => {
      const { stack, apps, serve } = deploys();
      const web = serve('web', await apps('a'), {}, before);
      const passes = stack.passes({ settings: withoutGuard });
      await passes.run();
      await passes.run();
      updateInPlace(stack, web, checkedTags('web', after));
      const result = await passes.run();
      expect(result.plan.steps.map(({ kind }) => kind)).to.include('delete-entry');
      expect(result.rest.steps).to.deep.equal([]);
      stack.proxy.clear();
      expect((await passes.run()).plan.steps).to.deep.equal([]);
      expect(stack.proxy.seen()).to.have.lengthOf.at.most(4);
    });
  }

  it('--once exits 0 with its work done', async () => {
    const { stack, apps, serve } = deploys();
    const web = serve('web', await apps('a'), {}, ['path=/api', 'path=/old']);
    await stack.run(['--once']);
    updateInPlace(stack, web, checkedTags('web', ['path=/api']));
    expect((await stack.run(['--once'])).code).to.equal(0);
  });
});

describe('maps: disk and process are one', () => {
  const deploys = useDeploys();

  const isCommit = ({ method, path }: SeenRequest): boolean =>
    method === 'PUT' && /\/transactions\/[^/]+$/.test(path);
  const isMapFile = ({ method, path }: SeenRequest): boolean =>
    method === 'PUT' && path.includes('/storage/maps/');
  const isState = ({ method, path }: SeenRequest): boolean =>
    method !== 'GET' && path.includes('/storage/general');
  const isRaw = ({ method, path }: SeenRequest): boolean =>
    method === 'POST' && path.endsWith('/configuration/raw');
  const isEntry = ({ method, path }: SeenRequest): boolean =>
    method === 'POST' && path.endsWith('/entries');
  const failed = { answer: { status: 500, body: { code: 500, message: 'disk full' } } };

  const accepted = { answer: { status: 202, body: null } };

  for (const [what, isIt, verdict, change] of [
    ['the answer to a commit is lost', isCommit, 'cut-answer', 'service'],
    ['a commit never arrives', isCommit, 'cut', 'service'],
    ['a commit is answered 500', isCommit, failed, 'service'],
    ['the answer to a map file is lost', isMapFile, 'cut-answer', 'service'],
    ['a map file is refused with 500', isMapFile, failed, 'service'],
    ['the answer to the server state is lost', isState, 'cut-answer', 'service'],
    ['the answer to a write of server lines is lost', isRaw, 'cut-answer', 'instance'],
    ['a write of server lines never arrives', isRaw, 'cut', 'instance'],
    ['the answer to the server state is lost, without a reload', isState, 'cut-answer', 'instance'],
    ['the answer to an entry is lost', isEntry, 'cut-answer', 'domain'],
    ['an entry never arrives', isEntry, 'cut', 'domain'],
    ['an entry is answered 500', isEntry, failed, 'domain'],
    ['a commit is answered 202, and never done', isCommit, accepted, 'service'],
    ['a map file is answered 202, and never written', isMapFile, accepted, 'service'],
    ['the server state is answered 202, and never written', isState, accepted, 'service'],
    ['an entry is answered 202, and never made', isEntry, accepted, 'domain'],
  ] as const) {
    it(`${what}: the next passes converge, and a cold start serves the same`, async () => {
      const { stack, apps, serve } = deploys();
      const [a, b] = await apps('a', 'b');
      const web = serve('web', [a!]);
      const connector = stack.connector({ settings: withoutGuard });
      await connector.waitSettled();
      const fault = once(stack, isIt, verdict);
      if (change === 'service') serve('late', [b!]);
      else if (change === 'instance') web.addInstance({ address: b!.address, port: b!.port });
      else updateInPlace(stack, web, checkedTags('web', ['domain=late.example.com']));
      await stack.waitServed(change === 'instance' ? domainOf('web') : domainOf('late'));
      await connector.waitSettled();
      expect(fault.met()).to.equal(true);
      expect(await onDisk(stack, 'nomad_exact')).to.deep.equal(
        await inProcess(stack, 'nomad_exact'),
      );
      await connector.stop();
      await coldStart(stack);
      await stack.waitServed(domainOf('web'));
      if (change === 'instance') await stack.waitBalanced(domainOf('web'), [a!, b!]);
      else await stack.waitServed(domainOf('late'));
    });
  }

  it('a file that another process left behind is found at the start, and mended', async () => {
    const { stack, apps, serve } = deploys();
    serve('web', await apps('a'));
    serve('api', await apps('b'), {}, ['path=/api']);
    const first = stack.passes();
    await first.run();
    await first.run();
    for (const name of ['nomad_exact', 'nomad_exact_path']) {
      const path = file(stack, name);
      const text = await readFile(path, 'utf8');
      await writeFile(path, name === 'nomad_exact' ? '# none\n' : `${text}a.example.com/ gone\n`);
    }
    const { plan, rest } = await stack.passes().run();
    expect(plan.steps.map(({ kind }) => kind)).to.deep.equal(
      plan.steps.map(() => 'write-map' as const),
    );
    expect(rest.steps).to.deep.equal([]);
    for (const name of ['nomad_exact', 'nomad_exact_path']) {
      expect(await onDisk(stack, name)).to.deep.equal(await inProcess(stack, name));
    }
    await coldStart(stack);
    await stack.waitServed(domainOf('web'));
  });
});

describe('maps: one that the operator shares', () => {
  const deploys = useDeploys({
    haproxyConfig: (dirs, port) => `${globalSection(dirs)}
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  option redispatch 1

frontend http_front
  bind 127.0.0.1:${port} name public
  option idle-close-on-response
  default_backend operator_default

backend pool
  mode http
  load-server-state-from-file global

backend operator_default
  http-request return status 404 content-type text/plain string "operator default"
`,
  });
  const custom = ['backend=custom', 'backend.name=pool'];
  const sharing = (stack: Stack) => (settings: Settings) =>
    withoutGuard({
      ...settings,
      routing: {
        ...settings.routing,
        mode: 'map',
        mapFile: file(stack, 'domains'),
        mapName: 'domains',
      },
    });
  const byHand = '# by hand\nold.example.com operator_default\nspecial.example.com nomad_web\n';
  const theirs = ['old.example.com operator_default', 'special.example.com nomad_web'];

  /** As an operator would: the file is there before the connector is. */
  async function prepared(stack: Stack, text = byHand): Promise<void> {
    const data = new FormData();
    data.append('file_upload', new Blob([text]), 'domains.map');
    await stack.dp.send('POST', '/v3/services/haproxy/storage/maps', data);
  }

  it('a custom service comes, goes, and comes back as another kind', async () => {
    const { stack, apps, serve } = deploys();
    const [a, b] = await apps('a', 'b');
    serve('shop', [a!], {}, custom);
    const passes = stack.passes({ settings: sharing(stack) });
    expect((await passes.run()).rest.steps).to.deep.equal([]);
    await stack.waitServed(domainOf('shop'), [a!]);
    stack.nomad.removeService('shop');
    expect((await passes.run()).rest.steps).to.deep.equal([]);
    expect(await onDisk(stack, 'domains')).to.deep.equal([]);
    expect((await stack.request(domainOf('shop'))).body).to.equal('operator default');
    serve('shop', [b!]);
    const { rest } = await passes.run();
    expect(rest.problems).to.deep.equal([]);
    await stack.waitServed(domainOf('shop'), [b!]);
  });

  it('another process knows ours too, and an entry that changes its backend', async () => {
    const { stack, apps, serve } = deploys();
    const [a] = await apps('a');
    const shop = serve('shop', [a!], {}, custom);
    await stack.passes({ settings: sharing(stack) }).run();
    updateInPlace(stack, shop, checkedTags('shop'));
    const second = await stack.passes({ settings: sharing(stack) }).run();
    expect(second.rest.problems).to.deep.equal([]);
    expect(second.rest.steps).to.deep.equal([]);
    expect(await onDisk(stack, 'domains')).to.deep.equal([`${domainOf('shop')} nomad_shop`]);
    stack.nomad.removeService('shop');
    await stack.passes({ settings: sharing(stack) }).run();
    expect(await onDisk(stack, 'domains')).to.deep.equal([]);
    expect(await inProcess(stack, 'domains')).to.deep.equal([]);
  });

  it("the operator's own lines stay, one for the same backend or to ours too", async () => {
    const { stack, apps, serve } = deploys();
    const [a, b] = await apps('a', 'b');
    const hand = `${byHand}${domainOf('shop')} pool\n`;
    await prepared(stack, hand);
    serve('shop', [a!], {}, custom);
    // The record of what is ours has to be there before they are read as theirs.
    const passes = stack.passes({ settings: sharing(stack) });
    serve('api', [b!]);
    expect((await passes.run()).rest.steps).to.deep.equal([]);
    await stack.waitServed(domainOf('api'), [b!]);
    const all = [...theirs.slice(0, 1), `${domainOf('shop')} pool`];
    expect(await onDisk(stack, 'domains')).to.include.members(all);
    stack.nomad.removeService('shop');
    stack.nomad.removeService('api');
    expect((await passes.run()).rest.steps).to.deep.equal([]);
    expect(await onDisk(stack, 'domains')).to.include.members(all);
    expect(await readFile(file(stack, 'domains'), 'utf8')).to.include('# by hand');
  });

  it('a line that was written since, and not loaded yet, is not lost', async () => {
    const { stack, apps, serve } = deploys();
    const [a, b] = await apps('a', 'b');
    const web = serve('web', [a!]);
    const passes = stack.passes({ settings: sharing(stack) });
    await passes.run();
    await passes.run();
    const path = file(stack, 'domains');
    await writeFile(path, byHand + (await readFile(path, 'utf8')));
    updateInPlace(stack, web, checkedTags('web', ['domain=more.example.com']));
    expect((await passes.run()).reloads).to.deep.equal([]);
    await stack.waitServed('more.example.com', [a!]);
    expect(await onDisk(stack, 'domains')).to.include.members([
      ...theirs,
      'more.example.com nomad_web',
    ]);
    serve('late', [b!]);
    await passes.run();
    stack.nomad.removeService('late');
    stack.nomad.removeService('web');
    expect((await passes.run()).rest.steps).to.deep.equal([]);
    expect(await onDisk(stack, 'domains')).to.deep.equal(theirs);
    expect(await readFile(path, 'utf8')).to.include('# by hand');
  });
});

describe('maps: under another name', () => {
  const deploys = useDeploys();

  it('what an earlier routing.map_name left goes in one pass; a map of the operator stays', async () => {
    const { stack, apps, serve } = deploys();
    const [a, b] = await apps('a', 'b');
    serve('web', [a!], {}, ['domain=*.wild.example.com']);
    serve('api', [b!], {}, ['path=/api']);
    await stack.passes().run();
    const theirs = file(stack, 'theirs_exact');
    await writeFile(theirs, 'by.hand.example.com operator_api\n');
    const sample = `req.hdr(host),host_only,lower,map(${theirs})`;
    const rule = `  use_backend %[${sample}] if { ${sample} -m found }`;
    await stack.editConfiguration((text) =>
      text.replace('  default_backend', `${rule}\n  default_backend`),
    );
    const renamed = (settings: Settings): Settings =>
      withoutGuard({ ...settings, routing: { ...settings.routing, mapName: 'fresh' } });
    const passes = stack.passes({ settings: renamed });
    expect((await passes.run()).rest.steps).to.deep.equal([]);
    const text = await stack.configuration();
    expect(text).not.to.contain('nomad_exact.map');
    expect(text).not.to.contain('nomad_wildcard.map');
    expect(text).to.contain(rule.trim());
    await stack.waitServed(domainOf('web'), [a!]);
    await stack.waitServed('x.wild.example.com', [a!]);
    expect((await stack.request(domainOf('api'), '/api')).body).to.equal('b');
    expect((await stack.request('by.hand.example.com')).body).to.equal('operator api');
    await passes.run();
    stack.proxy.clear();
    expect((await passes.run()).plan.steps).to.deep.equal([]);
    expect(stack.proxy.seen()).to.have.lengthOf.at.most(4);
  });

  it('another prefix: once nobody opts in, the first one leaves nothing behind', async () => {
    const { stack, apps, serve } = deploys();
    const [a, b] = await apps('a', 'b');
    serve('web', [a!], {}, ['domain=*.wild.example.com']);
    serve('api', [b!]);
    for (const mode of ['map', 'rules'] as const) {
      const first = (settings: Settings): Settings =>
        withoutGuard({ ...settings, routing: { ...settings.routing, mode } });
      await stack.passes({ settings: first }).run();
      const nobody = (settings: Settings): Settings => ({
        ...first(settings),
        tags: { ...settings.tags, prefix: 'nobody' },
      });
      const last = stack.passes({ settings: nobody });
      await last.run();
      expect((await last.run()).rest.steps).to.deep.equal([]);
      expect(await stack.configuration()).not.to.match(/^backend nomad_[a-z]/m);
      const second = (settings: Settings): Settings => ({
        ...first(settings),
        ownership: { ...settings.ownership, prefix: 'new_' },
      });
      await stack.passes({ settings: second }).run();
      await stack.waitServed(domainOf('web'), [a!]);
      await stack.waitServed(domainOf('api'), [b!]);
      await stack.passes({ settings: (one) => ({ ...second(one), tags: nobody(one).tags }) }).run();
    }
  });
});
