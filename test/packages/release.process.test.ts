import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { expect } from 'chai';

import { endUnreleased, places } from '../../scripts/release.js';

const root = resolve(import.meta.dirname, '../..');
const versionOf = (folder: string): string =>
  (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;

function versionsIn(folder: string): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(places).map(([path, place]) => [
      path,
      place.exec(readFileSync(join(folder, path), 'utf8'))?.[2],
    ]),
  );
}

function everywhere(version: string): Record<string, string> {
  return Object.fromEntries(Object.keys(places).map((path) => [path, version]));
}

describe('the version', () => {
  it('is the same wherever it stands', () => {
    expect(versionsIn(root)).to.deep.equal(everywhere(versionOf(root)));
  });
});

describe('npm version', function () {
  this.timeout(60_000);
  let folder: string;
  const run = (command: string, args: readonly string[]): string =>
    execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'release-'));
    const needed = ['package.json', 'package-lock.json', '.npmrc', 'scripts/release.ts'];
    for (const path of [...needed, 'CHANGELOG.md', ...Object.keys(places)]) {
      cpSync(join(root, path), join(folder, path));
    }
    run('git', ['init', '--quiet']);
    run('git', ['add', '.']);
    run('git', ['config', 'user.email', 'release@example.com']);
    run('git', ['config', 'user.name', 'Release']);
    run('git', ['commit', '--quiet', '--message', 'chore: a change']);
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('writes it everywhere, ends Unreleased, commits and tags', () => {
    run('npm', ['version', '7.8.9']);
    expect(versionsIn(folder)).to.deep.equal(everywhere('7.8.9'));
    expect(run('git', ['status', '--porcelain', '--untracked-files=no'])).to.equal('');
    expect(run('git', ['describe', '--exact-match'])).to.equal('v7.8.9\n');
    expect(run('git', ['log', '-1', '--format=%s'])).to.equal('chore(release): 7.8.9\n');
    const changelog = readFileSync(join(folder, 'CHANGELOG.md'), 'utf8');
    expect(changelog).to.match(/## \[Unreleased\]\n\n## \[7\.8\.9\] - \d{4}-\d\d-\d\d\n\n###/);
  });

  it('refuses an empty release', () => {
    const changelog = '# Changelog\n\n## [Unreleased]\n\n## [1.0.0] - 2020-01-01\n\n- x\n';
    expect(() => endUnreleased(changelog, '1.0.1', '2020-01-02')).to.throw(/nothing is unreleased/);
  });
});
