import { expect } from 'chai';
import fc from 'fast-check';

import type { Settings } from '../../src/config/types.js';
import { backendName, type ServiceId, serviceLabel } from '../../src/haproxy/names.js';
import { markOf } from '../../src/haproxy/ownership.js';
import {
  contains,
  covers,
  isSameStamp,
  prefixOf,
  readStamp,
  stampOf,
  withStamp,
} from '../../src/haproxy/scope.js';
import { settings } from '../diff/given.js';

function scoped(given: { namespace?: string; region?: string; scope?: string; tags?: string }) {
  const { namespace = '*', region, scope, tags = 'haproxy' } = given;
  return stampOf({
    ...settings,
    nomad: { ...settings.nomad, namespace, ...(region === undefined ? {} : { region }) },
    ownership: { ...settings.ownership, ...(scope === undefined ? {} : { scope }) },
    tags: { prefix: tags },
  }).scope;
}

const someScope = fc
  .record({
    namespace: fc.constantFrom('*', 'red', 'blue', 'blue,red', 'blue,default,red'),
    region: fc.constantFrom('global', 'eu', 'us.west'),
    tags: fc.constantFrom('haproxy', 'edge'),
  })
  .map(scoped);

describe('scope: which connector', () => {
  it('is the region, or what the settings say instead, the namespace and the tags', () => {
    expect(scoped({})).to.equal('global/*/haproxy');
    expect(scoped({ region: 'global' })).to.equal(scoped({}));
    expect(scoped({ region: 'eu', namespace: 'red', tags: 'edge' })).to.equal('eu/red/edge');
    expect(scoped({ region: 'eu', scope: 'one' })).to.equal('one/*/haproxy');
  });

  it('of two that differ, at most one may take over by itself', () => {
    fc.assert(
      fc.property(someScope, someScope, (one, other) => {
        if (one === other) expect(contains(one, other)).to.equal(true);
        else expect(contains(one, other) && contains(other, one)).to.equal(false);
      }),
    );
    expect(contains('global/*/haproxy', 'global/red/haproxy')).to.equal(true);
    expect(contains('global/*/haproxy', 'global/red/edge')).to.equal(false);
    expect(contains('global/*/haproxy', 'eu/red/haproxy')).to.equal(false);
    expect(contains('global/red/haproxy', 'global/blue/haproxy')).to.equal(false);
    expect(contains('global/blue,red/haproxy', 'global/red/haproxy')).to.equal(true);
    expect(contains('global/red/haproxy', 'global/blue,red/haproxy')).to.equal(false);
    expect(contains('global/blue,red/haproxy', 'global/*/haproxy')).to.equal(false);
  });

  it('covers its namespace alone, and files', () => {
    const within = (namespace: string, service: string): boolean =>
      covers({ nomad: { ...settings.nomad, namespace } }, service);
    expect(within('*', 'blue/web')).to.equal(true);
    expect(within('blue', 'blue/web')).to.equal(true);
    expect(within('blu', 'blue/web')).to.equal(false);
    expect(within('red', 'blue/red/web')).to.equal(false);
    expect(within('blue,red', 'red/web')).to.equal(true);
    expect(within('blue,red', 'blue,red/web')).to.equal(false);
    expect(within('red', 'file:blue/web')).to.equal(true);
  });

  it('is read back from the metadata, whatever else is in it', () => {
    const routing: Settings['routing'] = { ...settings.routing, mapFile: '/maps/hosts.map' };
    for (const stamp of [stampOf(settings), stampOf({ ...settings, routing })]) {
      const metadata = withStamp({ ...markOf({ service: 'connector' }), comment: 'mine' }, stamp);
      const read = readStamp(JSON.parse(JSON.stringify(metadata)) as typeof metadata);
      expect(read).to.deep.equal(stamp);
      expect(isSameStamp(read, stamp)).to.equal(true);
      expect(metadata).to.deep.include({ comment: 'mine' });
      expect(JSON.stringify(metadata)).to.include('"service":"connector"');
    }
    expect(readStamp(markOf({ service: 'connector' }))).to.equal(undefined);
    fc.assert(fc.property(fc.jsonValue(), (value) => readStamp(value as never) === undefined));
  });

  it('the prefix is told by the whole name, however prefixes begin', () => {
    const service: fc.Arbitrary<ServiceId> = fc.record({
      source: fc.constantFrom('nomad', 'file'),
      namespace: fc.constantFrom('default', 'blue', 'b_c'),
      name: fc.constantFrom('web', 'blue_web', 'a/b', 'x'.repeat(150), '..'),
    });
    const prefix = fc.constantFrom('', 'nomad_', 'nomad_blue_', 'n', 'nomad__h');
    fc.assert(
      fc.property(service, prefix, (id, own) => {
        expect(prefixOf(serviceLabel(id), backendName(own, id))).to.equal(own);
      }),
    );
    expect(prefixOf('default/web', 'nomad_blue_web')).to.equal('nomad_blue_');
    expect(prefixOf('blue/web', 'nomad_blue_web')).to.equal('nomad_');
    for (const other of ['connector', '', '/web']) {
      expect(prefixOf(other, 'nomad_web')).to.equal(undefined);
    }
  });
});
