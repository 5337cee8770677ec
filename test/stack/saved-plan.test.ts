import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect } from 'chai';

import type { App } from '../../fixtures/apps/app.js';
import { domainOf } from '../../fixtures/stack.js';
import type { SavedPlan } from '../../src/plans/document.js';
import { useStack } from './stack.js';

/** R5.2: a plan that was looked at is what is applied, or nothing is. */
describe('a saved plan', function () {
  this.timeout(180_000);
  const stack = useStack();
  let app: App;
  let file: string;
  beforeEach(async () => {
    file = join(stack().dp.dirs.root, 'plan.json');
    app = await stack().app('a');
    stack().serve('web', [app]);
  });

  const save = async (): Promise<SavedPlan> => {
    const { code, stderr } = await stack().run(['--dry-run', '--plan-out', file]);
    expect(code, stderr).to.equal(0);
    return JSON.parse(await readFile(file, 'utf8')) as SavedPlan;
  };
  const applySaved = (more: readonly string[] = []) =>
    stack().run(['--once', '--plan', file, ...more]);

  /** And nothing but GET left the process. */
  const requireRefused = async (moved: RegExp, code = 5): Promise<void> => {
    stack().proxy.clear();
    const before = await stack().configuration();
    const ended = await applySaved();
    expect(ended.stderr).to.match(moved);
    expect(ended.code).to.equal(code);
    expect(stack().proxy.writes()).to.deep.equal([]);
    expect(await stack().configuration()).to.equal(before);
  };

  it('is a private file, and is applied as it stands', async () => {
    const saved = await save();
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    expect(saved).to.include({ format_version: 1, noChanges: false });
    const { code, stdout, stderr } = await applySaved();
    expect(code, stderr).to.equal(0);
    expect(stdout).to.include('+ backend nomad_web');
    await stack().waitServed(domainOf('web'), [app]);
    await requireRefused(/configuration moved from version \d+ to \d+/);
  });

  it('is refused once the catalog would make another plan of it', async () => {
    await save();
    stack().serve('more', [app]);
    await requireRefused(/it would now also: add backend nomad_more/);
  });

  it("is refused once HAProxy's configuration was written", async () => {
    await save();
    await stack().editConfiguration((text) => `${text}\nbackend hands\n`);
    await requireRefused(/configuration moved from version|configuration is another/);
  });

  it('of a change that costs no reload is applied, too, and once', async () => {
    expect((await stack().run(['--once'])).code).to.equal(0);
    await stack().waitServed(domainOf('web'), [app]);
    const other = await stack().app('b');
    stack().serve('web', [app, other]);
    const saved = await save();
    expect(saved.reloads).to.deep.equal([]);
    const { code, stderr } = await applySaved();
    expect(code, stderr).to.equal(0);
    await stack().waitServed(domainOf('web'), [app, other]);
  });

  it('stops where another writer comes between, and takes no new plan', async () => {
    await save();
    const { dp, proxy } = stack();
    proxy.onRequest(async ({ method, path }) => {
      if (method !== 'PUT' || !path.includes('/transactions/')) return undefined;
      proxy.onRequest(undefined);
      const configuration = '/v3/services/haproxy/configuration';
      const { body } = await dp.send('GET', `${configuration}/version`);
      const query = `version=${body as number}&force_reload=true`;
      await dp.send('POST', `${configuration}/backends?${query}`, { name: 'hands', mode: 'http' });
      return undefined;
    });
    const { code, stderr } = await applySaved();
    expect(code, stderr).to.equal(5);
    expect(stderr).to.include('another writer');
    const configuration = await stack().configuration();
    expect(configuration).to.include('backend hands').and.not.include('backend nomad_web');
  });

  it('that is none of these is a usage error', async () => {
    const saved = await save();
    const bad = [
      ['[]', /is not a file that --plan-out wrote/],
      ['{', /it is not JSON/],
      [JSON.stringify({ ...saved, format_version: 2 }), /format_version 2; this version reads/],
      [JSON.stringify({ ...saved, basis: undefined }), /must have required property 'basis'/],
    ] as const;
    for (const [content, message] of bad) {
      await writeFile(file, content);
      await requireRefused(message, 64);
    }
    const ended = await stack().run(['--once', '--plan', `${file}.none`]);
    expect([ended.code, ended.stderr.includes('ENOENT')]).to.deep.equal([64, true]);
    const nowhere = await stack().run(['--dry-run', '--plan-out', '/nowhere/p.json']);
    expect([nowhere.code, nowhere.stdout]).to.deep.equal([64, '']);
  });

  it('is refused for another scope', async () => {
    await save();
    const { code, stderr } = await applySaved(['--config', await otherRegion()]);
    expect(code, stderr).to.equal(5);
    expect(stderr).to.include('it is for scope');
  });

  const otherRegion = async (): Promise<string> => {
    const content = await readFile(join(stack().dp.dirs.root, 'connector.json'), 'utf8');
    const path = join(stack().dp.dirs.root, 'other.json');
    const given = JSON.parse(content) as { ownership?: object };
    await writeFile(
      path,
      JSON.stringify({ ...given, ownership: { ...given.ownership, scope: 'other' } }),
    );
    return path;
  };
});
