import { expect } from 'chai';

import { type Proof, type TagCase } from './cases.js';
import { type Ask, until } from './world.js';

/** Hosts (or requests) that lead to the app, and those that are left to the operator. */
function leads(
  found: readonly (string | readonly [string, Ask])[],
  left: readonly (string | readonly [string, Ask])[],
): (at: Proof) => Promise<void> {
  return async (at) => {
    for (const one of found) {
      const [host, ask] = typeof one === 'string' ? [one, {}] : one;
      expect((await at.served(ask, host)).app).to.equal(at.app.name);
    }
    for (const one of left) {
      const [host, ask] = typeof one === 'string' ? [one, {}] : one;
      const { status, body } = await at.ask(ask, host);
      expect([status, body], host).to.deep.equal([404, 'operator default']);
    }
  };
}

const routing = { routing: true } as const;

export const routeCases: readonly TagCase[] = [
  {
    key: 'enable',
    title: 'true, and its key in any case',
    tags: [],
    more: () => ({ tags: ['HAProxy.ENABLE=True', 'haproxy.Domain=cased.example.com'] }),
    ...routing,
    prove: leads(['cased.example.com'], []),
  },
  {
    key: 'enable',
    title: 'false',
    tags: ['enable=false'],
    more: () => ({ tags: ['haproxy.enable=false', 'haproxy.domain=disabled.example.com'] }),
    ...routing,
    prove: leads([], ['disabled.example.com']),
  },
  {
    key: 'backend',
    title: 'dynamic',
    tags: ['backend=dynamic'],
    ...routing,
    prove: (at) => leads([at.host], [])(at),
  },
  {
    key: 'backend',
    title: "custom: servers in the operator's backend of the service's name",
    tags: ['backend=custom', 'domain=named.example.com'],
    more: () => ({ name: 'own-pool', job: { ID: 'own-pool' } }),
    ...routing,
    prove: async (at) => {
      await leads(['named.example.com'], [])(at);
      expect((await at.ask({}, 'named.example.com')).headers['x-pool']).to.equal('own-pool');
    },
  },
  {
    key: 'backend',
    title: 'static: nothing at all',
    tags: ['backend=static', 'domain=static.example.com'],
    ...routing,
    prove: async (at) => {
      await leads([], ['static.example.com'])(at);
      expect(await at.world.stack.configuration()).not.to.include(`:${at.app.port}`);
    },
  },
  {
    key: 'backend.name',
    title: "custom: servers in the operator's backend of that name",
    tags: ['backend=custom', 'backend.name=op_pool', 'domain=pool.example.com'],
    ...routing,
    prove: async (at) => {
      await leads(['pool.example.com'], [])(at);
      expect((await at.ask({}, 'pool.example.com')).headers['x-pool']).to.equal('op_pool');
      // The operator's check, on our servers.
      await until('a check', () => at.app.checks.length > 0);
      expect(at.app.checks[0]).to.include({ method: 'HEAD', url: '/status' });
    },
  },
  {
    key: 'backend.strategy',
    title: 'use_existing, where there is none',
    tags: ['backend.strategy=use_existing'],
    prove: (at) => leads([at.host], [])(at),
  },
  {
    key: 'mode',
    title: 'http',
    tags: ['mode=http'],
    ...routing,
    prove: (at) => leads([at.host], [])(at),
  },
  {
    key: 'mode',
    title: 'tcp, by the TLS server name',
    tags: ['mode=tcp', 'frontend=tls_in', 'domain=sni.example.com', 'domain=*.sni.example.com'],
    apps: ['https'],
    ...routing,
    prove: async (at) => {
      const { tls: port } = at.world.ports;
      for (const serverName of ['sni.example.com', 'SNI.example.com', 'a.sni.example.com']) {
        const { serverName: seen } = await at.served({ port, serverName });
        expect(seen?.toLowerCase()).to.equal(serverName.toLowerCase());
      }
      const error = await at.ask({ port, serverName: 'other.example.com' }).catch(String);
      expect(error).to.match(/ECONNRESET|hang up|disconnected/);
    },
  },
  {
    key: 'mode',
    title: 'tcp, a whole frontend',
    tags: ['mode=tcp', 'frontend=tcp_in'],
    domain: false,
    ...routing,
    prove: async (at) => {
      expect((await at.served({ port: at.world.ports.tcp }, 'any')).app).to.equal(at.app.name);
    },
  },
  {
    key: 'domain',
    title: 'a host name, whatever its case and port',
    tags: ['domain=Exact.Example.com'],
    ...routing,
    prove: leads(
      ['exact.example.com', 'EXACT.example.COM', 'exact.example.com:8443'],
      ['a.exact.example.com', 'exact.example.com.evil.com', 'xexact.example.com'],
    ),
  },
  {
    key: 'domain',
    title: 'several (S2)',
    tags: ['domain=one.example.com', 'domain=two.example.org', 'domain=three.example.net'],
    ...routing,
    prove: leads(['one.example.com', 'two.example.org', 'three.example.net'], ['one.example.org']),
  },
  {
    key: 'domain',
    title: '*. begins a wildcard, of any depth',
    tags: ['domain=*.wild.example.com'],
    ...routing,
    prove: leads(
      [
        'a.wild.example.com',
        'b.a.wild.example.com',
        'd.c.b.a.wild.example.com',
        'A.WILD.example.com:80',
      ],
      ['wild.example.com', 'awild.example.com'],
    ),
  },
  {
    key: 'domain.type',
    title: 'exact',
    tags: ['domain.type=exact', 'domain=typed.example.com'],
    ...routing,
    prove: leads(['typed.example.com'], ['typed.example.com.x']),
  },
  {
    key: 'domain.type',
    title: 'prefix (S15)',
    tags: ['domain.type=prefix', 'domain=pre-'],
    ...routing,
    prove: leads(['pre-1.example.com', 'PRE-x.io:81'], ['xpre-1.example.com', 'pre.example.com']),
  },
  {
    key: 'domain.type',
    title: 'wildcard without *.',
    tags: ['domain.type=wildcard', 'domain=typed-wild.example.com'],
    ...routing,
    prove: leads(['x.typed-wild.example.com'], ['typed-wild.example.com']),
  },
  {
    key: 'domain.type',
    title: 'regex (S15)',
    tags: ['domain.type=regex', 'domain=^Rx[0-9]+\\.example\\.(com|org)$'],
    ...routing,
    prove: leads(
      ['rx7.example.com', 'RX12.example.org:8080'],
      ['rx.example.com', 'rx7.example.net', 'rx7.example.com.evil.com'],
    ),
  },
  {
    key: 'path',
    title: 'and what is below it, on its host',
    tags: ['domain=paths.example.com', 'path=/api', 'path=/v1.0/x/'],
    ...routing,
    prove: leads(
      ['/api', '/api/', '/api/x?y=/z', '/v1.0/x', '/v1.0/x/y'].map((path) => [
        'paths.example.com',
        { path },
      ]),
      ['/', '/apix', '/v1.0', '/v1x0/x', '/x/api'].map((path) => ['paths.example.com', { path }]),
    ),
  },
  {
    key: 'path',
    title: 'on any host',
    tags: ['path=/anywhere'],
    domain: false,
    ...routing,
    prove: leads([['whatever.example.com', { path: '/anywhere/x' }]], [['x.io', { path: '/any' }]]),
  },
  {
    key: 'path',
    title: 'on the hosts of a wildcard',
    tags: ['domain=*.wild-path.example.com', 'path=/api'],
    ...routing,
    prove: leads(
      [['a.wild-path.example.com', { path: '/api/x' }]],
      [
        ['a.wild-path.example.com', {}],
        ['wild-path.example.com', { path: '/api' }],
      ],
    ),
  },
  {
    key: 'path',
    title: 'on the hosts of a prefix',
    tags: ['domain.type=prefix', 'domain=pp-', 'path=/api'],
    ...routing,
    prove: leads([['pp-1.x.io', { path: '/api/x' }]], [['pp-1.x.io', { path: '/apix' }]]),
  },
  {
    key: 'path',
    title: 'on the hosts of a regular expression',
    tags: ['domain.type=regex', 'domain=^rp\\d+\\.x\\.io$', 'path=/api'],
    ...routing,
    prove: leads(
      [['rp1.x.io:80', { path: '/api/x' }]],
      [
        ['rp1.x.io', { path: '/apix' }],
        ['rp.x.io', { path: '/api' }],
      ],
    ),
  },
  {
    key: 'path.strip',
    title: 'true',
    tags: ['path=/cut', 'path.strip=true'],
    ...routing,
    prove: async (at) => {
      const urls: string[] = [];
      for (const path of ['/cut/x?y=1', '/cut', '/cut/'])
        urls.push((await at.served({ path })).url);
      expect(urls).to.deep.equal(['/x?y=1', '/', '/']);
    },
  },
  {
    key: 'path.strip',
    title: 'false',
    tags: ['path=/keep', 'path.strip=false'],
    ...routing,
    prove: async (at) => expect((await at.served({ path: '/keep/x' })).url).to.equal('/keep/x'),
  },
  {
    key: 'frontend',
    title: 'another than the usual one',
    tags: ['frontend=internal', 'domain=inside.example.com'],
    ...routing,
    prove: async (at) => {
      const { internal: port } = at.world.ports;
      await leads([['inside.example.com', { port }]], ['inside.example.com'])(at);
    },
  },
  {
    key: 'frontend',
    title: 'several',
    tags: ['frontend=internal', 'frontend=http_front', 'domain=both.example.com'],
    ...routing,
    prove: async (at) => {
      const { internal: port } = at.world.ports;
      await leads([['both.example.com', { port }], 'both.example.com'], [])(at);
    },
  },
];
