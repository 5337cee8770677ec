import { expect } from 'chai';

import { markersIn, neighboursOf } from '../../src/actual/markers.js';
import { parseBackend } from '../../src/actual/normalise/parse.js';
import { requireNoOther } from '../../src/actual/other-connectors.js';
import type { Neighbour } from '../../src/actual/types.js';
import { signed } from '../../src/apply/stamp.js';
import { markOf } from '../../src/haproxy/ownership.js';
import { readStamp, stampOf, withStamp } from '../../src/haproxy/scope.js';
import { asConnectorError } from '../../src/shared/errors.js';
import type { JsonObject } from '../../src/shared/json.js';
import { settings } from '../diff/given.js';

const own = stampOf(settings);
const server = 'nomad__g7-0123456789ab';

function marker(prefix: string, metadata: JsonObject): JsonObject {
  const name = `${prefix}_g7-0123456789ab`;
  return { name: `${prefix}_connector`, servers: { [name]: { name, metadata } } };
}

function slotOf(name: string, service: string, more: JsonObject = {}): JsonObject {
  return { name, address: '10.0.0.1', port: 80, metadata: markOf({ service }), ...more };
}

function parse(name: string, servers: readonly JsonObject[], covers?: (s: string) => boolean) {
  const all = Object.fromEntries(servers.map((one) => [String(one['name'] as string), one]));
  return parseBackend({ name, mode: 'http', servers: all }, 'nomad_', {}, covers);
}

function refused(...args: Parameters<typeof requireNoOther>): string | undefined {
  try {
    return void requireNoOther(...args);
  } catch (error) {
    return asConnectorError(error).code;
  }
}

describe('what another connector made', () => {
  it('is told by the whole name, and by the namespace', () => {
    const red = (service: string): boolean => service.startsWith('red/');
    const nested = parse('nomad_blue_web', [slotOf('nomad_blue_web_1', 'default/web')]);
    expect(nested).to.deep.include({ ours: false, slots: [], foreignService: 'default/web' });
    expect(nested.outOfScope).to.equal(undefined);
    const left = parse('nomad_blue_web', [slotOf('nomad_blue_web_1', 'blue/web')], red);
    expect(left).to.deep.include({ ours: false, slots: [], foreignService: 'blue/web' });
    expect(left.outOfScope).to.deep.equal(['blue/web']);
    const covered = parse('nomad_red_web', [slotOf('nomad_red_web_1', 'red/web')], red);
    expect(covered).to.deep.include({ ours: true, service: 'red/web' });
    expect(covered.foreign).to.equal(undefined);
  });

  it("in an operator's backend, each connector has its own servers", () => {
    const shared = (name: string, service: string) =>
      slotOf(name, service, { metadata: markOf({ service, shared: true }) });
    const { ours, slots, foreign, outOfScope, foreignService } = parse('pool', [
      shared('nomad_web_1', 'default/web'),
      shared('other_web_1', 'default/web'),
    ]);
    expect(ours).to.equal(false);
    expect(slots.map(({ name }) => name)).to.deep.equal(['nomad_web_1']);
    expect(foreign?.map(({ name }) => name)).to.deep.equal(['other_web_1']);
    expect([outOfScope, foreignService]).to.deep.equal([undefined, undefined]);
  });

  it('markers are found, with the maps that they name', () => {
    const sections = [
      marker('nomad_', withStamp(markOf({ service: 'connector' }), own)),
      marker('other_', markOf({ service: 'connector' })),
      { name: 'my_connector', servers: { my_g1: { name: 'my_g1' } } },
    ];
    const found = markersIn(sections);
    expect(found.map(({ prefix }) => prefix)).to.deep.equal(['nomad_', 'other_']);
    expect(found[0]?.marker).to.deep.equal({ onDisk: server, stamp: own });
    const web = parse('other_web', [slotOf('other_web_1', 'default/web')]);
    expect(neighboursOf(found, [web], 'nomad_')).to.deep.equal([
      { prefix: 'other_', serves: true },
    ]);
    expect(neighboursOf(found, [], 'nomad_')).to.deep.equal([{ prefix: 'other_', serves: false }]);
  });

  it('another scope is refused, but for one that is within ours or that an operator replaces', () => {
    const of = (scope: string) => ({ marker: { stamp: { ...own, scope } } });
    expect(refused({ marker: {} }, settings, false)).to.equal(undefined);
    expect(refused({ marker: { onDisk: server } }, settings, false)).to.equal(undefined);
    expect(refused(of(own.scope), settings, false)).to.equal(undefined);
    expect(refused(of('global/red/haproxy'), settings, false)).to.equal(undefined);
    for (const scope of ['eu/*/haproxy', 'global/*/edge', 'global/red/edge', 'nonsense']) {
      expect(refused(of(scope), settings, false), scope).to.equal('other-connector');
      expect(refused(of(scope), settings, true), scope).to.equal(undefined);
    }
  });

  it('another prefix is refused with our maps, while it serves', () => {
    const beside = (given: Partial<Neighbour>) =>
      refused(
        { marker: {}, neighbours: [{ prefix: 'x', serves: true, ...given }] },
        settings,
        true,
      );
    expect(beside({})).to.equal(undefined);
    expect(beside({ stamp: { ...own, maps: ['x'] } })).to.equal(undefined);
    expect(beside({ stamp: own })).to.equal('other-connector');
    expect(beside({ stamp: own, serves: false })).to.equal(undefined);
  });

  it('a marker is signed in its own line, and the rest of the file stays to the byte', () => {
    const line = `  server ${server} 127.0.0.1:9 disabled`;
    const text = (end: string): string =>
      `backend pool\n${line}\n\nbackend nomad__connector # a comment\n  mode http\n${line}${end}\n# end\n`;
    for (const [end, kept] of [
      [' # {"nomad-connector":{"service":"connector","index":7}}', '"index":7'],
      [' # by hand', server],
      ['', server],
    ] as const) {
      const after = signed(text(end), 'nomad__connector', server, own);
      const [before, metadata = ''] =
        /nomad__g7\S+ 127.0.0.1:9 disabled # (.*)\n# end/.exec(after) ?? [];
      expect(before, end).to.include(kept);
      expect(readStamp(JSON.parse(metadata) as JsonObject)).to.deep.equal(own);
      expect(after.replace(` # ${metadata}`, end)).to.equal(text(end));
      expect(signed(after, 'nomad__connector', server, own)).to.equal(after);
    }
    expect(signed(text(''), 'other__connector', server, own)).to.equal(text(''));
  });
});
