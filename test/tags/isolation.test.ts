import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';

import { findHaproxy, type HaproxySeries } from '../../fixtures/haproxy/find.js';
import { bulkFrom } from '../../src/apply/bulk.js';
import type { Echo } from './echo.js';
import { type Change, inRules, startWorld, until, type World } from './world.js';

/**
 * The whitelists let nothing through that HAProxy is known to refuse without a name, so a check of
 * the configuration is made to: HAProxy's program refuses files with one of the bad backends, and
 * says no more than a line, as it does for a keyword that it doesn't know.
 */
const script = (bin: string): string => `#!/bin/sh
case " $* " in *" -c "*)
  for file in "$@"; do
    if [ -f "$file" ] && grep -q -e '^backend nomad_bad' -e ' late-bad' "$file"; then
      echo "[ALERT] (1) : config : parsing [haproxy.cfg:77] : unknown keyword 'x'" >&2
      exit 1
    fi
  done;;
esac
exec ${bin} "$@"
`;

describe('a commit that HAProxy rejects', function () {
  this.timeout(120_000);
  let world: World;
  let app: Echo;
  let dir: string;
  const configured = process.env['HAPROXY_BIN'];

  before(async function () {
    this.timeout(300_000);
    dir = await mkdtemp(join(tmpdir(), 'hnc-bin-'));
    const series = process.env['HAPROXY_SERIES'] as HaproxySeries | undefined;
    const { bin } = await findHaproxy(series);
    await writeFile(join(dir, 'haproxy'), script(bin));
    await chmod(join(dir, 'haproxy'), 0o755);
    process.env['HAPROXY_BIN'] = join(dir, 'haproxy');
    world = await startWorld();
    app = await world.app('app');
  });
  after(async () => {
    if (configured === undefined) delete process.env['HAPROXY_BIN'];
    else process.env['HAPROXY_BIN'] = configured;
    await world.close();
    await rm(dir, { recursive: true });
  });

  const serve = (name: string, ...tags: readonly string[]) =>
    world.serve(name, [`domain=${name}.example.com`, 'check.disabled=true', ...tags], {
      instances: [{ address: app.address, port: app.port }],
    });

  for (const mode of ['map', 'rules'] as const) {
    it(`without a name: the culprits are found by halves, in ${mode} mode`, async () => {
      const change: Change = (settings) => (mode === 'rules' ? inRules(settings) : settings);
      const good = Array.from({ length: 20 }, (_, at) => `${mode}-good-${at}`);
      for (const [at, name] of good.entries()) {
        serve(name);
        if (at % 9 === 4) serve(`bad-${mode}-${at}`);
      }
      const passes = world.stack.passes({ settings: () => change(world.settings) });
      const { rest } = await passes.run();
      const told = rest.skipped.map(({ service, code }) => `${service} ${code}`);
      expect(told.sort()).to.deep.equal(
        [13, 4].map((at) => `default/bad-${mode}-${at} rejected-by-haproxy`),
      );
      expect(rest.steps).to.deep.equal([]);
      for (const name of good) {
        const host = `${name}.example.com`;
        await until(host, async () => (await world.ask(host)).status === 200);
      }
      // It costs nothing more until its input changes.
      world.stack.proxy.clear();
      await passes.run();
      expect(world.stack.proxy.writes()).to.deep.equal([]);
      for (const name of [...good, `bad-${mode}-4`, `bad-${mode}-13`]) {
        world.stack.nomad.removeService(name);
      }
      await world.converge(change);
    });
  }

  it('among very many new ones, which are written as text', async () => {
    const good = Array.from({ length: bulkFrom }, (_, at) => `many-${at}`);
    for (const name of good) serve(name);
    serve('bad-many');
    const { rest } = await world.pass();
    expect(rest.skipped.map(({ service, code }) => [service, code])).to.deep.equal([
      ['default/bad-many', 'rejected-by-haproxy'],
    ]);
    expect(rest.steps).to.deep.equal([]);
    for (const name of good) {
      expect((await world.ask(`${name}.example.com`)).status, name).to.equal(200);
    }
    for (const name of [...good, 'bad-many']) world.stack.nomad.removeService(name);
    await world.converge();
  });

  it('for a rule alone: the service whose domain it is goes on as it was', async () => {
    const names = ['rule-1', 'rule-2', 'rule-3'];
    const handles = names.map((name) => serve(name));
    await world.converge(inRules);
    handles[1]!.update((group) => {
      const service = group.Services![0]!;
      return {
        ...group,
        Services: [{ ...service, Tags: [...service.Tags!, 'haproxy.domain=late-bad.example.com'] }],
      };
    });
    handles[1]!.replaceInstance(handles[1]!.allocs[0]!.ID, {
      address: app.address,
      port: app.port,
    });
    serve('rule-4');
    const { rest } = await world.pass(inRules);
    expect(rest.skipped.map(({ service, code }) => [service, code])).to.deep.equal([
      ['default/rule-2', 'rejected-by-haproxy'],
    ]);
    for (const name of [...names, 'rule-4']) {
      expect((await world.ask(`${name}.example.com`)).status, name).to.equal(200);
    }
    for (const name of [...names, 'rule-4']) world.stack.nomad.removeService(name);
    await world.converge(inRules);
  });
});
