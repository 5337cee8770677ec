import { expect } from 'chai';

import { findDegraded } from '../../src/actual/normalise/degraded.js';
import { peersIn } from '../../src/actual/normalise/peers.js';
import { mapNames } from '../../src/haproxy/map-names.js';
import { markOf } from '../../src/haproxy/ownership.js';
import {
  parseBackend,
  parseFrontend,
  parseGlobal,
  parseMapEntries,
  parseDefaults,
  versionStamp,
  parseRuntimeServers,
} from '../../src/actual/normalise/parse.js';
import { serverJson } from '../../src/apply/render/backend-json.js';
import { assignSlots } from '../../src/diff/plan/slots.js';
import type { JsonObject } from '../../src/shared/json.js';
import {
  actualBackend,
  actualState,
  checkedSection,
  endpoint,
  frontend,
  now,
  settings,
  slot,
} from '../diff/given.js';

const mark = markOf({ service: 'default/web' });

function server(name: string, given: JsonObject = {}): JsonObject {
  return { name, address: '10.0.0.1', port: 80, metadata: mark, ...given };
}

function parse(name: string, given: JsonObject = {}) {
  return parseBackend({ name, ...checkedSection, ...given }, 'nomad_', {});
}

describe('parsing what the Data Plane API answers', () => {
  it("the file's version: none before the Data Plane API has written it", () => {
    expect(versionStamp('# _md5hash=ab\n# _version=17\nglobal\n')).to.equal(17);
    expect(versionStamp('# by hand\nglobal\n')).to.equal(undefined);
    expect(versionStamp('global\n  # about _version=5\n')).to.equal(undefined);
    expect(versionStamp('')).to.equal(undefined);
  });

  describe("a backend: ours, or the operator's", () => {
    it('a prefix and a mark: ours', () => {
      const found = parse('nomad_web', { metadata: mark });
      expect(found).to.deep.include({
        ours: true,
        service: 'default/web',
        section: checkedSection,
      });
    });

    it('a service that is called like a marker: ours', () => {
      const found = (name: string, service: string) =>
        parse(name, { metadata: markOf({ service }) });
      for (const [name, service] of [
        ['nomad_connector', 'default/connector'],
        ['nomad_blue_connector', 'blue/connector'],
        ['nomad_route.file_connector', 'file:connector'],
      ] as const) {
        expect(found(name, service)).to.deep.include({ ours: true, service });
      }
      expect(found('nomad__connector', 'connector').ours).to.equal(false);
      expect(found('nomad_blue_connector', 'connector').ours).to.equal(false);
    });

    it('a prefix and no mark: not ours', () => {
      expect(parse('nomad_web')).to.deep.include({ ours: false, section: {}, slots: [] });
      const theirs = { server: { name: 'nomad_web_1', address: '10.0.0.1', port: 80 } };
      expect(parse('nomad_web', { servers: theirs }).ours).to.equal(false);
    });

    it('a mark and no prefix: not ours', () => {
      expect(parse('web', { metadata: mark }).ours).to.equal(false);
    });

    it('before 3.2 the mark of its servers is enough', () => {
      const servers = { nomad_web_1: server('nomad_web_1') };
      expect(parse('nomad_web', { servers })).to.deep.include({
        ours: true,
        service: 'default/web',
      });
    });

    it("with a server of the operator's beside ours it is the operator's", () => {
      const servers = { nomad_web_1: server('nomad_web_1'), s1: { name: 's1' } };
      const found = parse('nomad_web', { servers });
      expect(found.ours).to.equal(false);
      expect(found.slots.map(({ name }) => name)).to.deep.equal(['nomad_web_1']);
    });

    it('the generation marker is neither', () => {
      expect(parse('nomad__connector', { metadata: mark }).ours).to.equal(false);
    });

    it("our servers in the operator's backend are ours, theirs are not", () => {
      const servers = {
        nomad_web_2: server('nomad_web_2'),
        nomad_web_10: server('nomad_web_10'),
        nomad_web_1: server('nomad_web_1', { check: 'enabled', inter: 2000 }),
        theirs_3: { name: 'theirs_3', address: '10.0.0.2', port: 80 },
        other: server('other'),
      };
      const { ours, slots, section } = parse('pool', { servers });
      expect({ ours, section }).to.deep.equal({ ours: false, section: {} });
      expect(slots.map(({ name }) => name)).to.deep.equal([
        ...['nomad_web_1', 'nomad_web_2', 'nomad_web_10'],
      ]);
      expect(slots[0]?.fields).to.deep.equal({ check: 'enabled', inter: 2000 });
    });

    it('servers of two services with the same number are in the same order each time', () => {
      const pair = [server('nomad_b_1'), server('nomad_a_1')] as const;
      const orders = [pair, [...pair].reverse()].map((all) => {
        const servers = Object.fromEntries(all.map((one) => [String(one['name'] as string), one]));
        return parse('pool', { servers }).slots.map(({ name }) => name);
      });
      expect(orders[0]).to.deep.equal(['nomad_a_1', 'nomad_b_1']);
      expect(orders[1]).to.deep.equal(orders[0]);
    });
  });

  it('a slot is read back as it was written', () => {
    const planned = assignSlots({
      prefix: 'nomad_web',
      service: 'default/web',
      slots: [],
      endpoints: [
        endpoint('a', { address: '2001:db8::1', checkPort: 9000, weight: 0 }),
        endpoint('b', { phase: 'gate' }),
      ],
      hasCheck: true,
      held: new Set(),
      isGone: () => false,
      idle: new Set(),
      now,
      drainTimeoutSeconds: 30,
      settings: { spareFactor: 1, spareMin: 2 },
      structural: false,
    });
    const fields = { check: 'enabled', inter: 2000 };
    const servers = Object.fromEntries(planned.map((one) => [one.name, serverJson(one, fields)]));
    const read = parse('nomad_web', { servers }).slots;
    expect(read).to.deep.equal(planned.map(({ admin: _, ...rest }) => ({ ...rest, fields })));
  });

  it('a server without a weight has the one that HAProxy gives it', () => {
    const servers = { nomad_web_1: server('nomad_web_1') };
    expect(parse('nomad_web', { servers }).slots[0]?.config).to.deep.equal({
      ...{ address: '10.0.0.1', port: 80, disabled: false, weight: 1 },
    });
  });

  it('runtime servers: what is unknown is taken for the worst', () => {
    const servers = parseRuntimeServers([
      { name: 'a', address: '10.0.0.1', port: 80, admin_state: 'ready', operational_state: 'up' },
      { name: 'b', admin_state: 'what', operational_state: 'what' },
      { address: '10.0.0.1' },
      null,
    ]);
    expect(servers).to.deep.equal({
      a: { address: '10.0.0.1', port: 80, admin: 'ready', operational: 'up' },
      b: { address: '', port: 0, admin: 'maint', operational: 'down' },
    });
    expect(parseRuntimeServers(undefined)).to.deep.equal({});
  });

  it('a frontend without lists has empty ones', () => {
    const bare = frontend('f', { mode: 'tcp', idleCloseOnResponse: false });
    expect(parseFrontend({ name: 'f' }, {})).to.deep.equal(bare);
    const rules = [{ name: 'static', cond: 'if', cond_test: 'x' }];
    const full = { name: 'f', mode: 'http', backend_switching_rule_list: rules };
    expect(parseFrontend(full, {})).to.deep.include({ mode: 'http', rules });
  });

  it('a section without a mode has that of its defaults, else tcp as HAProxy has', () => {
    const modes = parseDefaults([{ name: 'web', mode: 'http' }, { name: 'plain' }]);
    expect(parseFrontend({ name: 'f', from: 'web' }, modes).mode).to.equal('http');
    expect(parseFrontend({ name: 'f', from: 'plain' }, modes).mode).to.equal('tcp');
    expect(parseBackend({ name: 'b', from: 'web', mode: 'tcp' }, 'nomad_', modes).mode).to.equal(
      'tcp',
    );
    expect(parseBackend({ name: 'b', from: 'web' }, 'nomad_', modes).mode).to.equal('http');
  });

  it('what a custom backend must have can come from its defaults, and can be undone there', () => {
    const there = { redispatch: { enabled: 'enabled' }, load_server_state_from_file: 'global' };
    const undone = { redispatch: { enabled: 'disabled' }, load_server_state_from_file: 'none' };
    const defaults = parseDefaults([{ name: 'with', ...there }, { name: 'plain' }]);
    const found = (item: object) => {
      const backend = parseBackend({ name: 'b', ...item }, 'nomad_', defaults);
      return [backend.redispatches ?? false, backend.loadsServerState ?? false];
    };
    expect(found({ from: 'with' })).to.deep.equal([true, true]);
    expect(found({ from: 'with', ...undone })).to.deep.equal([false, false]);
    expect(found({ from: 'plain' })).to.deep.equal([false, false]);
    expect(found({ from: 'plain', ...there })).to.deep.equal([true, true]);
    expect(found(there)).to.deep.equal([true, true]);
  });

  it('map entries: of two equal keys the first is the one that counts', () => {
    const entries = [
      { key: 'x.io', value: 'a' },
      { key: 'x.io', value: 'b' },
      { key: 'constructor', value: 'c' },
      { key: 'y.io' },
    ];
    expect(parseMapEntries(entries)).to.deep.equal({ 'x.io': 'a', constructor: 'c' });
  });

  it('the server state file stands below the performance options, or at the top in 3.0', () => {
    const general = [{ storage_name: 'state', file: '/general/state' }];
    const inOptions = { performance_options: { server_state_file: '/general/state' } };
    expect(parseGlobal(inOptions, general).serverStateFile).to.equal('/general/state');
    const atTop = { server_state_file: '/general/state', hard_stop_after: 30_000 };
    expect(parseGlobal(atTop, general).serverStateFile).to.equal('/general/state');
    expect(parseGlobal(atTop, general).hardStopAfter).to.equal(true);
    expect(parseGlobal({}, general)).to.deep.equal({ hardStopAfter: false });
    const elsewhere = { server_state_file: '/var/lib/state' };
    expect(parseGlobal(elsewhere, general)).to.deep.equal({ hardStopAfter: false });
  });
});

