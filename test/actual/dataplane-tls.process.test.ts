import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { expect } from 'chai';

import { makePki, type Pki } from '../../fixtures/pki.js';
import { createDataPlaneWriter } from '../../src/actual/dataplane-client.js';
import { createNomadClient } from '../../src/observe/nomad/client.js';
import { asConnectorError, ConnectorError } from '../../src/shared/errors.js';
import type { TlsReread, TlsSettings } from '../../src/shared/tls-files.js';
import { settingsFor } from '../observe/setup.js';

const serverName = 'api.example.com';
const signal = new AbortController().signal;

interface Client {
  readonly get: () => Promise<unknown>;
}

type Connect = (address: string, tls: TlsSettings, onTls: (one: TlsReread) => void) => Client;

const clients: Readonly<Record<string, Connect>> = {
  'the Data Plane API': (address, tls, onTls) => {
    const who = { name: 'default', username: 'a', password: 'b', requestTimeoutMs: 2000 };
    const client = createDataPlaneWriter({ address, ...who, ...tls }, { onTls });
    return { get: () => client.get('/x') };
  },
  Nomad: (address, tls, onTls) => {
    const client = createNomadClient({ settings: settingsFor(address, tls), onTls });
    return { get: () => client.get('/v1/services', { signal }) };
  },
};

for (const [peer, connect] of Object.entries(clients)) {
  describe(`TLS to ${peer}`, () => {
    let folder: string;
    let pkis: { readonly first: Pki; readonly second: Pki };
    let server: HttpsServer;
    let own: TlsSettings;
    /** Fingerprints of the clients' certificates, one for each request. */
    const shown: string[] = [];
    const rereads: TlsReread[] = [];
    const code = (client: Client): Promise<string> =>
      client.get().then(
        () => 'ok',
        (error: unknown) => asConnectorError(error).code,
      );
    const open = (tls: TlsSettings): Client => {
      const { port } = server.address() as AddressInfo;
      return connect(`https://127.0.0.1:${port}`, tls, (one) => rereads.push(one));
    };
    /** As renewals do it: a complete file is renamed over the old one. */
    const replace = (from: string, to: string): void => {
      writeFileSync(`${to}.new`, readFileSync(from));
      renameSync(`${to}.new`, to);
    };
    const contextOf = ({ ca, cert, key }: Pki) => ({
      ca: readFileSync(ca),
      cert: readFileSync(cert),
      key: readFileSync(key),
    });

    before(async function () {
      folder = mkdtempSync(join(tmpdir(), 'tls-'));
      const [first, second] = ['one', 'two'].map((at) => makePki(join(folder, at), serverName));
      if (first === undefined || second === undefined) {
        process.stderr.write(`SKIPPED: TLS to ${peer}, because there is no openssl\n`);
        return this.skip();
      }
      pkis = { first, second };
      const files = { caCert: 'ca.pem', clientCert: 'cert.pem', clientKey: 'key.pem' };
      own = Object.fromEntries(
        Object.entries({ ...files, tlsServerName: serverName }).map(([key, name]) => [
          key,
          key === 'tlsServerName' ? name : join(folder, name),
        ]),
      );
      server = createServer({ requestCert: true, ...contextOf(first) }, (request, response) => {
        shown.push((request.socket as TLSSocket).getPeerCertificate().fingerprint);
        const trusted = { 'X-Nomad-Index': '7', 'X-Nomad-KnownLeader': 'true' };
        response.writeHead(200, trusted).end('[]');
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    });
    beforeEach(() => {
      shown.length = rereads.length = 0;
      server.setSecureContext(contextOf(pkis.first));
      replace(pkis.first.ca, own.caCert!);
      replace(pkis.first.cert, own.clientCert!);
      replace(pkis.first.key, own.clientKey!);
    });
    after(() => {
      server?.closeAllConnections();
      server?.close();
      rmSync(folder, { recursive: true });
    });

    it('verifies the certificate with the CA and the server name, and shows its own', async () => {
      const { tlsServerName: _name, ...nameless } = own;
      const { caCert: _ca, ...unrooted } = own;
      const { clientCert: _cert, clientKey: _key, ...anonymous } = own;
      expect(await code(open(own))).to.equal('ok');
      for (const wrong of [
        nameless,
        { ...own, tlsServerName: 'other.example.com' },
        unrooted,
        { ...own, caCert: pkis.second.ca },
        anonymous,
      ]) {
        expect(await code(open(wrong))).to.match(/-unreachable$/);
      }
      expect(shown).to.have.length(1);
    });

    if (peer === 'the Data Plane API') {
      it('says for which name the certificate is', async () => {
        const failed = open({ ...own, tlsServerName: 'other.example.com' }).get();
        const { message } = await failed.then(
          () => new Error('no failure'),
          (error: unknown) => asConnectorError(error),
        );
        expect(message).to.include(`is for DNS:${serverName}, not for other.example.com`);
        expect(message).to.include('set haproxy.tls_server_name');
      });
    }

    it('rereads files that changed, on a new connection', async () => {
      const client = open(own);
      expect(await code(client)).to.equal('ok');
      expect(await code(client)).to.equal('ok');
      server.setSecureContext(contextOf(pkis.second));
      replace(pkis.second.ca, own.caCert!);
      replace(pkis.second.cert, own.clientCert!);
      replace(pkis.second.key, own.clientKey!);
      expect(await code(client)).to.equal('ok');
      expect(new Set(shown)).to.have.length(2);
      expect(rereads).to.deep.equal([{ peer }]);
    });

    it('keeps the last files while the new ones can not be used', async () => {
      const client = open(own);
      expect(await code(client)).to.equal('ok');
      replace(pkis.second.cert, own.clientCert!);
      expect(await code(client)).to.equal('ok');
      writeFileSync(own.caCert!, 'half a cert');
      expect(await code(client)).to.equal('ok');
      rmSync(own.clientKey!);
      expect(await code(client)).to.equal('ok');
      expect(new Set(shown)).to.have.length(1);
      expect(rereads).to.have.length(3);
      for (const { problem } of rereads) expect(problem).to.match(/TLS file .*\.pem/);
    });

    it('refuses files that can not be used from the start', () => {
      writeFileSync(own.caCert!, 'no certificate');
      expect(() => open(own)).to.throw(ConnectorError, /ca\.pem: it holds no PEM certificate/);
      replace(pkis.first.ca, own.caCert!);
      replace(pkis.second.key, own.clientKey!);
      expect(() => open(own)).to.throw(ConnectorError, /cert\.pem and .*key\.pem/);
    });
  });
}
