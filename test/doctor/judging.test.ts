import { expect } from 'chai';
import fc from 'fast-check';

import type { ActualFrontend } from '../../src/actual/types.js';
import { lookups } from '../../src/haproxy/expressions.js';
import { switchingRule } from '../../src/haproxy/lookup-rules.js';
import { judgeClock } from '../../src/doctor/model/clock.js';
import { tokenKind } from '../../src/doctor/model/nomad-answers.js';
import { statisticsNames } from '../../src/doctor/model/statistics.js';
import { mayWriteVariable } from '../../src/doctor/model/lock.js';
import { judgeVersion } from '../../src/doctor/model/versions.js';
import type { Facts, RightFact } from '../../src/doctor/types.js';
import { actual, process, run, sections, settingsOf, told } from './setup.js';

describe('doctor: versions', () => {
  for (const [what, version, level] of [
    ['haproxy', '2.9.13', 'error'],
    ['haproxy', '3.0.11-1+deb13u4', 'ok'],
    ['haproxy', '3.2.26-1', 'ok'],
    ['haproxy', '3.3-dev5', 'warning'],
    ['haproxy', '', 'warning'],
    ['dataplane', '2.9.2', 'error'],
    ['dataplane', '3.2', 'ok'],
    ['dataplane', '4.0.0', 'warning'],
    ['nomad', '1.2.6', 'error'],
    ['nomad', '1.10.3', 'warning'],
    ['nomad', '2.0.5', 'ok'],
    ['nomad', '10.0.0', 'warning'],
  ] as const) {
    it(`${what} ${version === '' ? 'without one' : version}: ${level}`, () => {
      expect(judgeVersion(what, version).level).to.equal(level);
    });
  }
});

describe('doctor: the right to write the lock', () => {
  const policy = (name: string, paths: Readonly<Record<string, readonly string[]>>) => ({
    RulesJSON: {
      Namespaces: [
        {
          Name: name,
          Variables: {
            Paths: Object.entries(paths).map(([PathSpec, Capabilities]) => ({
              PathSpec,
              Capabilities,
            })),
          },
        },
      ],
    },
  });
  const may = (...policies: readonly unknown[]) =>
    mayWriteVariable(policies, 'default', 'hnc/leader');
  const both = ['read', 'write', 'list'];

  it('is one of the namespace that fits best, and of the path that fits best there', () => {
    expect(may(policy('*', { 'hnc/leader': both }))).to.equal(true);
    expect(may(policy('def*', { 'hnc/*': both }))).to.equal(true);
    expect(may(policy('default', { '*': both, 'hnc/leader': ['read'] }))).to.equal(false);
    expect(may(policy('*', { '*': both }), policy('default', {}))).to.equal(false);
    expect(may(policy('other', { '*': both }))).to.equal(false);
    expect(may(policy('default', { 'hnc/leaders': both, 'hnc/*x': both }))).to.equal(false);
  });

  it('is of all policies together, and a denial wins', () => {
    const reads = policy('default', { 'hnc/leader': ['read'] });
    expect(may(reads, policy('default', { 'hnc/leader': ['write'] }))).to.equal(true);
    expect(may(policy('*', { '*': both }), policy('*', { '*': ['deny'] }))).to.equal(false);
  });

  it('is not there without a policy, or in an answer that is none', () => {
    for (const answer of [
      undefined,
      null,
      'x',
      {},
      { RulesJSON: null },
      { RulesJSON: { Namespaces: [1] } },
    ]) {
      expect(may(answer)).to.equal(false);
    }
  });
});

describe('doctor: clocks', () => {
  it('may differ by five seconds either way', () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000, max: 100_000 }), (ms) => {
        const expected = Math.abs(ms) <= 5000 ? 'ok' : 'warning';
        expect(judgeClock('Nomad', ms).level).to.equal(expected);
      }),
    );
    expect(judgeClock('Nomad', undefined).level).to.equal('ok');
    expect(judgeClock('Nomad', 7000).says).to.include('7 s ahead of');
    expect(judgeClock('Nomad', -7000).says).to.include('7 s behind');
  });
});

