import { expect } from 'chai';
import fc from 'fast-check';
import { openPolicy } from '../../src/config/policy.js';
import { environmentNames, load, originalExample } from './given.js';

describe('loadSettings', () => {
  it('has a default for everything', () => {
    expect(load({})).to.deep.equal({
      nomad: {
        address: 'http://127.0.0.1:4646',
        namespace: '*',
        skipVerify: false,
        requestTimeoutMs: 10_000,
      },
      haproxy: {
        backendStrategy: 'use_existing',
        drainTimeoutMs: 30_000,
        frontends: ['https'],
        watchIntervalMs: 1000,
      },
      targets: [
        {
          name: 'default',
          address: 'http://127.0.0.1:5555',
          username: 'admin',
          password: 'adminpwd',
          requestTimeoutMs: 40_000,
        },
      ],
      rollout: { settleMs: 2000, maxParallel: 1 },
      tags: { prefix: 'haproxy' },
      ownership: { prefix: 'nomad_', adopt: false },
      routing: { mode: 'map', position: 'before', mapName: 'nomad' },
      checks: {
        fromJobSpec: true,
        intervalMs: 10_000,
        timeoutMs: 5000,
        rise: 2,
        fall: 3,
        probe: true,
      },
      slots: { spareFactor: 1, spareMin: 2 },
      guard: { maxRemovalPercent: 30, tracelessHoldMs: 300_000, allowRemovals: false },
      sync: {
        policy: 'sync',
        resyncIntervalMs: 30_000,
        debounceMs: 75,
        debounceMaxMs: 1000,
        fullReadIntervalMs: 300_000,
        backoffMinMs: 500,
        backoffMaxMs: 30_000,
      },
      limits: {
        nameBytes: 255,
        tagsPerService: 1000,
        tagBytes: 4096,
        tagsBytes: 524_288,
        domainsPerService: 500,
        pathsPerService: 100,
        routesPerService: 1000,
        regexesPerService: 10,
        regexesTotal: 100,
        regexSteps: 4_000_000,
        serversPerBackend: 1000,
        checkIntervalMs: 500,
        reloadIntervalMs: 1000,
        answerBytes: 134_217_728,
        objectBytes: 4_194_304,
      },
      policy: openPolicy,
      routes: {},
      http: { host: '127.0.0.1', port: 8080, enabled: true },
      log: { level: 'info' },
    });
  });

  it('takes flags over the environment over the file over the defaults', () => {
    const file = 'nomad: {address: "http://file", region: file, namespace: file}';
    const env = { NOMAD_ADDR: 'http://env', NOMAD_REGION: 'env' };
    const { nomad } = load({ flags: { nomadAddress: 'http://flag' }, env, file });
    expect(nomad).to.include({ address: 'http://flag', region: 'env', namespace: 'file' });
    expect(nomad.skipVerify).to.equal(false);
  });

  it('takes several namespaces, and the same set in another order is the same setting', () => {
    const named = (NOMAD_NAMESPACE: string) => load({ env: { NOMAD_NAMESPACE } }).nomad.namespace;
    expect(named('shop, data,shop')).to.equal('data,shop');
    expect(named('data,shop')).to.equal('data,shop');
    expect(load({ file: 'nomad: {namespace: "shop,data"}' }).nomad.namespace).to.equal('data,shop');
    for (const wrong of ['shop,', ',shop', 'shop data', 'shop,*', '*,shop', 'a/b']) {
      expect(() => named(wrong), wrong).to.throw(/NOMAD_NAMESPACE/);
    }
  });

  it('takes the TLS files of the Data Plane API as it takes those of Nomad', () => {
    const file = 'haproxy: {ca_cert: /ca, client_cert: /c, client_key: /k, tls_server_name: api}';
    const tls = { caCert: '/ca', clientCert: '/c', clientKey: '/k', tlsServerName: 'api' };
    expect(load({ file }).targets[0]).to.include(tls);
    const env = { HAPROXY_CACERT: '/env' };
    expect(load({ env, file }).targets[0]).to.include({ ...tls, caCert: '/env' });
  });

  it('counts an empty variable as unset', () => {
    const env = Object.fromEntries(environmentNames.map((name) => [name, '']));
    expect(load({ env })).to.deep.equal(load({}));
  });

  it("takes the original connector's file as it is", () => {
    const settings = load({ file: originalExample });
    expect(settings.nomad).to.include({ address: 'http://nomad-server:4646', region: 'global' });
    expect(settings.nomad).not.to.have.property('token');
    expect(settings.haproxy).to.include({ backendStrategy: 'create_new', drainTimeoutMs: 10_000 });
    expect(settings.targets[0]).to.include({
      address: 'http://haproxy:5555',
      username: 'admin',
      password: 'other',
    });
    expect(settings.haproxy.frontends).to.deep.equal(['http']);
    expect(settings.log.level).to.equal('warn');
  });

  it("takes the original connector's variables as they are", () => {
    const env = {
      NOMAD_ADDR: 'https://nomad:4646/',
      NOMAD_TOKEN: 'tok',
      NOMAD_REGION: 'eu',
      NOMAD_NAMESPACE: 'web',
      NOMAD_CACERT: '/ca',
      NOMAD_CLIENT_CERT: '/cert',
      NOMAD_CLIENT_KEY: '/key',
      NOMAD_TLS_SERVER_NAME: 'server.global.nomad',
      NOMAD_SKIP_VERIFY: '1',
      HAPROXY_DATAPLANE_URL: 'http://haproxy:5555/v3/',
      HAPROXY_USERNAME: 'user',
      HAPROXY_PASSWORD: 'pass',
      HAPROXY_BACKEND_STRATEGY: 'fail_on_conflict',
      HAPROXY_DRAIN_TIMEOUT_SEC: '0',
      HAPROXY_FRONTEND: 'www',
      LOG_LEVEL: 'DEBUG',
    };
    const { nomad, haproxy, targets, log } = load({ env });
    expect(nomad).to.deep.include({
      address: 'https://nomad:4646',
      token: 'tok',
      region: 'eu',
      namespace: 'web',
      caCert: '/ca',
      clientCert: '/cert',
      clientKey: '/key',
      tlsServerName: 'server.global.nomad',
      skipVerify: true,
    });
    const access = { address: 'http://haproxy:5555', username: 'user', password: 'pass' };
    expect(targets[0]).to.deep.include(access);
    expect(haproxy).to.deep.include({
      backendStrategy: 'fail_on_conflict',
      drainTimeoutMs: 0,
      frontends: ['www'],
    });
    expect(log.level).to.equal('debug');
  });

  it('takes several frontends from a list, a variable or repeated flags', () => {
    const frontends = ['a', 'b'];
    expect(load({ file: 'haproxy: {frontends: [a, b]}' }).haproxy.frontends).to.deep.equal(
      frontends,
    );
    expect(load({ env: { HAPROXY_FRONTEND: 'a, b' } }).haproxy.frontends).to.deep.equal(frontends);
    const given = { flags: { frontends }, env: { HAPROXY_FRONTEND: 'c' } };
    expect(load(given).haproxy.frontends).to.deep.equal(frontends);
    const { haproxy } = load({ file: 'haproxy: {frontends: [a]}', env: { HAPROXY_FRONTEND: 'c' } });
    expect(haproxy.frontends).to.deep.equal(['c']);
  });

  it("takes the Data Plane API's address with and without /v3 and slashes", () => {
    for (const end of ['', '/', '/v3', '/v3/']) {
      const env = { HAPROXY_DATAPLANE_URL: `http://h:5555/sub${end}` };
      expect(load({ env }).targets[0]?.address).to.equal('http://h:5555/sub');
    }
  });

  it('reads durations as text with a unit or as seconds', () => {
    const file = 'checks: {interval: 500ms, timeout: 2}\nsync: {resync_interval: 1.5m}';
    const { checks, sync } = load({ file });
    expect(checks).to.include({ intervalMs: 500, timeoutMs: 2000 });
    expect(sync.resyncIntervalMs).to.equal(90_000);
  });

  it('reads any whole number of milliseconds as it is written', () => {
    const most = 7 * 24 * 3_600_000;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: most }), (ms) => {
        expect(load({ file: `checks: {interval: ${ms}ms}` }).checks.intervalMs).to.equal(ms);
      }),
    );
  });

  it('listens where it is told, or nowhere', () => {
    const http = (listen: string) => load({ flags: { httpListen: listen } }).http;
    expect(http(':9000')).to.deep.equal({ host: '', port: 9000, enabled: true });
    expect(http('[::1]:0')).to.deep.equal({ host: '::1', port: 0, enabled: true });
    expect(http('localhost:80')).to.deep.equal({ host: 'localhost', port: 80, enabled: true });
    expect(http('off').enabled).to.equal(false);
    expect(load({ file: 'http: {listen: 9000}' }).http.port).to.equal(9000);
  });

  it('knows other names of the log levels', () => {
    const level = (name: string) => load({ env: { LOG_LEVEL: name } }).log.level;
    expect(['Warning', 'ERR', 'trace', 'Info'].map(level)).to.deep.equal([
      'warn',
      'error',
      'debug',
      'info',
    ]);
  });

  it('tells an empty prefix of owned objects from none given', () => {
    expect(load({ file: 'ownership: {prefix: ""}' }).ownership.prefix).to.equal('');
    expect(load({ file: 'ownership: {prefix: }' }).ownership.prefix).to.equal('nomad_');
  });

  it('takes an empty file, and one with empty sections', () => {
    expect(load({ file: '' })).to.deep.equal(load({}));
    expect(load({ file: '# nothing\nnomad:\n' })).to.deep.equal(load({}));
  });

  it('takes JSON indented with tabs', () => {
    expect(load({ file: '{\n\t"log": {\n\t\t"level": "debug"\n\t}\n}' }).log.level).to.equal(
      'debug',
    );
  });
});

