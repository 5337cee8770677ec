import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';

const folder = new URL('../../.github/workflows/', import.meta.url);
const root = new URL('../../', import.meta.url);

describe('the public workflow', () => {
  for (const name of readdirSync(folder)) {
    it(`pins every action by commit: ${name}`, () => {
      const text = readFileSync(new URL(name, folder), 'utf8');
      const used = text.match(/uses: .*/g) ?? [];
      expect(used).not.to.be.empty;
      for (const line of used) expect(line).to.match(/^uses: \S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    });
  }

  it('audits the packages', () => {
    expect(readFileSync(new URL('ci.yml', folder), 'utf8')).to.include('npm audit');
  });
});

describe('SECURITY.md', () => {
  it('names tests and files that there are', () => {
    const text = readFileSync(new URL('SECURITY.md', root), 'utf8');
    const named = text.match(/\b(?:test|deploy)\/[\w./-]+\.(?:ts|hcl)/g) ?? [];
    expect(named).not.to.be.empty;
    for (const path of named) expect(() => readFileSync(new URL(path, root))).not.to.throw();
  });
});