describe('doctor: tokens', () => {
  const self = (body: object) => tokenKind(200, { AccessorID: 'a', Type: 'client', ...body });

  it('are told apart by what Nomad says of them', () => {
    expect(self({})).to.deep.equal({ kind: 'client' });
    expect(self({ Type: 'management' })).to.deep.equal({ kind: 'management' });
    expect(self({ AccessorID: 'anonymous' })).to.deep.equal({ kind: 'anonymous' });
    expect(self({ AccessorID: 'acls-disabled' })).to.deep.equal({ kind: 'acls-off' });
    expect(tokenKind(400, 'ACL support disabled')).to.deep.equal({ kind: 'acls-off' });
    expect(tokenKind(404, '')).to.deep.equal({ kind: 'unknown' });
  });

  it('that expire soon are a warning, unless a file renews them', () => {
    const token = self({ ExpirationTime: '1970-01-01T02:00:00Z' });
    expect(told(run('nomad-token', { token }))).to.match(/^warning: the token expires at 1970/);
    const settings = settingsOf({ nomad: { token_file: '/secrets/nomad_token' } });
    expect(told(run('nomad-token', { settings, token }))).to.match(/^ok/);
  });

  it('without a secret are a warning if there should be one', () => {
    const token = { kind: 'anonymous' } as const;
    expect(told(run('nomad-token', { token }))).to.match(/^ok: no token is set/);
    const settings = settingsOf({ nomad: { token_file: '/secrets/nomad_token' } });
    const said = told(run('nomad-token', { settings, token }));
    expect(said).to.match(/^warning: .* -> write a token into \/secrets\/nomad_token$/);
  });
});