describe("Nomad's address", () => {
  it('is a socket when a unix:// address says so', () => {
    const nomad = { address: 'http://localhost', unixSocket: '/secrets/api.sock' };
    const socket = 'unix:///secrets/api.sock';
    expect(load({ env: { NOMAD_UNIX_ADDR: socket } }).nomad).to.include(nomad);
    expect(load({ env: { NOMAD_ADDR: socket } }).nomad).to.include(nomad);
    expect(load({ file: `nomad: {unix_addr: ${socket}}` }).nomad).to.include(nomad);
  });

  it('wins over the socket that Nomad itself names to every task', () => {
    const env = { NOMAD_ADDR: 'http://n:4646', NOMAD_UNIX_ADDR: 'unix:///secrets/api.sock' };
    expect(load({ env }).nomad).not.to.have.property('unixSocket');
    expect(load({ env }).nomad.address).to.equal('http://n:4646');
  });

  it('follows the order of the sources', () => {
    const env = { NOMAD_UNIX_ADDR: 'unix:///secrets/api.sock' };
    const file = 'nomad: {address: "http://file:4646"}';
    expect(load({ env, file }).nomad.unixSocket).to.equal('/secrets/api.sock');
    const flags = { nomadAddress: 'http://flag:4646' };
    expect(load({ flags, env, file }).nomad).not.to.have.property('unixSocket');
  });
});

