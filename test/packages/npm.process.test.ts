/** What `npm publish` would publish, installed in an empty folder from the registry that npm is set to. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { expect } from 'chai';

const root = resolve(import.meta.dirname, '../..');

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

describe('the npm package', function () {
  this.timeout(180_000);
  let folder: string;
  let packed: Packed;
  const run = (command: string, args: readonly string[], cwd: string): string =>
    execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'packed-'));
    const out = run('npm', ['pack', '--json', '--pack-destination', folder], root);
    [packed] = JSON.parse(out.slice(out.indexOf('[\n'))) as [Packed];
    run('npm', ['init', '--yes'], folder);
    run('npm', ['install', '--no-audit', '--no-fund', join(folder, packed.filename)], folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('runs where nothing else is', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      readonly version: string;
    };
    const bin = join(folder, 'node_modules/.bin/haproxy-nomad-connector');
    expect(run(bin, ['--version'], folder)).to.equal(`${version}\n`);
  });

  it('holds the program, what runs it elsewhere, and no sources or tests', () => {
    const tops = new Set(packed.files.map(({ path }) => path.split('/')[0]));
    expect([...tops].sort()).to.deep.equal(
      [
        'CHANGELOG.md',
        'LICENSE',
        'README.md',
        'deploy',
        'dist',
        'monitoring',
        'package.json',
      ].sort(),
    );
  });
});
