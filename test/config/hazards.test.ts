import { expect } from 'chai';
import { hazardsOf, type ModeOf } from '../../src/config/hazards.js';
import { loadConfiguration } from '../../src/config/settings.js';

const good = { HAPROXY_PASSWORD: 'good' };

function messages(env: Record<string, string>, modeOf: ModeOf = () => 0o100600, file = '{}') {
  const readFile = (path: string): string => (path === 'x.yaml' ? file : 'content');
  const sources = { flags: { configFile: 'x.yaml' }, env: { ...good, ...env }, readFile };
  const { settings, secretFiles } = loadConfiguration(sources);
  return hazardsOf(settings, secretFiles, modeOf).map(
    ({ message, fields }) => `${message}: ${fields['path'] ?? fields['key'] ?? ''}`,
  );
}

describe('hazards in the settings', () => {
  it('are none for an API on this host with a password of its own', () => {
    expect(messages({})).to.deep.equal([]);
  });

  it('are a password that everybody knows, even if it is set', () => {
    const known = ['the default password is in use: '];
    expect(messages({ HAPROXY_PASSWORD: '' })).to.deep.equal(known);
    expect(messages({ HAPROXY_PASSWORD: 'adminpwd' })).to.deep.equal(known);
  });

  for (const host of ['10.0.0.1', 'nomad', 'localhost.example.com', '[fd00::1]', '128.0.0.1']) {
    it(`are plain http to ${host}`, () => {
      expect(messages({ NOMAD_ADDR: `http://${host}:4646` })).to.deep.equal([
        'plain http to another host: nomad.address',
      ]);
      expect(messages({ HAPROXY_DATAPLANE_URL: `http://${host}:5555/v3` })).to.deep.equal([
        'plain http to another host: haproxy.address',
      ]);
      const https = {
        NOMAD_ADDR: `https://${host}:4646`,
        HAPROXY_DATAPLANE_URL: `https://${host}`,
      };
      expect(messages(https)).to.deep.equal([]);
    });
  }

  for (const host of ['localhost', 'LOCALHOST.', '127.1', '127.9.9.9', '[::1]', '0x7f000001']) {
    it(`are not plain http to ${host}`, () => {
      const env = { NOMAD_ADDR: `http://${host}:4646`, HAPROXY_DATAPLANE_URL: `http://${host}` };
      expect(messages(env)).to.deep.equal([]);
    });
  }

  it("are not plain http over Nomad's socket", () => {
    expect(messages({ NOMAD_UNIX_ADDR: 'unix:///secrets/api.sock' })).to.deep.equal([]);
  });

  it('are certificates that nobody verifies, and TLS settings for http', () => {
    const https = { NOMAD_ADDR: 'https://nomad', NOMAD_SKIP_VERIFY: '1' };
    expect(messages(https)).to.deep.equal(['the certificate is not verified: nomad.skip_verify']);
    expect(messages({ HAPROXY_CACERT: '/ca' })).to.deep.equal(['TLS settings have no effect: ']);
  });

  for (const mode of [0o640, 0o604, 0o644, 0o620, 0o666]) {
    it(`are secret files of mode ${mode.toString(8)}`, () => {
      const env = {
        ...{ NOMAD_TOKEN_FILE: '/t', NOMAD_CLIENT_KEY: '/n', NOMAD_CLIENT_CERT: '/c' },
        ...{ HAPROXY_PASSWORD_FILE: '/p', HAPROXY_CLIENT_KEY: '/h', HAPROXY_CLIENT_CERT: '/c' },
        ...{ HAPROXY_USERNAME_FILE: '/u', HAPROXY_PASSWORD: '', NOMAD_CACERT: '/ca' },
        ...{ NOMAD_ADDR: 'https://nomad', HAPROXY_DATAPLANE_URL: 'https://api' },
      };
      const found = messages(env, () => 0o100000 + mode);
      expect(found).to.deep.equal(
        ['/t', '/n', '/p', '/h'].map((path) => `others can access a secret file: ${path}`),
      );
    });
  }

  it('are a configuration file with a secret in it that others can read', () => {
    const readable = (): number => 0o100644;
    expect(messages({}, readable, 'nomad: {token: x}')).to.deep.equal([
      'others can access a secret file: x.yaml',
    ]);
    // Also if a variable overrides it.
    expect(messages({}, readable, 'haproxy: {password: x}')).to.have.length(1);
    expect(messages({}, readable, 'nomad: {region: x}')).to.deep.equal([]);
  });
});
