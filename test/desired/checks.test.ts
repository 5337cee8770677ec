import { expect } from 'chai';

import { withCheckMaps } from '../../src/desired/check-maps.js';
import type { DesiredBackend } from '../../src/desired/types.js';
import type { CatalogInstance } from '../../src/observe/types.js';
import type { JsonObject } from '../../src/shared/json.js';
import {
  backendFor,
  checkSpec,
  declaration,
  desired,
  enabled,
  instance,
  onlyBackend,
  service,
  settings,
} from './given.js';

const health = checkSpec('http', { path: '/health', headers: { Host: ['web.internal'] } });
const sendOf = ({ section }: DesiredBackend) => (section['http_check_list'] as [JsonObject])[0];
const stateOf = (...instances: readonly CatalogInstance[]) =>
  desired([service('web', { instances })]);

describe('the check of a backend', () => {
  it('comes from the job spec', () => {
    const { section, checkSummary } = backendFor([], [health]);
    expect(section).to.deep.include({
      adv_check: 'httpchk',
      check_timeout: 3000,
      http_check_list: [
        {
          type: 'send',
          method: 'GET',
          uri: '/health',
          version: 'HTTP/1.1',
          headers: [{ name: 'Host', fmt: 'web.internal' }],
        },
      ],
      default_server: {
        check: 'enabled',
        inter: 7000,
        fastinter: 1000,
        downinter: 1000,
        rise: 1,
        fall: 3,
      },
    });
    expect(checkSummary).to.equal('check GET /health every 7s');
  });

  it('never has times that HAProxy refuses', () => {
    for (const time of [25 * 3_600_000, 2 ** 31, 9_007_199_255, 1e300, 0.4]) {
      const spec = checkSpec('tcp', { intervalMs: time, timeoutMs: time });
      const { section } = backendFor([], [spec]);
      const { inter } = section['default_server'] as { inter: number };
      for (const used of [inter, section['check_timeout']]) {
        expect(used, `of ${time}`).to.be.within(1, 24 * 3_600_000);
      }
    }
  });

  it('S9: tags beat the job spec, which beats the settings', () => {
    const tagged = backendFor(
      ['domain=www.x.io', 'check.path=/ping', 'check.interval=2s'],
      [health],
    );
    expect(sendOf(tagged)).to.deep.include({
      uri: '/ping',
      headers: [{ name: 'Host', fmt: 'web.internal' }],
    });
    expect(tagged.section['default_server']).to.deep.include({ inter: 2000 });
    const bare = backendFor([]);
    expect(bare.section['default_server']).to.deep.include({ inter: settings.checks.intervalMs });
    expect(bare.section).to.include({ adv_check: 'tcp-check' });
    expect(bare.section).to.not.have.property('http_check_list');
  });

  it('S10: follows its tags when they change', () => {
    const before = backendFor(['check.path=/a']);
    const after = backendFor(['check.path=/b']);
    expect(sendOf(after)['uri']).to.equal('/b');
    expect(after.fingerprint).to.not.equal(before.fingerprint);
  });

  it('S11: always names a Host: the tag, the job spec, the first exact domain, the service', () => {
    const hostOf = (tags: readonly string[], specs = [checkSpec('http')]) =>
      (sendOf(backendFor(tags, specs))['headers'] as [{ fmt: string }])[0].fmt;
    const domains = ['domain=*.x.io', 'domain=www.x.io'];
    expect(hostOf(['check.host=a.b:80', ...domains], [health])).to.equal('a.b:80');
    expect(hostOf(domains, [health])).to.equal('web.internal');
    expect(hostOf(domains)).to.equal('www.x.io');
    expect(hostOf([])).to.equal('web');
  });

  it('S11: is in mode http where the service is', () => {
    expect(backendFor([], [health]).section['mode']).to.equal('http');
  });

  it('is the first http one of several, else the first grpc one, else the first tcp one', () => {
    const [tcp, grpc] = [checkSpec('tcp'), checkSpec('grpc')];
    const second = checkSpec('http', { path: '/second' });
    const script = checkSpec('script');
    const summaries = [
      [script, tcp, grpc, health, second],
      [tcp, grpc],
      [script, tcp],
      [script],
    ].map((specs) => backendFor([], specs).checkSummary);
    expect(summaries).to.deep.equal([
      'check GET /health every 7s',
      'check grpc every 7s',
      'check tcp every 7s',
      'check tcp every 10s',
    ]);
  });

  it('is TCP with a warning for a script', () => {
    const state = stateOf(instance({ checks: [checkSpec('script')] }));
    expect(state.warnings).to.deep.equal([
      {
        service: 'default/web',
        code: 'check-fallback',
        message: "check script check: HAProxy can't run a script check, so it uses TCP",
      },
    ]);
  });

  it('is TCP with a warning where the job spec holds what could be read as configuration', () => {
    const evil = checkSpec('http', { path: '/ok\n  server evil 6.6.6.6:80' });
    const state = stateOf(instance({ checks: [evil] }));
    expect(onlyBackend(state).checkSummary).to.equal('check tcp every 7s');
    expect(state.warnings[0]?.code).to.equal('check-fallback');
    const headers = { 'X-Evil': ['%[src]'], 'X Y': ['a'], Good: ['b'] };
    const left = stateOf(instance({ checks: [{ ...health, headers }] }));
    expect(JSON.stringify(sendOf(onlyBackend(left))['headers'])).to.equal(
      '[{"fmt":"web","name":"Host"},{"fmt":"b","name":"Good"}]',
    );
    expect(left.warnings).to.have.length(2);
  });

  it('ignores the job spec when the settings say so', () => {
    const off = { ...settings, checks: { ...settings.checks, fromJobSpec: false } };
    const instances = [instance({ checks: [health] }), instance({ checks: 'unreadable' })];
    const state = desired([service('web', { instances })], { settings: off });
    expect(onlyBackend(state)).to.deep.include({
      checkSummary: 'check tcp every 10s',
      keepCheck: false,
    });
    expect(state.warnings).to.be.empty;
  });

  it('can be switched off', () => {
    const backend = backendFor(['check.disabled=true'], [health]);
    expect(backend).to.deep.include({ hasCheck: false, checkSummary: 'no check' });
    expect(backend.section).to.not.have.any.keys('default_server', 'adv_check');
  });

  it('speaks TLS for https, to the port that does', () => {
    const https = backendFor([], [{ ...health, protocol: 'https' }]);
    expect(https.section['default_server']).to.deep.include({
      'check-ssl': 'enabled',
      verify: 'none',
    });
    const same = backendFor(['server.ssl=true'], [health]);
    expect(same.section['default_server']).to.deep.include({
      'check-ssl': 'enabled',
      ssl: 'enabled',
    });
    const other = backendFor(['server.ssl=true'], [{ ...health, port: 9000 }]);
    expect(other.section['default_server']).to.not.have.property('check-ssl');
    expect(other.endpoints[0]?.checkPort).to.equal(9000);
  });

  it('of a service without instances comes from its declaration', () => {
    const state = desired([service('web', { declarations: [declaration({ checks: [health] })] })]);
    expect(onlyBackend(state).checkSummary).to.equal('check GET /health every 7s');
  });
});

