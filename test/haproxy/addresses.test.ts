import { isIP } from 'node:net';

import { expect } from 'chai';
import fc from 'fast-check';

import { isIpAddress, isIpv4, isNetwork } from '../../src/haproxy/addresses.js';

describe('addresses', () => {
  it('are what Node takes for one, without a zone', () => {
    const near = fc.stringMatching(/^[0-9a-f:.]{2,24}$/);
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), near), (text) => {
        expect(isIpAddress(text), text).to.equal(isIP(text) !== 0);
        expect(isIpv4(text), text).to.equal(isIP(text) === 4);
      }),
      { numRuns: 3000 },
    );
  });

  it('of networks have as many bits as their family allows', () => {
    for (const good of ['10.0.0.0/8', '10.1.2.3', '::/0', '2001:db8::/128', '0.0.0.0/0']) {
      expect(isNetwork(good), good).to.be.true;
    }
    for (const bad of ['10.0.0.0/33', '10.0.0.0/', '10.0.0/8', '::/129', '1.2.3.4/08', 'a/8', '']) {
      expect(isNetwork(bad), bad).to.be.false;
    }
  });
});
