import { expect } from 'chai';
import fc from 'fast-check';

import { httpsLack, unreachable, wantsHttps, type Whom } from '../../src/doctor/model/reach.js';

const nomad: Whom = {
  name: 'Nomad',
  section: 'nomad',
  at: 'https://nomad.example.com:4646',
  timeoutMs: 2000,
};

describe('doctor: why a connection fails', () => {
  for (const [code, says, fix] of [
    ['ENOTFOUND', /DNS has no address for nomad\.example\.com \(/, /nomad\.address/],
    ['EAI_AGAIN', /DNS/, /nomad\.address/],
    ['ECONNREFUSED', /nothing listens there/, /start Nomad/],
    ['LATE', /no answer in 2 s/, /nomad\.request_timeout/],
    ['ETIMEDOUT', /no answer/, /firewall/],
    ['EHOSTUNREACH', /no route/, /nomad\.address/],
    ['ENOENT', /no such socket/, /NOMAD_UNIX_ADDR/],
    ['EACCES', /may not be opened/, /NOMAD_UNIX_ADDR/],
    ['CERT_HAS_EXPIRED', /TLS: its certificate has expired/, /renew/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /TLS: .*isn't for nomad/, /nomad\.tls_server_name/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /TLS: .*authority/, /nomad\.ca_cert/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /TLS: .*authority/, /nomad\.ca_cert/],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /wants a certificate/, /nomad\.client_cert/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /speaks plain http/, /http:\/\/ URL/],
    ['ERR_SSL_INTERNAL', /TLS failed/, /nomad\.ca_cert/],
    ['ECONNRESET', /the connection broke/, /log of Nomad/],
  ] as const) {
    it(`tells ${code} from the others`, () => {
      const lack = unreachable(nomad, code);
      expect(lack.says).to.match(says).and.to.include(code);
      expect(lack.fix).to.match(fix);
      expect(lack.short).to.equal("Nomad can't be reached");
    });
  }

  it('says something about any code', () => {
    fc.assert(
      fc.property(fc.string(), (code) => {
        const { says, fix } = unreachable(nomad, code);
        expect(says).to.not.equal('');
        expect(fix).to.not.equal('');
      }),
    );
  });

  it('knows a TLS port that got plain http', () => {
    expect(wantsHttps(400, 'Client sent an HTTP request to an HTTPS server.')).to.equal(true);
    expect(wantsHttps(400, 'invalid query')).to.equal(false);
    const whom = { ...nomad, at: 'http://10.0.0.1:4646' };
    expect(httpsLack(whom).fix).to.equal('set nomad.address to https://10.0.0.1:4646');
  });
});
