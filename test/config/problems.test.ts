import { expect } from 'chai';
import { problems } from './given.js';

describe('what is wrong in a configuration', () => {
  it('is told with key, value and allowed form', () => {
    expect(problems({ file: 'nomad: {address: foo}' })).to.deep.equal([
      'config file x.yaml: nomad.address: "foo" is not allowed; ' +
        'expected an http(s) URL or unix:// path',
    ]);
  });

  it('is told with the name of the variable', () => {
    expect(problems({ env: { HAPROXY_DRAIN_TIMEOUT_SEC: '10s' } })).to.deep.equal([
      'environment variable HAPROXY_DRAIN_TIMEOUT_SEC: "10s" is not allowed; ' +
        'expected a whole number from 0 to 86400',
    ]);
    expect(problems({ env: { NOMAD_SKIP_VERIFY: 'maybe' } })).to.deep.equal([
      'environment variable NOMAD_SKIP_VERIFY: "maybe" is not allowed; expected true or false',
    ]);
  });

  it('is told with the name of the flag', () => {
    const flags = { routingMode: 'acl', frontends: ['a b'] };
    expect(problems({ flags })).to.deep.equal([
      '--frontend: "a b" is not allowed; ' +
        'expected a list of frontend names: letters, digits, ".", "_", ":" and "-"',
      '--routing-mode: "acl" is not allowed; expected map or rules',
    ]);
  });

  it('is told all at once, over all sources', () => {
    const file = 'log: {level: loud}\nchecks: {rise: 0, interval: 10 seconds}\nlogs: {}';
    const found = problems({ flags: { httpListen: 'x' }, env: { NOMAD_ADDR: 'x' }, file });
    expect(found).to.have.members([
      '--http-listen: "x" is not allowed; expected ":PORT", "HOST:PORT" or "off"',
      'environment variable NOMAD_ADDR: "x" is not allowed; expected an http(s) URL or unix:// path',
      'config file x.yaml: logs is not a known key; did you mean log?',
      'config file x.yaml: log.level: "loud" is not allowed; expected error, warn, info or debug',
      'config file x.yaml: checks.rise: 0 is not allowed; expected a whole number from 1 to 100',
      'config file x.yaml: checks.interval: "10 seconds" is not allowed; expected a time such as ' +
        '"10s" or "500ms", or a number of seconds; above 0, up to 7 days',
    ]);
  });

  it('names the nearest key for one that is not known', () => {
    const file = 'nomad: {adress: x}\ntoken: x\nhaproxy: {level: x, zzzzzz: 1}';
    expect(problems({ file })).to.have.members([
      'config file x.yaml: token is not a known key; did you mean nomad.token?',
      'config file x.yaml: nomad.adress is not a known key; did you mean nomad.address?',
      'config file x.yaml: haproxy.level is not a known key; did you mean log.level?',
      'config file x.yaml: haproxy.zzzzzz is not a known key',
    ]);
  });

  it('is a section that is no group of keys', () => {
    expect(problems({ file: 'log: secret' })).to.deep.equal([
      'config file x.yaml: log: expected a group of keys: level',
    ]);
    expect(problems({ file: '- a' })).to.deep.equal([
      'config file x.yaml: expected keys such as nomad and haproxy',
    ]);
  });

  it('is a time that no timer takes', () => {
    for (const time of ['0', '0s', '-1', '8000000', '200h', '""x']) {
      expect(problems({ file: `sync: {resync_interval: ${time}}` })).to.have.length(1);
    }
  });

  it('is a pair of values that do not go together', () => {
    const file =
      'sync: {backoff_min: 1m}\nnomad: {client_cert: /c}\n' +
      'routing: {mode: map}\ndomain_map: {enabled: false}\n' +
      'haproxy: {frontend: a, frontends: [b], client_key: /k}';
    expect(problems({ file })).to.have.members([
      'config file x.yaml: sync.backoff_min: ' +
        'sync.backoff_min must not exceed sync.backoff_max: sync.backoff_min is 1m, ' +
        'sync.backoff_max is 30s',
      'config file x.yaml: nomad.client_cert: nomad.client_key is missing; set both or neither',
      'config file x.yaml: haproxy.client_key: haproxy.client_cert is missing; set both or neither',
      'config file x.yaml: routing.mode: "map" contradicts domain_map.enabled: false; ' +
        'remove one of them',
      'config file x.yaml: haproxy.frontend and haproxy.frontends: set only one of them',
    ]);
  });

  it('is a map that the data plane could not keep', () => {
    const file = 'domain_map: {enabled: true, file_path: /etc/domains.txt}';
    expect(problems({ file })).to.deep.equal([
      'config file x.yaml: domain_map.file_path: "/etc/domains.txt" is not allowed; ' +
        'expected a path that ends in .map',
    ]);
  });
});

describe('a file that can not be read', () => {
  it('is named with the reason', () => {
    expect(problems({ flags: { configFile: 'none.yaml' } })).to.deep.equal([
      'config file none.yaml: cannot be read: no such file',
    ]);
    expect(problems({ env: { NOMAD_TOKEN_FILE: '/none' } })).to.deep.equal([
      'environment variable NOMAD_TOKEN_FILE: file /none: cannot be read: no such file',
    ]);
    const env = { HAPROXY_PASSWORD_FILE: '/empty' };
    expect(problems({ env, files: { '/empty': '\n' } })).to.deep.equal([
      'environment variable HAPROXY_PASSWORD_FILE: file /empty: is empty',
    ]);
  });

  it('is named with the place of the error, when it is neither YAML nor JSON', () => {
    expect(problems({ file: 'nomad:\n  token: "hush\n' })[0]).to.match(
      /^config file x\.yaml: line 3, column 1: not valid YAML or JSON \(.+\)$/,
    );
  });
});

describe('secrets', () => {
  it('are not shown in messages', () => {
    const hush = 'hu sh';
    const found = [
      ...problems({ env: { NOMAD_TOKEN: hush } }),
      ...problems({ file: `nomad: {token: ${hush}}` }),
      ...problems({ file: 'haproxy: {password: [hu sh]}' }),
      ...problems({ env: { NOMAD_TOKEN_FILE: '/t' }, files: { '/t': hush } }),
      ...problems({ env: { NOMAD_ADDR: `http://user:${hush}@host` } }),
      ...problems({ file: 'haproxy: {address: "http://user:hu sh@h"}' }),
      ...problems({ file: 'haproxy: {password: *hu sh}' }),
      ...problems({ file: 'haproxy: {password: "hu sh' }),
      ...problems({ file: 'haproxy: hu sh' }),
      ...problems({ env: { HAPROXY_PASSWORD: hush, HAPROXY_PASSWORD_FILE: '/p' } }),
    ];
    for (const problem of found) expect(problem).not.to.match(/hu ?sh|"hu/);
  });

  it('have no place in an address', () => {
    expect(problems({ env: { NOMAD_ADDR: 'http://user:pass@host' } })).to.deep.equal([
      'environment variable NOMAD_ADDR: "http://<redacted>@host" is not allowed; expected ' +
        'an http(s) URL or unix:// path without a user name and password in it',
    ]);
  });
});
