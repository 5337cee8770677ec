import { expect } from 'chai';
import fc from 'fast-check';

import { parseDomain } from '../../src/desired/domains.js';
import { isSafeRegex } from '../../src/desired/regex.js';
import type { DesiredRoute } from '../../src/desired/types.js';
import { desired, enabled, instance, service } from './given.js';

function routesFor(...tags: readonly string[]): readonly DesiredRoute[] {
  return desired([service('web', { instances: [instance({ tags: enabled(...tags) })] })]).routes;
}

const brief = ({ match, host, path }: DesiredRoute) => [
  match,
  host,
  ...(path === undefined ? [] : [path]),
];

describe('routes', () => {
  it('S2: every domain tag becomes one', () => {
    const routes = routesFor(
      'domain=b.example.com',
      'domain=A.example.com',
      'domain=a.example.com',
    );
    expect(routes).to.deep.equal(
      ['a', 'b'].map((name) => ({
        match: 'exact',
        host: `${name}.example.com`,
        mode: 'http',
        frontends: ['http_front'],
        backend: 'nomad_web',
        service: 'default/web',
      })),
    );
  });

  it('S15: match as the type says, and one that begins with *. is always a wildcard', () => {
    const routes = routesFor(
      'domain.type=regex',
      'domain=^(a|b)\\.Example\\.com$',
      'domain=^c\\d+\\.example\\.com$',
      'domain=*.example.com',
    );
    expect(routes.map(brief)).to.deep.equal([
      ['regex', '^(a|b)\\.example\\.com$'],
      ['regex', '^c\\d+\\.example\\.com$'],
      ['wildcard', 'example.com'],
    ]);
    expect(routesFor('domain.type=prefix', 'domain=api.').map(brief)).to.deep.equal([
      ['prefix', 'api.'],
    ]);
    expect(routesFor('domain.type=wildcard', 'domain=x.io').map(brief)).to.deep.equal([
      ['wildcard', 'x.io'],
    ]);
  });

  it('S15: a regular expression where a host is meant skips the service', () => {
    const bad = [
      'domain=^www\\.x\\.io$',
      'domain=http://x.io',
      'domain=x.io:80',
      'domain=-x.io',
      'domain=',
      'domain=*.*.x.io',
      'domain=a_b.io',
    ];
    for (const tag of bad) {
      const state = desired([service('web', { instances: [instance({ tags: enabled(tag) })] })]);
      expect(state.skipped[0]?.code, tag).to.equal('invalid-tag');
      expect(state.routes, tag).to.be.empty;
    }
  });

  it('combine each domain with each path, without the trailing slash', () => {
    const routes = routesFor('domain=x.io', 'domain=*.x.io', 'path=/api/', 'path=/v1');
    expect(routes.map(brief)).to.deep.equal([
      ['exact', 'x.io', '/api'],
      ['exact', 'x.io', '/v1'],
      ['wildcard', 'x.io', '/api'],
      ['wildcard', 'x.io', '/v1'],
    ]);
    expect(routesFor('path=/api').map(brief)).to.deep.equal([['any', '', '/api']]);
  });

  it('are none for a service without a domain, which has a backend all the same', () => {
    const state = desired([service('web', { instances: [instance()] })]);
    expect([state.backends.length, state.routes, state.skipped]).to.deep.equal([1, [], []]);
  });

  it('of a tcp service match the TLS server name, or take a whole frontend named by tag', () => {
    const [sni] = routesFor('mode=tcp', 'domain=db.example.com', 'frontend=tls_in');
    expect(sni).to.deep.include({ match: 'exact', mode: 'tcp', frontends: ['tls_in'] });
    const [whole] = routesFor('mode=tcp', 'frontend=pg_in');
    expect(whole).to.deep.include({ match: 'any', host: '', mode: 'tcp', frontends: ['pg_in'] });
    expect(routesFor('mode=tcp')).to.be.empty;
  });

  it('stand in the frontends that the tags name', () => {
    const [route] = routesFor('domain=x.io', 'frontend=b', 'frontend=a');
    expect(route?.frontends).to.deep.equal(['a', 'b']);
  });
});

