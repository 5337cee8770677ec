import { expect } from 'chai';

import { type ServerCheck, serverCheck } from '../../src/haproxy/server-check.js';
import { withCheckMaps } from '../../src/desired/check-maps.js';
import type { JsonObject } from '../../src/shared/json.js';
import {
  backendFor,
  checkSpec,
  desired,
  enabled,
  instance,
  onlyBackend,
  service,
} from '../desired/given.js';

const noLookup = () => undefined;

function checkOf(
  section: JsonObject,
  more: JsonObject = {},
  hasCheckPort = false,
): ServerCheck | undefined {
  const server = { ...(section['default_server'] as JsonObject), ...more };
  return serverCheck({ section, server, hasCheckPort, lookup: noLookup });
}

function checkFor(...tags: string[]): ServerCheck | undefined {
  return checkOf(backendFor(tags).section);
}

function requestOf(check: ServerCheck | undefined): string[] | undefined {
  return check?.talk.kind === 'http' ? check.talk.request.split('\r\n') : undefined;
}

describe('the check that HAProxy runs on a server', () => {
  it('is a connection, where nothing else is said', () => {
    expect(checkFor('check.type=tcp', 'check.timeout=1s', 'check.rise=4')).to.deep.equal({
      rise: 4,
      timeoutMs: 1000,
      talk: { kind: 'connect' },
    });
  });

  it('is a request, with the words of haproxy.cfg as they are meant', () => {
    const spec = checkSpec('http', {
      path: '/health?full=1',
      method: 'OPTIONS',
      headers: { Host: ['api.example.com'], 'X-Why': ["it's # this"], 'X-Team': ['web'] },
      body: 'two words',
    });
    const check = checkOf(backendFor([], [spec]).section);
    expect(requestOf(check)).to.deep.equal([
      'OPTIONS /health?full=1 HTTP/1.1',
      'Host: api.example.com',
      'X-Team: web',
      "X-Why: it's # this",
      'Content-Length: 9',
      'Connection: close',
      '',
      'two words',
    ]);
    expect(check?.talk).not.to.have.property('expect');
  });

  it('expects what the tag says', () => {
    expect(checkFor('check.path=/h', 'check.expect=200-204,301')?.talk).to.deep.include({
      expect: { match: 'status', pattern: '200-204,301' },
    });
    expect(checkFor('check.path=/h', 'check.expect=string:all is well')?.talk).to.deep.include({
      expect: { match: 'string', pattern: 'all is well' },
    });
  });

  it('speaks TLS with the same server name', () => {
    const tags = ['check.type=https', 'check.host=tls.example.com:8443'];
    expect(checkFor(...tags)?.tls).to.deep.equal({ name: 'tls.example.com' });
    expect(checkFor('check.type=https', 'check.host=10.0.0.1')?.tls).to.deep.equal({});
    expect(checkFor('check.type=http', 'server.ssl=true')?.tls).to.deep.include({});
    const { section } = backendFor(['check.type=tcp', 'server.ssl=true']);
    expect(checkOf(section)?.tls).to.deep.equal({});
    expect(checkOf(section, {}, true)).not.to.have.property('tls');
    expect(checkFor('check.type=tcp', 'server.ssl=true', 'server.ssl.verify=true')).to.equal(
      undefined,
    );
  });

  it('is not one that HAProxy makes with the PROXY protocol', () => {
    const { section } = backendFor(['check.type=tcp', 'send-proxy=v2']);
    expect(checkOf(section)).to.equal(undefined);
    expect(checkOf(backendFor(['check.type=tcp']).section, { 'send-proxy': 'enabled' })).to.equal(
      undefined,
    );
  });

  it('of gRPC health sends and expects the same bytes', () => {
    const check = checkOf(backendFor([], [checkSpec('grpc', { grpcService: 'a.B' })]).section);
    expect(check?.talk).to.include({ kind: 'binary', expect: '00000000020801' });
    expect(check?.talk.kind === 'binary' && check.talk.send).to.match(/^505249202a/);
    const tls = checkOf(backendFor(['server.ssl=true'], [checkSpec('grpc')]).section);
    expect(tls?.tls).to.deep.equal({ alpn: 'h2' });
  });

  describe('where versions differ', () => {
    const paths = [
      instance({ tags: enabled('check.path=/one') }),
      instance({ tags: enabled('check.path=/two'), createIndex: 200 }),
    ];
    const { section: bare } = onlyBackend(desired([service('web', { instances: paths })]));
    const section = withCheckMaps(bare, { paths: '/maps/p.map', hosts: '/maps/h.map' });
    const server = section['default_server'] as JsonObject;

    it('has the path that the map gives this server', () => {
      const lookup = (file: string) => (file === '/maps/p.map' ? '/two' : undefined);
      expect(
        requestOf(serverCheck({ section, server, hasCheckPort: false, lookup }))?.[0],
      ).to.equal('GET /two HTTP/1.1');
    });

    it('is unknown without an entry', () => {
      expect(serverCheck({ section, server, hasCheckPort: false, lookup: noLookup })).to.equal(
        undefined,
      );
    });
  });

  describe('is left to HAProxy', () => {
    for (const [why, check] of [
      ['where there is none', checkFor('check.disabled=true')],
      [
        'where it verifies certificates',
        checkFor('check.type=https', 'server.ssl=true', 'server.ssl.verify=true'),
      ],
      ['over HTTP/2', checkFor('check.type=https', 'server.ssl=true', 'server.proto=h2')],
      ['behind the PROXY protocol', checkFor('send-proxy=v2')],
      ['through somebody else', checkOf(backendFor([]).section, { socks4: '10.0.0.1:1080' })],
      ['at another address', checkOf(backendFor([]).section, { health_check_address: '10.0.0.1' })],
      ['beside an agent', checkOf(backendFor([]).section, { 'agent-check': 'enabled' })],
      [
        'of a kind that the connector never writes',
        checkOf({ ...backendFor([]).section, adv_check: 'mysql-check' }),
      ],
    ] as const) {
      it(why, () => expect(check).to.equal(undefined));
    }

    it('elsewhere than where the server is', () => {
      const { section } = backendFor(['check.type=tcp']);
      const rule = { action: 'connect', default: true };
      expect(checkOf({ ...section, tcp_check_rule_list: [rule] })?.talk.kind).to.equal('connect');
      const other = { ...section, tcp_check_rule_list: [{ ...rule, port: 81 }] };
      expect(checkOf(other)).to.equal(undefined);
    });

    it('with more rules than the connector writes', () => {
      const { section } = backendFor(['check.path=/h']);
      const list = section['http_check_list'] as JsonObject[];
      const more = [...list, { type: 'expect', match: 'status', pattern: '200' }];
      expect(checkOf({ ...section, http_check_list: more })).not.to.equal(undefined);
      expect(checkOf({ ...section, http_check_list: [...more, ...list] })).to.equal(undefined);
      const inverse = [...list, { ...more.at(-1), exclamation_mark: true }];
      expect(checkOf({ ...section, http_check_list: inverse })).to.equal(undefined);
    });
  });
});
