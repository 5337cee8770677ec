/** The units in deploy/systemd, as systemd reads them; skipped, loudly, where there is no systemd. */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { expect } from 'chai';

const units = resolve(import.meta.dirname, '../../deploy/systemd');
/** Of 10. What a service needs that listens, connects and compiles JavaScript is 1.3. */
const mostExposure = 1.5;

describe('the systemd units', () => {
  let folder: string;
  const names = readdirSync(units);
  const analyze = (...args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    expect(status, stdout + stderr).to.equal(0);
    return stdout + stderr;
  };

  before(function () {
    if (spawnSync('systemd-analyze', ['--version']).error !== undefined) {
      process.stderr.write(
        'SKIPPED: the systemd units, because systemd-analyze is not installed\n',
      );
      this.skip();
    }
    folder = mkdtempSync(join(tmpdir(), 'units-'));
    for (const name of names) {
      const text = readFileSync(join(units, name), 'utf8');
      // systemd looks for the program, which is not installed here.
      writeFileSync(join(folder, name), text.replace('=haproxy-nomad-connector ', '=env node '));
    }
  });
  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  it('are valid', () => {
    expect(analyze('verify', ...names.map((name) => join(folder, name)))).to.equal('');
  });

  for (const name of names.filter((one) => one.endsWith('.service'))) {
    it(`${name} has no right that it doesn't need`, () => {
      const out = analyze('security', '--offline=true', '--no-pager', join(folder, name));
      const [, exposure] = /Overall exposure level.*: ([\d.]+)/.exec(out) ?? [];
      expect(Number(exposure)).to.be.at.most(mostExposure);
    });
  }

  it('name options that the program has', () => {
    const main = resolve(import.meta.dirname, '../../src/main.ts');
    const help = execFileSync(process.execPath, ['--import=tsx', main, '--help'], {
      encoding: 'utf8',
    });
    for (const name of names) {
      const text = readFileSync(join(units, name), 'utf8');
      const [, line = ''] = /^ExecStart=(.*)$/m.exec(text) ?? [];
      for (const [option] of line.matchAll(/--[a-z-]+/g)) expect(help).to.include(option);
    }
  });
});