describe('doctor: rights', () => {
  const in_ = (statuses: Readonly<Record<string, number>>): RightFact[] =>
    Object.entries(statuses).map(([namespace, status]) => ({ namespace, status }));
  const rightsOf = (statuses: Readonly<Record<string, number>>): Facts['rights'] => {
    const all = in_(statuses);
    return { jobs: all, job: all, services: all, allocations: all };
  };
  const jobs = (statuses: Readonly<Record<string, number>>, settings = settingsOf()) =>
    told(run('nomad-list-jobs', { settings, rights: rightsOf(statuses) }));

  it('name the policy line: of all namespaces, or of those without', () => {
    expect(jobs({ default: 200, red: 200 })).to.equal('ok: may list jobs in default, red');
    expect(jobs({ default: 403, red: 403 })).to.match(/namespace "\*" \{ capabilities = \["list-/);
    expect(jobs({ default: 200, red: 403 })).to.match(/in red: it lacks .*namespace "red" \{/);
    expect(jobs({ default: 500 })).to.match(/^error: Nomad answers 500 in default/);
  });

  it('of a job that is not there count as there', () => {
    expect(told(run('nomad-read-jobs', { rights: rightsOf({ a: 404 }) }))).to.match(/^ok/);
  });

  it('are missed by the event stream, which is less bad where the rest is there', () => {
    const stream = [{ namespace: '*', state: 'silent' as const }];
    const said = (status: number) =>
      told(run('nomad-stream', { stream, rights: rightsOf({ default: status }) }));
    expect(said(200)).to.match(/^warning/);
    expect(said(403)).to.match(/^error/);
  });
});

describe('doctor: the Data Plane API and HAProxy', () => {
  const stats = { ...sections, global: { runtime_apis: [{ address: '/run/stats.sock' }] } };

  it('tells the master socket from a stats socket', () => {
    const strategy = (socket?: string) => {
      const fact = socket === undefined ? process : { ...process, socket };
      return told(run('reload-strategy', { process: fact, sections: stats }));
    };
    expect(strategy('/run/master.sock')).to.match(/^ok: .*verified/);
    expect(strategy('/run/stats.sock')).to.match(/^error: .*reload_cmd.* -> .*master_runtime/);
    expect(strategy()).to.match(/^ok/);
  });

  it('tells a process without a master', () => {
    expect(told(run('master-worker', { process: { ...process, unstoppable: 0 } }))).to.match(
      /^err/,
    );
    expect(told(run('master-worker', { process }))).to.match(/^ok/);
  });

  it('looks at the last reload only', () => {
    const reload = (id: string, status: string, response = '') => ({ id, status, response });
    const last = (...reloads: Facts['reloads']) => told(run('last-reload', { reloads }));
    expect(last()).to.match(/^ok/);
    expect(last(reload('1', 'failed'), reload('2', 'succeeded'))).to.equal('ok: 2: succeeded');
    const said = last(reload('1', 'succeeded'), reload('2', 'failed', '[ALERT] unknown keyword'));
    expect(said).to.match(/^error: reload 2 failed: \[ALERT\] unknown keyword -> haproxy -c/);
  });

  it('reads the names of statistics, whatever their form', () => {
    const group = { stats: [{ name: 'http_front' }, { name: 'stats' }] };
    const names = (body: unknown) => statisticsNames({ status: 200, body });
    expect(names(group)).to.deep.equal(['http_front', 'stats']);
    expect(names([group])).to.deep.equal(['http_front', 'stats']);
    expect(names({ stats: null })).to.deep.equal([]);
  });
});

describe('doctor: what HAProxy runs, and the file', () => {
  const file = {
    ...sections,
    frontends: [{ name: 'http' }, { name: 'off', disabled: true }],
    backends: [{ name: 'web' }, { name: 'api' }],
  };
  const loaded = (backends: readonly string[], more: Partial<typeof actual> = {}) => {
    const facts = { frontends: ['http', 'a_listen'], backends };
    const known = { actual: { ...actual, ...more }, sections: file, loaded: facts };
    return told(run('loaded-configuration', known));
  };

  it('are the same if the process has all that the file has', () => {
    expect(loaded(['web', 'api', 'a_listen'])).to.equal('ok: HAProxy runs the file (config v7)');
  });

  it('differ by what the process lacks', () => {
    expect(loaded(['web'])).to.match(/^warning: .*older .*: it lacks backend api -> systemctl/);
    expect(loaded(['web', 'api'], { marker: { onDisk: 'g2', loaded: 'g1' } })).to.match(
      /last change/,
    );
    const other = { frontends: ['x'], backends: ['y'] };
    expect(told(run('loaded-configuration', { actual, sections: file, loaded: other }))).to.match(
      /^error: .*another file -> .*config_file/,
    );
  });
});

describe('doctor: maps', () => {
  const [{ sample }] = lookups as readonly [(typeof lookups)[number]];
  const frontend = (path: string): ActualFrontend => ({
    ...{ name: 'http', mode: 'http', acls: [], httpRequestRules: [], idleCloseOnResponse: true },
    rules: [switchingRule(sample(path), false)],
  });
  const path = '/maps/nomad_exact_path.map';
  const judged = (stored: readonly string[], loaded: readonly string[], used = path) => {
    const frontends = { http: frontend(used) };
    return told(run('maps', { actual: { ...actual, frontends }, maps: { stored, loaded } }));
  };

  it('are in one folder, and loaded from it', () => {
    expect(judged([path], [path])).to.equal('ok: 1 in /maps, seen by both');
    expect(told(run('maps', { actual, maps: { stored: [], loaded: [] } }))).to.match(/^ok: none/);
  });

  it('are elsewhere, or not loaded', () => {
    const moved = judged(['/new/nomad_exact_path.map'], [path]);
    expect(moved).to.match(
      /^error: .*folder of the Data Plane API \(\/new\) -> .*maps_dir: \/maps$/,
    );
    expect(judged([], [path])).to.match(/maps_dir: \/maps$/);
    expect(judged([path], [])).to.match(/^error: HAProxy has not loaded .*the same \/maps/);
  });
});

describe('doctor: haproxy.cfg', () => {
  const defaults = { name: 'web', connect_timeout: 1, client_timeout: 1, server_timeout: 1 };
  const judged = (section: object) => {
    const known = { ...sections, defaults: [{ ...defaults, ...section }] };
    return told(run('defaults', { actual: { ...actual, defaults: 'web' }, sections: known }));
  };

  it('has defaults that fit', () => {
    expect(judged({})).to.equal('ok: defaults web fits');
    expect(judged({ retries: 3, http_reuse: 'safe' })).to.match(/^ok/);
    expect(judged({ retries: 0 })).to.match(/^warning: .*retries 0.* -> in it: retries 3$/);
    expect(judged({ http_reuse: 'always' })).to.match(/-> in it: http-reuse safe$/);
    expect(judged({ client_timeout: undefined })).to.match(
      /no timeout client -> in it: timeout cl/,
    );
    expect(told(run('defaults', { actual, sections }))).to.match(/^warning: .*no defaults/);
  });

  it('names the frontends that there are', () => {
    const known = { ...sections, frontends: [{ name: 'http' }, { name: 'https' }] };
    const settings = settingsOf({ haproxy: { frontend: 'front' } });
    const said = told(run('frontend', { settings, actual, sections: known }));
    expect(said).to.match(/^error: frontend front does not exist -> .*: http, https$/);
  });
});

describe('doctor: the port', () => {
  it('says what is wrong with it', () => {
    const settings = settingsOf({ http: { listen: ':80' } });
    const judged = (code: string) =>
      told(run('http-port', { settings, port: { state: 'unusable', code } }));
    expect(judged('EADDRINUSE')).to.match(
      /^error: :80 is used by another program.* -> set http\.l/,
    );
    expect(judged('EACCES')).to.match(/may not listen/);
    expect(judged('EADDRNOTAVAIL')).to.match(/not an address of this host/);
    expect(judged('EMFILE')).to.match(/can't be used \(EMFILE\)/);
  });
});
