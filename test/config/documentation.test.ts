import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parseArguments } from '../../src/cli/options.js';
import { leaves } from '../../src/config/schema.js';
import { desiredWarningCodes, skipCodes } from '../../src/desired/types.js';
import { catalogWarningCodes } from '../../src/observe/types.js';

const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('|'));

describe('docs/configuration.md', () => {
  for (const [key, leaf] of leaves) {
    it(`tells default, variable and flag of ${key}`, () => {
      const row = rows.find((line) => line.startsWith(`| \`${key}\` `)) ?? '';
      const cells = row.split('|').map((cell) => cell.trim());
      const shown = leaf.default === undefined ? '' : `\`${cellOf(leaf.default)}\``;
      const named = [leaf.env, leaf.flag].map((name) => (name === undefined ? '' : `\`${name}\``));
      expect(cells.slice(2, 5)).to.deep.equal([shown, ...named]);
      expect(cells[5]).to.contain(leaf.description);
    });
  }

  it('names every flag of the help, and no key or flag that there is not', () => {
    const help = parseArguments(['--help']);
    const flags = help.kind === 'print' ? help.text.match(/--[a-z-]+/g) : [];
    for (const flag of flags ?? []) expect(page).to.contain(`\`${flag}`);
    const keys = rows.flatMap((row) => /^\| `([a-z_]+\.[a-z_]+)` +\|/.exec(row)?.[1] ?? []);
    const known: readonly string[] = [...leaves.keys()];
    expect(keys.filter((key) => key !== 'domain_map.enabled' && !known.includes(key))).to.be.empty;
    expect(known.filter((key) => !keys.includes(key))).to.be.empty;
  });
});

describe('docs/operations.md', () => {
  const text = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const [, section = ''] = /\n## Skipped services and warnings\n([^]*?)\n## /.exec(text) ?? [];
  const [skips = '', warnings = ''] = section.split('| code of a warning');
  const codesIn = (table: string): readonly string[] =>
    table
      .split('\n')
      .flatMap((line) => (line.startsWith('| `') ? [line.split('|')[1] ?? ''] : []))
      .flatMap((cell) => [...cell.matchAll(/`([a-z-]+)`/g)].map(([, code = '']) => code))
      .sort();

  it('lists every code of a skipped service', () => {
    expect(codesIn(skips)).to.deep.equal([...skipCodes].sort());
  });

  it('lists every code of a warning', () => {
    expect(codesIn(warnings)).to.deep.equal(
      [...desiredWarningCodes, ...catalogWarningCodes].sort(),
    );
  });
});

function cellOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
