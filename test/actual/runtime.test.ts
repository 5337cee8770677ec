import { expect } from 'chai';

import { createRuntimeJoin } from '../../src/actual/runtime.js';
import type { ActualBackend, RuntimeServer } from '../../src/actual/types.js';

const up: RuntimeServer = { address: '10.0.0.1', port: 80, admin: 'ready', operational: 'up' };

function backend(name: string, servers: readonly string[]): ActualBackend {
  const slots = servers.map((server) => ({
    ...{ name: server, service: `default/${name}`, fields: {} },
    config: { address: '10.0.0.1', port: 80, disabled: false, weight: 100 },
  }));
  const others = [{ name: `${name}_other`, address: '10.0.0.9', port: 80 }];
  return {
    ...{ name, ours: true, section: {}, mode: 'http', hasDefaultServer: true },
    slots,
    others,
  };
}

const backends = { a: backend('a', ['a_1', 'a_2']), b: backend('b', ['b_1']) };

describe('the servers of the process', () => {
  it('stand in their backends; one that the process lacks has none', () => {
    const joined = createRuntimeJoin()(backends, { a_1: up, a_other: up });
    expect(joined['a']?.slots.map(({ runtime }) => runtime)).to.deep.equal([up, undefined]);
    expect(joined['a']?.others?.[0]?.runtime).to.equal(up);
  });

  it('leave a backend the same object until one of them changes', () => {
    const join = createRuntimeJoin();
    const before = join(backends, { a_1: up, a_2: up, b_1: up });
    const same = join(backends, { a_1: { ...up }, a_2: { ...up }, b_1: { ...up } });
    expect(same['a']).to.equal(before['a']);
    for (const changed of [
      { admin: 'drain' },
      { operational: 'down' },
      { address: '10.0.0.2' },
      { port: 81 },
    ] as const) {
      const after = join(backends, { a_1: up, a_2: { ...up, ...changed }, b_1: up });
      expect(after['b']).to.equal(before['b']);
      expect(after['a']?.slots[1]?.runtime).to.deep.equal({ ...up, ...changed });
    }
    const down = { ...up, operational: 'down' } as const;
    const [first, second] = [
      { a_1: up, a_2: up, b_1: up },
      { a_1: up, a_2: down, b_1: up },
    ];
    const was = join(backends, first)['a'];
    const kept = join(backends, second)['a'];
    // What stayed of it is the same object, and so is all of it in the next read.
    expect(kept?.slots[0]).to.equal(was?.slots[0]);
    expect(join(backends, { ...second })['a']).to.equal(kept);
    expect(join(backends, { a_1: up, b_1: up })['a']?.slots[1]).not.to.have.property('runtime');
  });
});
