import { expect } from 'chai';

import { isIn, isSameAddress, reachOf } from '../../src/haproxy/networks.js';

describe('reachOf', () => {
  const cases = {
    loopback: [
      '127.0.0.1',
      '127.9.8.7',
      '0.0.0.0',
      '::1',
      '::',
      '0:0:0:0:0:0:0:1',
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '::127.0.0.1',
      '64:ff9b::7f00:1',
      '::FFFF:127.0.0.1',
    ],
    'link-local': [
      '169.254.169.254',
      'fe80::1',
      'FEBF::1',
      '::ffff:169.254.1.1',
      '64:ff9b::169.254.169.254',
    ],
    other: ['10.0.0.1', '128.0.0.1', '::2:1', 'fec0::1', '2001:db8::7f00:1', '169.253.0.1'],
  } as const;
  for (const [reach, addresses] of Object.entries(cases)) {
    for (const address of addresses) {
      it(`of ${address} is ${reach}`, () => {
        expect(reachOf(address)).to.equal(reach);
      });
    }
  }
});

describe('isIn', () => {
  it('counts bits', () => {
    expect(isIn('10.1.0.0/15', '10.0.255.1')).to.equal(true);
    expect(isIn('10.1.0.0/16', '10.0.255.1')).to.equal(false);
    expect(isIn('10.1.2.3', '10.1.2.3')).to.equal(true);
    expect(isIn('2001:db8::/33', '2001:db8:7fff::1')).to.equal(true);
    expect(isIn('2001:db8::/33', '2001:db8:8000::1')).to.equal(false);
    expect(isIn('0.0.0.0/0', '2001:db8::1')).to.equal(false);
  });

  it('knows the forms of one address', () => {
    expect(isIn('10.0.0.0/8', '::ffff:10.1.1.1')).to.equal(true);
    expect(isIn('::ffff:10.0.0.0/104', '10.1.1.1')).to.equal(true);
    expect(isSameAddress('2001:db8::1', '2001:DB8:0::0:1')).to.equal(true);
    expect(isSameAddress('nothing', 'nothing')).to.equal(false);
  });
});
