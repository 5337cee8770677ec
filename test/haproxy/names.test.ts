import { expect } from 'chai';
import fc from 'fast-check';

import { type ServiceId, backendName, connectorBackendName } from '../../src/haproxy/names.js';

const nomad = (namespace: string, name: string): ServiceId => ({
  source: 'nomad',
  namespace,
  name,
});

/** Anything, and near misses: names that look like made ones. */
const part = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.stringMatching(/^[a-z0-9_.-]{0,6}$/),
  fc.constantFrom('default', 'connector', '_connector', 'route.file', 'web_h12345678', 'h12345678'),
);
const id: fc.Arbitrary<ServiceId> = fc.record({
  source: fc.constantFrom('nomad' as const, 'file' as const),
  namespace: part,
  name: part,
});

describe('names of backends', () => {
  it('are the prefix and the service, with the namespace unless it is default', () => {
    expect(backendName('nomad_', nomad('default', 'web'))).to.equal('nomad_web');
    expect(backendName('nomad_', nomad('team-a', 'web'))).to.equal('nomad_team-a_web');
    expect(backendName('', nomad('default', 'web'))).to.equal('web');
    const file: ServiceId = { source: 'file', namespace: '', name: 'legacy' };
    expect(backendName('nomad_', file)).to.equal('nomad_route.file_legacy');
  });

  it('replace what HAProxy refuses and stay apart by a hash', () => {
    const names = ['a/b', 'a b', 'a_b'].map((name) =>
      backendName('nomad_', nomad('default', name)),
    );
    for (const name of names) expect(name).to.match(/^nomad_a_b_h[0-9a-f]{8}$/);
    expect(new Set(names)).to.have.length(3);
  });

  it('are valid, bounded, stable, and differ when the services do', () => {
    fc.assert(
      fc.property(id, id, (a, b) => {
        const name = backendName('nomad_', a);
        expect(name).to.match(/^[A-Za-z0-9_.-]{7,130}$/);
        expect(backendName('nomad_', a)).to.equal(name);
        expect(name === backendName('nomad_', b)).to.equal(sameService(a, b));
      }),
      { numRuns: 2000 },
    );
  });

  it("never take the name of the connector's own backend", () => {
    fc.assert(
      fc.property(id, fc.constantFrom('nomad_', '', 'x'), (service, prefix) => {
        expect(backendName(prefix, service)).not.to.equal(connectorBackendName(prefix));
      }),
      { numRuns: 2000 },
    );
  });
});

/** A file has no namespace. */
function sameService(a: ServiceId, b: ServiceId): boolean {
  if (a.source !== b.source || a.name !== b.name) return false;
  return a.source === 'file' || a.namespace === b.namespace;
}