describe('names of our maps', () => {
  it('begin with the configured name, and none is another', () => {
    const names = Object.values(mapNames(settings.routing));
    expect(names.every((name) => name.startsWith('nomad_'))).to.equal(true);
    expect(new Set(names).size).to.equal(names.length);
  });

  it('the exact one can be a file of the operator', () => {
    const routing = { ...settings.routing, mapFile: '/etc/haproxy/maps/hosts.map' };
    expect(mapNames(routing)).to.include({ exact: 'hosts', prefix: 'nomad_prefix' });
  });
});

describe("what is missing in the operator's part", () => {
  it('nothing where all is there', () => {
    expect(findDegraded(actualState(), ['http_front'])).to.deep.equal([]);
  });

  it('each lack is named, with what to add', () => {
    const bare = actualState([], {
      global: { hardStopAfter: false },
      frontends: {
        http_front: frontend('http_front', { idleCloseOnResponse: false }),
        tls_front: frontend('tls_front', { mode: 'tcp', idleCloseOnResponse: false }),
      },
    });
    const found = findDegraded(bare, ['http_front', 'tls_front', 'none']);
    expect(found.map(({ code }) => code)).to.deep.equal([
      'no-server-state-file',
      'no-hard-stop-after',
      'no-idle-close-on-response',
      'frontend-missing',
    ]);
    expect(found.map(({ message }) => message).join()).to.contain('frontend http_front has no');
  });

  it('the peers section that the settings name', () => {
    const raw =
      'peers edge # shared\n  peer a 127.0.0.1:1\n\tpeers x.y\nbackend edge2\n  # peers gone\n';
    expect(peersIn(raw, undefined)).to.equal(undefined);
    for (const name of ['edge', 'x.y']) {
      const peers = peersIn(raw, name);
      expect(peers).to.deep.equal({ name, exists: true });
      expect(findDegraded(actualState([], { peers: peers! }), ['http_front'])).to.deep.equal([]);
    }
    for (const name of ['edge2', 'xzy', 'gone', 'edg']) {
      const peers = peersIn(raw, name);
      expect(peers).to.deep.equal({ name, exists: false });
      const [found] = findDegraded(actualState([], { peers: peers! }), ['http_front']);
      expect(found).to.include({ code: 'peers-missing' });
    }
  });

  it('in backends of the operator, where our servers are', () => {
    const slots = [slot('nomad_web_1')];
    const theirs = actualBackend('shop', { name: 'shop', slots, ours: false });
    const whole = { ...theirs, name: 'whole', redispatches: true, loadsServerState: true } as const;
    const none = { ...theirs, name: 'none', slots: [] };
    const all = actualState([theirs, whole, none, actualBackend('web', { slots })]);
    const found = findDegraded(all, ['http_front']);
    expect(found.map(({ code, message }) => [code, message.split(' ')[1]])).to.deep.equal([
      ['custom-backend-redispatch', 'shop'],
      ['custom-backend-state', 'shop'],
    ]);
  });
});
