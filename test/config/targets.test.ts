import { expect } from 'chai';

import { secretsOf } from '../../src/config/redact.js';
import { load } from './given.js';

const one = { name: 'edge-1', address: 'https://10.0.0.1:5555/v3' };
const two = { name: 'edge-2', address: 'https://10.0.0.2:5555' };

function given(haproxy: object, more: Partial<Parameters<typeof load>[0]> = {}) {
  return load({ file: JSON.stringify({ haproxy }), ...more });
}

function problemsOf(haproxy: object, more: Partial<Parameters<typeof load>[0]> = {}): string {
  try {
    given(haproxy, more);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

describe('haproxy.targets', () => {
  it('are several HAProxies, which take from the haproxy keys what they leave out', () => {
    const { targets } = given({
      username: 'ops',
      password: 'shared-password',
      ca_cert: '/ca.pem',
      targets: [
        one,
        { ...two, password: 'own-password', tls_server_name: 'b', request_timeout: 5 },
      ],
    });
    const shared = { username: 'ops', caCert: '/ca.pem' };
    expect(targets).to.deep.equal([
      {
        ...shared,
        name: 'edge-1',
        address: 'https://10.0.0.1:5555',
        password: 'shared-password',
        requestTimeoutMs: 40_000,
      },
      {
        ...shared,
        name: 'edge-2',
        address: 'https://10.0.0.2:5555',
        password: 'own-password',
        tlsServerName: 'b',
        requestTimeoutMs: 5000,
      },
    ]);
  });

  it('have passwords in files, none of which is printed', () => {
    const settings = given(
      { targets: [{ ...one, password_file: '/secret' }] },
      { files: { '/secret': 'from-a-file\n' } },
    );
    expect(settings.targets[0]?.password).to.equal('from-a-file');
    expect(secretsOf(settings)).to.include('from-a-file');
  });

  const wrong: Readonly<Record<string, readonly [object, RegExp]>> = {
    'two with one name': [{ targets: [one, { ...two, name: 'edge-1' }] }, /named edge-1/],
    'two with one address': [
      { targets: [one, { ...two, address: 'https://10.0.0.1:5555' }] },
      /have the address https:\/\/10\.0\.0\.1:5555/,
    ],
    'an address beside them': [{ address: 'http://a', targets: [one] }, /set only one of them/],
    'half a certificate': [{ targets: [{ ...one, client_cert: '/a.pem' }] }, /set client_key too/],
    'two passwords': [
      { targets: [{ ...one, password: 'x', password_file: '/y' }] },
      /password: set it or password_file/,
    ],
    'no name': [{ targets: [{ address: 'http://a' }] }, /a list of targets with a name/],
    'no target': [{ targets: [] }, /a list of targets with a name/],
    'an unknown key': [{ targets: [{ ...one, passwort: 'x' }] }, /haproxy\.targets/],
  };
  for (const [what, [haproxy, message]] of Object.entries(wrong)) {
    it(`are not ${what}`, () => {
      expect(problemsOf(haproxy)).to.match(message);
    });
  }

  it('are never printed, as one of them may hold a password', () => {
    expect(problemsOf({ targets: [{ name: 'a', password: 'very-secret' }] })).not.to.include(
      'very',
    );
  });

  it('give way to an address from a source that comes first', () => {
    const { targets } = given({ targets: [one] }, { flags: { haproxyAddress: 'http://other:1' } });
    expect(targets.map(({ name, address }) => [name, address])).to.deep.equal([
      ['default', 'http://other:1'],
    ]);
  });
});

describe('rollout.canary', () => {
  it('is one of the targets, where they are listed', () => {
    const load = (canary: string) =>
      given({ targets: [one, two] }, { env: {}, file: fileWith(canary) });
    expect(load('edge-2').rollout).to.deep.equal({
      ...{ canary: 'edge-2', settleMs: 2000, maxParallel: 1 },
    });
    expect(() => load('edge-9')).to.throw(
      'rollout.canary: there is no target "edge-9"; there is edge-1, edge-2',
    );
  });

  function fileWith(canary: string): string {
    return JSON.stringify({ haproxy: { targets: [one, two] }, rollout: { canary } });
  }
});