describe('S18: a job spec that could not be read', () => {
  it("is not taken for no check: another instance's stands in", () => {
    const state = stateOf(instance({ checks: 'unreadable' }), instance({ checks: [health] }));
    const backend = onlyBackend(state);
    expect(backend).to.deep.include({
      keepCheck: false,
      checkSummary: 'check GET /health every 7s',
    });
    expect(backend).to.not.have.property('checkPaths');
    expect(state.warnings.map(({ code }) => code)).to.deep.equal(['check-unreadable']);
  });

  it('keeps the check that the backend has when no other is known', () => {
    const state = stateOf(instance({ checks: 'unreadable' }));
    expect(onlyBackend(state)).to.deep.include({
      keepCheck: true,
      checkSummary: 'check tcp every 10s',
    });
    expect(state.warnings[0]?.message).to.contain('the check stays unchanged');
  });

  it('keeps the per-server check in a custom backend, unless tags say all of it', () => {
    const keeps = (...tags: readonly string[]): boolean =>
      onlyBackend(
        stateOf(instance({ tags: enabled('backend=custom', ...tags), checks: 'unreadable' })),
      ).keepCheck;
    expect(keeps()).to.be.true;
    // What is asked for is the operator's; how often, and at which port, stands in the job spec.
    expect(keeps('check.path=/up')).to.be.true;
    expect(keeps('check.interval=2s')).to.be.true;
    expect(keeps('check.interval=2s', 'check.port=9000')).to.be.false;
    expect(keeps('check.disabled')).to.be.false;
  });

  it('does not matter where tags say how to check', () => {
    const backend = onlyBackend(
      stateOf(instance({ tags: enabled('check.path=/up'), checks: 'unreadable' })),
    );
    expect(backend).to.deep.include({ keepCheck: false, checkSummary: 'check GET /up every 10s' });
  });
});

