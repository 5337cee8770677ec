import { expect } from 'chai';

import { parseTags } from '../../src/desired/tags.js';
import { tagNames, tagRows } from '../../src/desired/vocabulary.js';
import { backendFor, desired, enabled, instance, service, settings } from './given.js';

describe('tags', () => {
  it('compare their keys without case and keep the case of values', () => {
    const { tags } = parseTags('haproxy', ['HAProxy.Check.PATH=/Health', 'haproxy.ENABLE=true']);
    expect(tags.checkPath).to.equal('/Health');
    expect(tags.enable).to.be.true;
  });

  it('of others are none of our business', () => {
    const { invalid, unknown } = parseTags('haproxy', ['traefik.enable=true', 'v1', 'haproxy-x=1']);
    expect([invalid, unknown]).to.deep.equal([[], []]);
  });

  it('take another prefix', () => {
    const { tags } = parseTags('lb.front', ['lb.front.enable=true', 'haproxy.weight=3']);
    expect(tags.enable).to.be.true;
    expect(tags.weight).to.be.undefined;
  });

  it('that are unknown are a warning with the nearest known name', () => {
    const { unknown } = parseTags('haproxy', ['haproxy.check.pth=/x', 'haproxy.zzzzzz=1']);
    expect(unknown).to.deep.equal([
      { tag: 'haproxy.check.pth=/x', nearest: 'haproxy.check.path' },
      { tag: 'haproxy.zzzzzz=1' },
    ]);
    const state = desired([
      service('web', { instances: [instance({ tags: enabled('wieght=1') })] }),
    ]);
    expect(state.backends).to.have.length(1);
    expect(state.warnings[0]?.message).to.equal(
      'tag haproxy.wieght=1 is unknown; did you mean haproxy.weight?',
    );
  });

  it('with a value that is not allowed skip the service and name job, service, tag and form', () => {
    const state = desired([
      service('api', { instances: [instance()] }),
      service('web', {
        instances: [instance({ jobId: 'shop', tags: enabled('check.rise=many') })],
      }),
    ]);
    expect(state.backends.map(({ name }) => name)).to.deep.equal(['nomad_api']);
    expect(state.skipped).to.deep.equal([
      {
        service: 'default/web',
        code: 'invalid-tag',
        reason:
          'job shop, service default/web: tag haproxy.check.rise=many is invalid; allowed: a whole number from 1 to 100',
        backend: 'nomad_web',
      },
    ]);
  });

  it('take names that every object has for nothing but themselves', () => {
    for (const word of ['constructor', '__proto__']) {
      const { unknown, tags } = parseTags('x', [`x.${word}=1`, `x.check.${word}=1`]);
      expect(unknown.map(({ tag }) => tag)).to.deep.equal([`x.${word}=1`, `x.check.${word}=1`]);
      expect(tags).to.deep.equal(parseTags('x', []).tags);
      for (const { key } of tagNames.map((name) => tagRows[name])) {
        const parsed = parseTags('x', [`x.${key}=${word}`]);
        const values = Object.values(parsed.tags)
          .flat()
          .filter((one) => one !== undefined);
        if (parsed.invalid.length > 0) expect(values, key).to.be.empty;
        else expect(JSON.stringify(values), key).to.contain(word);
      }
    }
  });

  it('given twice with different values are not allowed, and the same twice is fine', () => {
    expect(parseTags('haproxy', ['haproxy.weight=1', 'haproxy.weight=1']).invalid).to.be.empty;
    const [problem] = parseTags('haproxy', ['haproxy.weight=1', 'haproxy.weight=2']).invalid;
    expect(problem).to.deep.equal({
      name: 'weight',
      tag: 'haproxy.weight=2',
      problem: 'given twice',
    });
  });

  it('of a check type that nobody knows are refused by name', () => {
    const state = desired([
      service('web', { instances: [instance({ tags: enabled('check.type=script') })] }),
    ]);
    expect(state.skipped[0]?.reason).to.contain(
      'tag haproxy.check.type=script is invalid; allowed: http, https, tcp or grpc',
    );
  });

  it('that mean nothing where they stand are a warning', () => {
    const custom = ['backend=custom', 'cookie=SRV', 'check.path=/x'];
    const tcp = ['mode=tcp', 'ssl-redirect=true', 'backend.name=pool'];
    const messages = [custom, tcp].map((tags) =>
      desired([service('web', { instances: [instance({ tags: enabled(...tags) })] })]).warnings.map(
        ({ code, message }) => [code, message],
      ),
    );
    expect(messages).to.deep.equal([
      [
        [
          'ignored-tag',
          'tag haproxy.cookie is ignored: the operator controls the settings of a custom backend',
        ],
        [
          'ignored-tag',
          'tag haproxy.check.path is ignored: the operator controls the settings of a custom backend',
        ],
      ],
      [
        ['ignored-tag', 'tag haproxy.backend.name is ignored: it requires backend=custom'],
        ['ignored-tag', 'tag haproxy.ssl-redirect is ignored: it requires mode=http'],
      ],
    ]);
  });

  it('become the fields of the backend', () => {
    const { section } = backendFor([
      'cookie=SRV',
      'maxconn=7',
      'timeout.server=2m',
      'rate-limit=9/m',
    ]);
    expect(section).to.deep.include({
      server_timeout: 120_000,
      dynamic_cookie_key: 'nomad_web',
      stick_table: { type: 'ipv6', size: 100_000, expire: 60_000, store: 'http_req_rate(60000)' },
    });
    expect(section['default_server']).to.deep.include({ maxconn: 7 });
    expect(section['cookie']).to.deep.include({ name: 'SRV', dynamic: true });
    expect(settings.tags.prefix).to.equal('haproxy');
  });

  it('cut each of several paths only once', () => {
    const { section } = backendFor([
      'domain=x.io',
      'path=/a',
      'path=/a/b',
      'path=/v1.0',
      'path.strip=true',
    ]);
    const rules = section['http_request_rule_list'] as { path_match: string; path_fmt: string }[];
    const rule = rules.find(({ path_match: match }) => match !== undefined) ?? expect.fail();
    const strip = (path: string) =>
      path.replace(new RegExp(rule.path_match), rule.path_fmt.replace('\\1', '$1'));
    const cut = ['/a/b/c', '/a/b', '/a/x', '/a', '/ab', '/v1.0/a/b', '/v1x0/y'].map(strip);
    expect(cut).to.deep.equal(['/c', '/', '/x', '/', '/ab', '/a/b', '/v1x0/y']);
  });
});