describe('secrets in files', () => {
  const files = { '/t': 'from-file\n', '/p': ' pass word\n', '/u': 'user\n' };

  it('are read from the files that variables name', () => {
    const env = {
      NOMAD_TOKEN_FILE: '/t',
      HAPROXY_PASSWORD_FILE: '/p',
      HAPROXY_USERNAME_FILE: '/u',
    };
    const { nomad, targets } = load({ env, files });
    expect(nomad).to.include({ token: 'from-file', tokenFile: '/t' });
    expect(targets[0]).to.include({ username: 'user', password: ' pass word' });
  });

  it('are read from the files that the configuration names', () => {
    const file = 'nomad: {token_file: /t}\nhaproxy: {password_file: /p}';
    expect(load({ file, files }).nomad.token).to.equal('from-file');
  });

  it('give way to a secret of a source that counts more', () => {
    const env = { NOMAD_TOKEN: 'env', HAPROXY_PASSWORD: 'env' };
    const file = 'nomad: {token_file: /none}\nhaproxy: {password_file: /none}';
    const { nomad, targets } = load({ env, file });
    expect(nomad.token).to.equal('env');
    expect(nomad).not.to.have.property('tokenFile');
    expect(targets[0]?.password).to.equal('env');
  });

  it('hold the fresher token when Nomad hands over both', () => {
    const env = { NOMAD_TOKEN: 'old', NOMAD_TOKEN_FILE: '/t' };
    expect(load({ env, files }).nomad.token).to.equal('from-file');
  });
});

describe('domain_map', () => {
  const path = '/etc/haproxy/maps/domain-backend.map';

  it('with enabled: true is map mode with that map', () => {
    const file = `domain_map: {enabled: true, file_path: ${path}}`;
    expect(load({ file }).routing).to.deep.equal({
      mode: 'map',
      position: 'before',
      mapName: 'domain-backend',
      mapFile: path,
    });
  });

  it('with enabled: false is rules mode, without a map', () => {
    const { routing } = load({ file: `domain_map: {enabled: false, file_path: ${path}}` });
    expect(routing).to.deep.equal({ mode: 'rules', position: 'before', mapName: 'nomad' });
  });

  it('without enabled is the default', () => {
    const { routing } = load({ file: `domain_map: {file_path: ${path}}` });
    expect(routing).to.deep.equal({ mode: 'map', position: 'before', mapName: 'nomad' });
  });

  it('leaves the other maps the name that is given to them', () => {
    const file = `domain_map: {enabled: true, file_path: ${path}}\nrouting: {map_name: mine.map}`;
    expect(load({ file }).routing).to.include({ mapName: 'mine', mapFile: path });
  });

  it('gives way to the flag, and keeps its path where the mode agrees', () => {
    const file = `domain_map: {enabled: true, file_path: ${path}}`;
    const rules = load({ file, flags: { routingMode: 'rules' } }).routing;
    expect(rules).to.include({ mode: 'rules' }).and.not.to.have.property('mapFile');
    expect(load({ file, flags: { routingMode: 'map' } }).routing.mapFile).to.equal(path);
  });

  it('can come from variables', () => {
    const env = { DOMAIN_MAP_ENABLED: 'false' };
    expect(load({ env }).routing.mode).to.equal('rules');
  });
});

describe('haproxy.watch_interval', () => {
  const watchOf = (value: string): number | undefined =>
    load({ file: `haproxy: {watch_interval: ${value}}` }).haproxy.watchIntervalMs;

  it('is a time, or off', () => {
    expect(watchOf('250ms')).to.equal(250);
    expect(watchOf('2')).to.equal(2000);
    expect(watchOf('"off"')).to.equal(undefined);
    expect(watchOf('off')).to.equal(undefined);
  });

  for (const value of ['0', '0s', '-1', 'never', 'true', '8000h', '""']) {
    it(`is not ${value}`, () => {
      if (value === '""') return expect(watchOf(value)).to.equal(1000);
      expect(() => watchOf(value)).to.throw('haproxy.watch_interval');
    });
  }
});
