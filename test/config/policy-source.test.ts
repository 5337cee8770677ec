import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openPolicy } from '../../src/config/policy.js';
import { policySource } from '../../src/config/policy-source.js';
import { settings } from '../desired/given.js';

describe('the policy file', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'policy-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is read again, and stays in force while it is invalid', () => {
    const file = join(directory, 'policy.yaml');
    const told: string[] = [];
    writeFileSync(file, 'mode: strict\n');
    const given = { ...settings, policy: { ...openPolicy, file } };
    const { current } = policySource(given, { onInvalid: (reason) => told.push(reason) });
    expect(current().mode).to.equal('strict');
    writeFileSync(file, 'mode: shut\n');
    expect([current().mode, current().mode]).to.deep.equal(['strict', 'strict']);
    expect(told).to.have.length(1);
    writeFileSync(file, 'reserved_domains: [a.io]\n');
    expect(current()).to.deep.equal({ ...given.policy, reservedDomains: ['a.io'] });
    rmSync(file);
    expect(current().reservedDomains).to.deep.equal(['a.io']);
    expect(told).to.have.length(2);
  });

  it('wakes the loop when it is replaced', (done) => {
    const file = join(directory, 'policy.yaml');
    writeFileSync(file, '');
    const given = { ...settings, policy: { ...openPolicy, file } };
    const source = policySource(given, {
      onChange: () => {
        source.close();
        done();
      },
    });
    writeFileSync(file, 'mode: strict\n');
  });
});
