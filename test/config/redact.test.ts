import { expect } from 'chai';
import fc from 'fast-check';
import { createRedactor, redactSettings, secretsOf } from '../../src/config/redact.js';
import { load } from './given.js';

const env = { NOMAD_TOKEN: 'tok-1234', HAPROXY_PASSWORD: 'pa"ss/1', HAPROXY_USERNAME: 'joe' };

describe('Redactor', () => {
  it('blanks every secret of the settings in a text', () => {
    const { redact } = createRedactor(secretsOf(load({ env })));
    const basic = Buffer.from('joe:pa"ss/1').toString('base64');
    const line = redact(`tok-1234 pa"ss/1 pa\\"ss/1 pa%22ss%2F1 Basic ${basic} joe`);
    const blank = '<redacted>';
    expect(line).to.equal(`${blank} ${blank} ${blank} ${blank} Basic ${blank} joe`);
  });

  const awkward = 'p&w "1"/é+ü  <x>';
  const basicOf = (text: string): string => Buffer.from(text).toString('base64');
  const quotes: Readonly<Record<string, (secret: string) => string>> = {
    'as it is': (secret) => secret,
    'in JSON': (secret) => JSON.stringify({ error: secret }),
    'in JSON in JSON': (secret) => JSON.stringify(JSON.stringify([secret])),
    'in a URL': (secret) => `?token=${encodeURIComponent(secret)}&x`,
    'in a URL, in small letters': (secret) => encodeURIComponent(secret).toLowerCase(),
    'in a form': (secret) => new URLSearchParams({ secret }).toString().replaceAll('%', '%'),
    'in HTML': (secret) =>
      secret
        .replaceAll('&', '&amp;')
        .replaceAll('<', '&lt;')
        .replaceAll('>', '&gt;')
        .replaceAll('"', '&#34;'),
    'on one line': (secret) => secret.replace(/\s+/g, ' '),
    'in base64': basicOf,
    'in base64 without padding': (secret) => basicOf(secret).replace(/=+$/, ''),
    'in base64 for URLs': (secret) => Buffer.from(secret).toString('base64url'),
    'in the header': (secret) => `Authorization: Basic ${basicOf(`joe:${secret}`)}`,
    'in the header without padding': (secret) => basicOf(`joe:${secret}`).replace(/=+$/, ''),
    'in a longer text in base64': (secret) => basicOf(`who=joe:${secret}; and more`),
  };
  /** What is left of a text that tells something: pieces of eight characters. */
  const pieces = (text: string): string[] =>
    Array.from({ length: Math.max(1, text.length - 7) }, (_, at) => text.slice(at, at + 8));

  for (const [how, quote] of Object.entries(quotes)) {
    for (const password of ['correct horse', awkward, 'x'.repeat(63) + '=']) {
      it(`blanks a secret quoted ${how}: ${password.slice(0, 20)}`, () => {
        const settings = load({ env: { HAPROXY_PASSWORD: password, HAPROXY_USERNAME: 'joe' } });
        const { redact } = createRedactor(secretsOf(settings));
        const quoted = quote(password);
        const said = redact(`502 from proxy: ${quoted} is wrong`);
        expect(said).to.contain('<redacted>');
        for (const whole of [password, basicOf(`joe:${password}`), basicOf(password)]) {
          const told = pieces(whole).filter((piece) => said.includes(piece));
          expect(told, said).to.deep.equal([]);
        }
      });
    }
  }

  it("blanks anybody's credentials in headers, and no words", () => {
    const { redact } = createRedactor();
    const someone = basicOf('someone:else');
    expect(redact(`Authorization: Basic ${someone}`)).to.equal('Authorization: Basic <redacted>');
    expect(redact('X-Nomad-Token: 26a3cc9f-1b1c')).to.equal('X-Nomad-Token: <redacted>');
    expect(redact('{"x-nomad-token":["26a3cc9f"]}')).to.equal('{"x-nomad-token":["<redacted>"]}');
    const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln';
    expect(redact(`bearer ${jwt} expired`)).to.equal('bearer <redacted> expired');
    for (const words of ['basic authentication is needed', 'a bearer token', 'Basic auth: no']) {
      expect(redact(words)).to.equal(words);
    }
  });

  it('leaves no secret of four or more characters, whatever is around it', () => {
    const secret = fc.string({ minLength: 4, maxLength: 20 });
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (hidden, before, after) => {
        fc.pre(!'<redacted>'.includes(hidden) && !(before + after).includes('<redacted>'));
        const { redact } = createRedactor([hidden]);
        // What stands around the blank may happen to make the secret up again.
        const rest = redact(`${before}|${hidden}|${after}`).replaceAll('<redacted>', '\n');
        expect(rest.includes(hidden)).to.equal(false);
      }),
    );
  });

  it('blanks short secrets only where they stand alone', () => {
    const { redact } = createRedactor(['ab', '']);
    expect(['ab', 'table', ''].map(redact)).to.deep.equal(['<redacted>', 'table', '']);
  });

  it('learns secrets later', () => {
    const redactor = createRedactor();
    expect(redactor.redact('new-token')).to.equal('new-token');
    redactor.add('new-token');
    expect(redactor.redact('is new-token.')).to.equal('is <redacted>.');
  });

  it('blanks the credentials of any URL', () => {
    const { redact } = createRedactor();
    expect(redact('see http://u:p@host/x and a@b')).to.equal(
      'see http://<redacted>@host/x and a@b',
    );
  });
});

describe('redactSettings', () => {
  it('keeps everything but the secrets', () => {
    const settings = load({ env });
    const redacted = redactSettings(settings);
    expect(redacted.nomad).to.deep.equal({ ...settings.nomad, token: '<redacted>' });
    expect(redacted.targets).to.deep.equal([{ ...settings.targets[0], password: '<redacted>' }]);
    expect(redacted).to.deep.include({ sync: settings.sync, log: settings.log });
    expect(redactSettings(load({})).nomad).not.to.have.property('token');
  });
});
