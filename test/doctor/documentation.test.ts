import { readFileSync } from 'node:fs';
import { expect } from 'chai';

import { checks } from '../../src/doctor/checks/index.js';
import { groups } from '../../src/doctor/types.js';

const page = readFileSync(new URL('../../docs/doctor.md', import.meta.url), 'utf8');

function rowsUnder(group: string): readonly (readonly string[])[] {
  const [, section = ''] = page.split(`\n## ${group}\n`);
  const [own = ''] = section.split('\n## ');
  return own
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()));
}

describe('docs/doctor.md', () => {
  for (const group of groups) {
    it(`has the checks of ${group}, in their order`, () => {
      const own = checks.filter((one) => one.group === group);
      const expected = own.map(({ id, about, remedy }) => [`\`${id}\``, about, remedy]);
      expect(rowsUnder(group)).to.deep.equal(expected);
    });
  }
});