describe('S19: versions of a job with different checks side by side', () => {
  const version = (id: string, jobVersion: number, path: string, host: string) =>
    instance({
      id,
      allocation: { jobVersion },
      checks: [checkSpec('http', { path, headers: { Host: [host] } })],
    });

  it('are each asked on their own path', () => {
    const backend = onlyBackend(
      stateOf(version('a', 1, '/old', 'h'), version('b', 2, '/new', 'h')),
    );
    expect(backend.checkPaths).to.deep.equal({ a: '/old', b: '/new' });
    expect(backend).to.not.have.property('checkHosts');
    expect(backend.checkSummary).to.equal('check GET /new or /old every 7s');
    const section = withCheckMaps(backend.section, { paths: '/m/p.map', hosts: '/m/h.map' });
    expect(sendOf({ ...backend, section })).to.deep.include({
      uri_log_format: '%[srv_name,map(/m/p.map,/)]',
      headers: [{ fmt: 'h', name: 'Host' }],
    });
  });

  it('are looked up in the file, whatever its path', () => {
    const { section } = onlyBackend(
      stateOf(version('a', 1, '/old', 'h'), version('b', 2, '/new', 'h')),
    );
    const paths = '/maps-$&-$1\\"/p.map';
    const backend = {
      ...backendFor([], [health]),
      section: withCheckMaps(section, { paths, hosts: '' }),
    };
    expect(sendOf(backend)['uri_log_format']).to.equal(`%[srv_name,map(${paths},/)]`);
  });

  it('are each asked with their own Host', () => {
    const backend = onlyBackend(
      stateOf(version('a', 1, '/x', 'one'), version('b', 2, '/x', 'two')),
    );
    expect(backend.checkHosts).to.deep.equal({ a: 'one', b: 'two' });
    expect(backend).to.not.have.property('checkPaths');
  });

  it("are asked as their own version's tags say", () => {
    const instances = ['/old', '/new'].map((path, jobVersion) =>
      instance({ id: path, tags: enabled(`check.path=${path}`), allocation: { jobVersion } }),
    );
    expect(onlyBackend(stateOf(...instances)).checkPaths).to.deep.equal({
      '/old': '/old',
      '/new': '/new',
    });
  });

  it('are all tested by TCP where the kinds differ, so that none takes the other down', () => {
    const old = instance({ allocation: { jobVersion: 1 }, checks: [checkSpec('tcp')] });
    const state = stateOf(old, version('b', 2, '/new', 'h'));
    expect(onlyBackend(state).checkSummary).to.equal('check tcp every 7s');
    expect(state.warnings.map(({ code }) => code)).to.deep.equal(['check-fallback']);
  });

  it('are one again when the old one is gone', () => {
    const gone = version('a', 1, '/old', 'h');
    const allocation = { ...gone.allocation!, desiredStatus: 'stop', clientStatus: 'complete' };
    const backend = onlyBackend(stateOf({ ...gone, allocation }, version('b', 2, '/new', 'h')));
    expect(backend).to.not.have.property('checkPaths');
    expect(sendOf(backend)['uri']).to.equal('/new');
  });
});
