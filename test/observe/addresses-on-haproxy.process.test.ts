import { expect } from 'chai';
import { globalSection } from '../../fixtures/dataplane/config.js';
import { startDataPlane } from '../../fixtures/dataplane/launch.js';
import { findHaproxy } from '../../fixtures/haproxy/find.js';
import { withoutBrackets } from '../../src/observe/catalog/model/address-text.js';

const spellings = [
  ...['::ffff:10.0.0.1', '::ffff:a00:1', '0:0:0:0:0:ffff:a00:1', '::10.0.0.1', '::a00:1', '::1'],
  ...['::2', '::1:0', '::', '2001:DB8::0:1', '::ffff:0:1.2.3.4', '64:ff9b::1.2.3.4', 'fe80::1'],
  ...['2001:db8:0:0:1:0:0:1', '1:0:0:2:0:0:0:3', '2001:db8::1:1:1:1:1', '0:1:2:3:4:5:6:7'],
];

describe('an address in the catalog', function () {
  this.timeout(60_000);

  it('is what HAProxy prints of it, so that it is never taken for drift', async () => {
    const plane = await startDataPlane({
      haproxy: await findHaproxy(),
      haproxyConfig: (dirs, port) => `${globalSection(dirs)}
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s

frontend in
  bind 127.0.0.1:${port}

backend odd
${spellings.map((address, index) => `  server s${index} [${address}]:80`).join('\n')}
`,
    });
    try {
      const path = '/v3/services/haproxy/runtime/backends/odd/servers';
      const printed = (await plane.send('GET', path)).body as { name: string; address: string }[];
      const byName = new Map(printed.map(({ name, address }) => [name, address]));
      for (const [index, address] of spellings.entries()) {
        expect(withoutBrackets(address), address).to.equal(byName.get(`s${index}`));
      }
    } finally {
      await plane.close();
    }
  });
});