describe('regular expressions of domains', () => {
  it('are refused where PCRE, a map file or haproxy.cfg would read them otherwise', () => {
    const bad = [
      'a b',
      'a#',
      "a'",
      'a"',
      'a\\n',
      '\\\\',
      '-f',
      '(',
      '[',
      '[]a]',
      '[^]',
      '[[.a]',
      '[[a]',
    ];
    const worse = [
      '(a{9}){9}',
      'a{100}',
      'a{2,1}',
      '(?i)a',
      '(?<x>a)',
      'a++',
      '*',
      'a%',
      '',
      'a\n',
      '\\x41',
      '[+-9]',
    ];
    for (const pattern of [...bad, ...worse]) expect(isSafeRegex(pattern), pattern).to.be.false;
  });

  it('are refused where a host of a stranger could keep PCRE busy', () => {
    const bad = [
      '(a+)+$',
      '^(a|a)*b$',
      '^(\\w+\\.?)+z$',
      '^(?:(?:a+)ba*)+$',
      'a?'.repeat(20) + 'b',
      '(?:a|a)'.repeat(20) + 'b',
      '[a1].*[a0].*[a0].*b',
      '(.+\\.)+x',
      '^(a?)*$',
      '(a{1,3})*',
      '^.*a.*a.*b$',
      'a.+b.+c',
      '^(a|b)*c$',
      '(a|b)'.repeat(20),
      '(ab){2}',
      '(a)\\1',
      '(?=a)',
      '^.*.*.*.*x$',
    ];
    for (const pattern of bad) expect(isSafeRegex(pattern), pattern).to.be.false;
    const reason = desired([
      service('web', {
        instances: [instance({ tags: enabled('domain.type=regex', 'domain=^(a+)+$') })],
      }),
    ]).skipped[0]?.reason;
    expect(reason).to.contain('tag haproxy.domain=^(a+)+$ is invalid').and.contain('repetitions');
  });

  it('are taken in the forms that people write', () => {
    const good = [
      '^api\\d+\\.example\\.com$',
      '^(?:www\\.)?example\\.(com|org)$',
      '^[a-z0-9-]{1,10}\\.x\\.io$',
      '.*\\.x\\.io',
      '^pr-\\d{1,4}\\.',
      '^(?:[a-z0-9-]+\\.)+example\\.com$',
      '^(?:\\.[^.]+)*x$',
      '^(?:ab)+\\.x\\.io$',
      '^[^-]+-[^-]+-[^.]+\\.x\\.io$',
      '^a.+b.+c',
      '^[ab]*c$',
      '^.+\\.example\\.com$',
      '^(.+)\\.example\\.(com|org)$',
      '.+[.]example[.]com',
      '^(foo|bar)-[a-z0-9-]+\\.(dev|test)\\.example\\.com$',
      '^pr-\\d+\\.[a-z]+\\.example\\.com$',
      '^[^.]+-[^.]+\\.[^.]+\\.x\\.io$',
    ];
    for (const pattern of good) expect(isSafeRegex(pattern), pattern).to.be.true;
  });

  it('hold nothing but harmless characters, whatever was given', () => {
    const near = fc.stringMatching(/^[\^a-c.\\dw$|?+*()[\]{}0-9,:=!<>"' #\n%-]{0,20}$/);
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), near), (text) => {
        for (const type of ['exact', 'prefix', 'wildcard', 'regex'] as const) {
          const host = parseDomain(text, type)?.host;
          if (host !== undefined)
            expect(host).to.match(/^(?!-)(?:[a-z0-9._^$|*+?()[\]{},:-]|\\[.dw])+$/);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
