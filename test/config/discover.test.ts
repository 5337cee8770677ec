import { expect } from 'chai';

import { hazardsOf } from '../../src/config/hazards.js';
import { redactSettings, secretsOf } from '../../src/config/redact.js';
import { load } from './given.js';

const discover = { service: 'haproxy-dataplane', job: 'haproxy' };

function given(haproxy: object, env: Record<string, string> = {}) {
  return load({ file: JSON.stringify({ haproxy }), env });
}

function problemsOf(haproxy: object): string {
  try {
    given(haproxy);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

describe('haproxy.discover', () => {
  it('has the credentials and TLS files of haproxy, and https in the default namespace', () => {
    const tls = { ca_cert: '/ca.pem', tls_server_name: 'dataplane' };
    const settings = given({ ...tls, username: 'ops', password: 'shared-password', discover });
    expect(settings.targets).to.deep.equal([]);
    expect(settings.discover).to.deep.equal({
      ...{ ...discover, namespace: 'default', scheme: 'https' },
      shared: {
        ...{ username: 'ops', password: 'shared-password', requestTimeoutMs: 40_000 },
        ...{ caCert: '/ca.pem', tlsServerName: 'dataplane' },
      },
    });
  });

  it('has a password that is never printed', () => {
    const settings = given({ password: 'shared-password', discover });
    expect(secretsOf(settings)).to.include('shared-password');
    expect(JSON.stringify(redactSettings(settings))).not.to.include('shared-password');
  });

  it('is told to be dangerous over http, and with the default password', () => {
    const messages = (settings: ReturnType<typeof given>) =>
      hazardsOf(settings, [], () => undefined).map(({ message }) => message);
    expect(messages(given({ password: 'x1', discover }))).to.deep.equal([]);
    expect(messages(given({ discover: { ...discover, scheme: 'http' } }))).to.deep.equal([
      'the default password is in use',
      'plain http to another host',
    ]);
  });

  it('is overridden by an address of a source that counts more', () => {
    const settings = given({ discover }, { HAPROXY_DATAPLANE_URL: 'http://h:5555' });
    expect(settings.discover).to.equal(undefined);
    expect(settings.targets.map(({ address }) => address)).to.deep.equal(['http://h:5555']);
  });

  const targets = [{ name: 'a', address: 'http://a' }];
  const wrong: Readonly<Record<string, readonly [object, RegExp]>> = {
    'an address beside it': [{ address: 'http://a', discover }, /set only one of them/],
    'targets beside it': [{ targets, discover }, /set only one of them/],
    'no job': [
      { discover: { service: 'x' } },
      /without the job, anybody .* would get the password/,
    ],
    'no service': [{ discover: { job: 'x' } }, /a group with service and job/],
    'another scheme': [{ discover: { ...discover, scheme: 'ftp' } }, /haproxy\.discover/],
    'a job with a space': [{ discover: { ...discover, job: 'a b' } }, /haproxy\.discover/],
    'an unknown key': [{ discover: { ...discover, jobs: 'x' } }, /haproxy\.discover\.jobs/],
  };
  for (const [what, [haproxy, message]] of Object.entries(wrong)) {
    it(`refuses ${what}`, () => {
      expect(problemsOf(haproxy)).to.match(message);
    });
  }
});
