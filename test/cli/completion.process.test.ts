/** The completion scripts, in the shells that they are for; skipped, loudly, where one is missing. */

import { spawnSync } from 'node:child_process';
import { expect } from 'chai';

import { parseArguments } from '../../src/cli/options.js';

const name = 'haproxy-nomad-connector';

function script(shell: string): string {
  const command = parseArguments(['completion', shell]);
  return command.kind === 'print' ? command.text : '';
}

function runIn(shell: string, text: string): string {
  const args = shell === 'bash' ? ['--norc', '-c', text] : ['-c', text];
  const { status, stdout, stderr } = spawnSync(shell, args, { encoding: 'utf8' });
  expect(status, stderr).to.equal(0);
  return stdout;
}

const completers: Readonly<Record<string, (...words: readonly string[]) => string[]>> = {
  bash: (...words) => {
    const typed = [name, ...words].map((word) => `'${word}'`).join(' ');
    const text = `${script('bash')}
COMP_WORDS=(${typed}); COMP_CWORD=${words.length}
_haproxy_nomad_connector; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return linesOf(runIn('bash', text));
  },
  fish: (...words) =>
    linesOf(runIn('fish', `${script('fish')}\ncomplete -C '${[name, ...words].join(' ')}'`)).map(
      (line) => line.split('\t')[0] ?? '',
    ),
};

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

describe('shell completion', () => {
  const need = (context: Mocha.Context, shell: string): void => {
    if (spawnSync(shell, ['--version']).error === undefined) return;
    process.stderr.write(`SKIPPED: completion in ${shell}, because it is not installed\n`);
    context.skip();
  };

  for (const [shell, complete] of Object.entries(completers)) {
    describe(`in ${shell}`, () => {
      before(function () {
        need(this, shell);
      });

      it('knows commands and subcommands', () => {
        expect(complete('rou')).to.deep.equal(['route']);
        expect(complete('route', '').sort()).to.include.members(['add', 'list', 'remove']);
        expect(complete('route', '')).not.to.include('route');
      });

      it('knows options where they are', () => {
        expect(complete('route', 'add', '--tar')).to.deep.equal(['--target']);
        expect(complete('--dry')).to.deep.equal(['--dry-run']);
        expect(complete('--dom')).to.deep.equal([]);
        expect(complete('--tar')).to.deep.equal(['--target']);
        expect(complete('route', 'list', '--conf')).to.deep.equal(['--config']);
      });

      it('knows values that are limited', () => {
        expect(complete('--output', 'j')).to.deep.equal(['json']);
        expect(complete('completion', 'z')).to.deep.equal(['zsh']);
      });
    });
  }

  it('is read by zsh', function () {
    need(this, 'zsh');
    const text = `${script('zsh')}\nprint -r -- $_comps[${name}]`;
    expect(runIn('zsh', text).trim()).not.to.equal('');
  });

  it('is refused for other shells', () => {
    expect(() => parseArguments(['completion', 'tcsh'])).to.throw(/bash, zsh, fish/);
  });
});
