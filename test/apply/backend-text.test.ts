import { expect } from 'chai';
import fc from 'fast-check';

import { backendText } from '../../src/apply/render/backend-text.js';
import { withPeers } from '../../src/diff/complete/peers.js';
import { withCanaryMap } from '../../src/desired/canary.js';
import { withCheckMaps } from '../../src/desired/check-maps.js';
import type { JsonObject } from '../../src/shared/json.js';
import { acceptedTagList } from '../desired/arbitraries.js';
import { backendFor, checkSpec, desired, enabled, instance, service } from '../desired/given.js';

const servers = {
  x_1: {
    ...{ name: 'x_1', address: '127.0.0.1', port: 80, weight: 100, maintenance: 'disabled' },
    ...{ health_check_port: 81, metadata: { a: { service: 'default/web' } } },
  },
  x_2: { name: 'x_2', address: '::1', port: 9, weight: 1, maintenance: 'enabled' },
};

function textOf(section: JsonObject, more: JsonObject = {}): string | undefined {
  return backendText({ ...section, name: 'x', from: 'web', metadata: { a: 1 }, servers, ...more });
}

/** As Data Plane API 3.2.15 writes it. */
const whole = `backend x from web # {"a":1}
  mode http
  hash-type consistent
  balance hdr(X-User)
  acl nomad_allowed src 10.0.0.1
  option forwardfor
  option redispatch 1
  option httpchk
  http-check send meth GET uri /health ver HTTP/1.1 hdr Host a.example.com
  http-check expect string 'all is well'
  timeout queue 1m
  timeout check 5s
  timeout tunnel 1d
  timeout server 90s
  timeout connect 1500ms
  default-server check check-ssl ssl ca-file @system-ca check-sni a.example.com fall 3 inter 10s fastinter 1s downinter 1s rise 1 sni req.hdr(host),field(1,:) verify required hash-key addr-port
  http-request disable-l7-retry unless METH_GET
  http-request deny deny_status 403 unless nomad_allowed
  http-request track-sc2 src
  http-request deny deny_status 429 if { sc_http_req_rate(2) gt 5 }
  http-request replace-path ^(?:/api)(?:/|$)(.*) /\\1
  http-request set-header X-A 'b; c'
  stick-table type ipv6 size 100000 expire 1s store http_req_rate(1000)
  cookie SRV dynamic httponly indirect nocache insert
  dynamic-cookie-key nomad_web
  server x_1 127.0.0.1:80 enabled port 81 weight 100 # {"a":{"service":"default/web"}}
  server x_2 [::1]:9 disabled weight 1
  retries 10
  http-response del-header Server
  load-server-state-from-file global
  retry-on conn-failure empty-response`;

describe('backendText', () => {
  it('says a section as the Data Plane API does', () => {
    const tags = [
      ...['load-balance=hdr(X-User)', 'allow-list=10.0.0.1', 'rate-limit=5/s', 'cookie=SRV'],
      ...['timeout.queue=1m', 'timeout.tunnel=24h', 'timeout.server=90s', 'timeout.connect=1500ms'],
      ...['domain=a.example.com', 'path=/api', 'path.strip=true', 'server.ssl=true'],
      ...['server.ssl.verify=true', 'request-header.set=X-A: b; c', 'response-header.set=Server:'],
      ...['check.path=/health', 'check.expect=string:all is well'],
    ];
    expect(textOf(backendFor(tags).section)).to.equal(whole);
  });

  it('says the peers of a table before what it stores, as the Data Plane API does', () => {
    const { section } = backendFor(['rate-limit=5/s']);
    expect(textOf(withPeers(section, 'edge'))).to.match(
      /stick-table type ipv6 size \d+ expire \S+ peers edge store http_req_rate\(1000\)/,
    );
    expect(withPeers(section, undefined)).to.equal(section);
    const plain = backendFor([]).section;
    expect(withPeers(plain, 'edge')).to.equal(plain);
  });

  it('says every section that tags can ask for', () => {
    fc.assert(
      fc.property(acceptedTagList, (tags) => {
        const instances = [instance({ tags: enabled(...tags) })];
        for (const { kind, section } of desired([service('web', { instances })]).backends) {
          const files = { paths: '/maps/p.map', hosts: '/maps/h.map' };
          const filled = withCanaryMap(withCheckMaps(section, files), '/maps/c.map');
          if (kind === 'dynamic') expect(textOf(filled), JSON.stringify(filled)).to.be.a('string');
        }
      }),
      { numRuns: 40 },
    );
  });

  const unknown: readonly JsonObject[] = [
    { errorfile_list: [] },
    { mode: 'health' },
    { forwardfor: { enabled: 'enabled', header: 'X' } },
    { http_request_rule_list: [{ type: 'lua' }] },
    { http_request_rule_list: [{ type: 'deny', deny_status: 403, hdr_name: 'X' }] },
    { default_server: { check: 'enabled', agent_port: 1 } },
    { dynamic_cookie_key: 'a b' },
    { servers: { x_1: { ...servers.x_1, address: 'a.example.com' } } },
    { name: 'x y' },
  ];
  for (const one of unknown) {
    it(`leaves to the Data Plane API: ${JSON.stringify(one).slice(0, 90)}`, () => {
      expect(textOf({ mode: 'http' }, one)).to.equal(undefined);
    });
  }

  it('never begins another line, whatever a value is', () => {
    const bad = fc
      .tuple(fc.string(), fc.constantFrom('\n', '\r', '\0', '\u2028', '\t\v'), fc.string())
      .map((parts) => parts.join(''));
    const { section } = backendFor(
      ['cookie=SRV', 'request-header.set=X-A: b'],
      [checkSpec('http')],
    );
    fc.assert(
      fc.property(bad, fc.nat(), (value, at) => {
        const places = pathsOf(section);
        const place = places[at % places.length] ?? [];
        expect(textOf(replaced(section, place, value) as JsonObject)).to.equal(undefined);
      }),
    );
  });
});

type Path = readonly (string | number)[];

/** Of every string within. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value === 'string') return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => pathsOf(one, [...path, key]));
}

function replaced(value: unknown, [key, ...rest]: Path, by: string): unknown {
  if (key === undefined) return by;
  if (Array.isArray(value)) {
    return value.map((one: unknown, at) => (String(at) === key ? replaced(one, rest, by) : one));
  }
  const object = value as Readonly<Record<string, unknown>>;
  return { ...object, [key]: replaced(object[key], rest, by) };
}
