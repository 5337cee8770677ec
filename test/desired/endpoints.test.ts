import { expect } from 'chai';

import { phaseOf } from '../../src/desired/endpoints.js';
import type { CatalogInstance } from '../../src/observe/types.js';
import { desired, enabled, instance, onlyBackend, service } from './given.js';

const endpointsOf = (...instances: readonly CatalogInstance[]) =>
  onlyBackend(desired([service('web', { instances })])).endpoints;

describe('phases of endpoints', () => {
  const facts = {
    namespace: 'default',
    jobId: 'web',
    jobVersion: 0,
    canary: false,
    createIndex: 1,
  };
  const table = [
    ['run', 'running', 'serve', false],
    ['run', 'pending', 'gate', false],
    ['run', 'unknown', 'serve', false],
    ['run', 'failed', 'drain', true],
    ['run', 'lost', 'drain', true],
    ['stop', 'running', 'drain', false],
    ['stop', 'pending', 'drain', false],
    ['stop', 'complete', 'drain', true],
    ['evict', 'running', 'drain', false],
  ] as const;
  for (const [desiredStatus, clientStatus, phase, terminal] of table) {
    it(`desired ${desiredStatus} and client ${clientStatus}: ${phase}${terminal ? ', terminal' : ''}`, () => {
      expect(phaseOf({ ...facts, desiredStatus, clientStatus })).to.deep.equal({ phase, terminal });
    });
  }

  it('a ghost drains', () => {
    const [endpoint] = endpointsOf(instance({ allocation: null }));
    expect(endpoint).to.deep.include({ phase: 'drain', terminal: false });
  });
});

describe('endpoints', () => {
  it('are the instances that opted in themselves, sorted by id', () => {
    const on = ['c', 'a'].map((id) => instance({ id }));
    const off = instance({ id: 'b', tags: ['haproxy.enable=false', 'haproxy.weight=1'] });
    expect(endpointsOf(...on, off).map(({ id }) => id)).to.deep.equal(['a', 'c']);
  });

  it('without a usable address or port are left out with a warning', () => {
    const bad = [
      { address: '' },
      { port: 0 },
      { address: 'host.example' },
      { address: '1.2.3.4 weight 9' },
    ];
    const instances = [...bad.map(instance), instance({ id: 'good', address: '2001:db8::1' })];
    const state = desired([service('web', { instances })]);
    expect(onlyBackend(state).endpoints.map(({ id }) => id)).to.deep.equal(['good']);
    expect(state.warnings.map(({ code }) => code)).to.deep.equal(
      Array(4).fill('instance-unusable'),
    );
  });

  it("weigh as their own tags say, 100 without, and 1 beside the operator's servers", () => {
    const instances = [
      instance({ id: 'a', tags: enabled('weight=7') }),
      instance({ id: 'b', tags: enabled('weight=0') }),
      instance({ id: 'c' }),
    ];
    expect(endpointsOf(...instances).map(({ weight }) => weight)).to.deep.equal([7, 0, 100]);
    const [custom] = endpointsOf(instance({ tags: enabled('backend=custom') }));
    expect(custom?.weight).to.equal(1);
  });

  it('that are canaries weigh as the canary tag says until they are promoted', () => {
    const tags = enabled('weight=50', 'canary.weight=0');
    const canary = instance({ id: 'canary', tags, allocation: { canary: true } });
    const promoted = instance({ id: 'promoted', tags });
    expect(endpointsOf(canary, promoted).map(({ weight }) => weight)).to.deep.equal([0, 50]);
  });

  it('that requests ask for by a header are canaries that serve, and weigh 0 unless told', () => {
    const canary = (id: string, ...more: string[]) =>
      instance({ id, tags: enabled(...more), allocation: { canary: true } });
    const stable = instance({ id: 's', tags: enabled('weight=50') });
    const pending = instance({
      id: 'p',
      tags: enabled(),
      allocation: { canary: true, clientStatus: 'pending' },
    });
    const given = [canary('a', 'canary.header=X-A'), canary('b', 'canary.weight=9'), pending];
    const backend = onlyBackend(desired([service('web', { instances: [stable, ...given] })]));
    expect(backend.canaries).to.deep.equal(['a', 'b']);
    expect(backend.endpoints.map(({ weight }) => weight)).to.deep.equal([0, 9, 0, 50]);
  });

  for (const [other, weight] of [
    ['mode=tcp', 100],
    ['backend=custom', 1],
  ] as const) {
    it(`can't be asked for with ${other}, and weigh what others do`, () => {
      const tags = enabled('canary.header=X-A', other);
      const one = instance({ tags, allocation: { canary: true } });
      const state = desired([service('web', { instances: [one] })]);
      expect(onlyBackend(state)).to.not.have.property('canaries');
      expect(onlyBackend(state).endpoints[0]?.weight).to.equal(weight);
      expect(state.warnings.map(({ code }) => code)).to.include('ignored-tag');
    });
  }

  it('name the port to check only where it is another', () => {
    const instances = [
      instance({ id: 'a', port: 8080, tags: enabled('check.port=8080') }),
      instance({ id: 'b', port: 8081, tags: enabled('check.port=9000') }),
    ];
    expect(endpointsOf(...instances).map(({ checkPort }) => checkPort)).to.deep.equal([
      undefined,
      9000,
    ]);
  });
});

describe('an instance whose host name can not be resolved now', () => {
  const unresolved = { address: '', unresolved: true } as const;

  it('is an endpoint without an address, in its phase, with a warning', () => {
    const instances = [
      instance({ id: 'a', ...unresolved }),
      instance({ id: 'b', ...unresolved, allocation: { desiredStatus: 'stop' } }),
    ];
    const state = desired([service('web', { instances })]);
    const shown = onlyBackend(state).endpoints.map(({ id, phase, address }) => [
      id,
      phase,
      address,
    ]);
    expect(shown).to.deep.equal([
      ['a', 'serve', ''],
      ['b', 'drain', ''],
    ]);
    expect(onlyBackend(state).endpoints[0]).to.include({ unresolved: true });
    expect(state.warnings.map(({ code }) => code)).to.deep.equal(
      Array(2).fill('instance-unusable'),
    );
  });

  it('is left out like any other without a port', () => {
    const state = desired([service('web', { instances: [instance({ ...unresolved, port: 0 })] })]);
    expect(onlyBackend(state).endpoints).to.deep.equal([]);
  });
});
