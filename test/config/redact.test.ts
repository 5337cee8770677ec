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
