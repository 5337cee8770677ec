/** A host whose owner is purged, under a younger pattern of another namespace. */

import { expect } from 'chai';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';

import { globalSection, webDefaults } from '../../fixtures/dataplane/config.js';
import { type Stack, startStack } from '../../fixtures/stack.js';
import type { ConnectorOptions } from '../../fixtures/stack/connector.js';
import { explain } from '../../src/explain/explain.js';
import { until } from './helpers.js';

const host = 'shop.example.com';

for (const mode of ['map', 'rules'] as const) {
  describe(`a host whose owner is away, in mode ${mode}`, function () {
    this.timeout(90_000);
    let stack: Stack;
    let raw: Server;
    const hellos: Socket[] = [];

    before(async () => {
      raw = createServer((socket) => {
        hellos.push(socket);
        socket.on('error', () => undefined).destroy();
      });
      await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve));
      stack = await startStack({
        haproxyConfig: (dirs, port) => `${globalSection(dirs)}
${webDefaults}frontend http_front from web
  bind 127.0.0.1:${port} name public
  option idle-close-on-response
frontend sni_front from web
  mode tcp
  bind unix@${dirs.root}/sni.sock name sni
  tcp-request inspect-delay 5s
  tcp-request content accept if { req.ssl_hello_type 1 }
`,
      });
    });

    after(async () => {
      await stack?.close();
      raw?.close();
    });

    const tenant = (namespace: string, name: string, port: number, ...tags: string[]) =>
      stack.nomad.addService({
        ...{ name, namespace },
        tags: ['enable=true', 'check.disabled=true', ...tags].map((tag) => `haproxy.${tag}`),
        instances: [{ address: '127.0.0.1', port }],
      });

    const options: ConnectorOptions = {
      settings: (given) => ({
        ...given,
        routing: { ...given.routing, mode },
        guard: { ...given.guard, allowRemovals: true },
      }),
    };

    /** Whether a TLS connection with this server name reaches an instance. */
    const reaches = async (servername: string): Promise<boolean> => {
      const before = hellos.length;
      const path = `${stack.dp.dirs.root}/sni.sock`;
      await new Promise<void>((resolve) => {
        const socket = connect({ path, servername, rejectUnauthorized: false });
        socket.on('error', () => undefined).on('close', () => resolve());
      });
      return hellos.length > before;
    };

    it('is answered by nobody else until it comes back; all else goes on', async () => {
      const [shop, wild] = [await stack.app('shop'), await stack.app('wild')];
      const connector = stack.connector(options);
      const own = () => tenant('victim', 'shop', shop.port, `domain=${host}`);
      own();
      await connector.waitSettled();
      tenant('evil', 'wild', wild.port, 'domain=*.example.com');
      tenant('evil', 'login', wild.port, 'path=/login');
      tenant('evil', 'start', wild.port, 'domain.type=prefix', 'domain=sho');
      tenant('evil', 'some', wild.port, 'domain.type=regex', 'domain=^sh.*');
      const { rest } = await connector.waitSettled();
      expect(rest.skipped).to.deep.equal([]);
      expect(await stack.request(host, '/login')).to.deep.include({ status: 200, body: 'shop' });

      let done = false;
      const seen = new Set<string>();
      const ask = async (): Promise<void> => {
        while (!done) {
          for (const path of ['/', '/login']) {
            const { status, body } = await stack.request(host, path);
            seen.add(status === 200 ? body : String(status));
          }
        }
      };
      const asking = ask();
      stack.nomad.removeService('shop', 'victim');
      await connector.waitSettled();
      await until(() => seen.has('503'));
      const text = await stack.configuration();
      expect(text).not.to.contain('backend nomad_victim_shop');
      await stack.waitServed('other.example.com', [wild]);
      expect((await stack.request('short.io')).body).to.equal('wild');
      expect((await stack.request('any.io', '/login')).body).to.equal('wild');
      const last = await connector.waitSettled();
      const seen503 = explain({ picture: last, settings: stack.settings, now: Date.now() }, host);
      expect(seen503.text).to.match(/^shop[.]example[.]com answers 503: .*shop claimed it/);
      // Nothing is left to do, for this process and the next one.
      expect((await connector.waitSettled()).rest.steps).to.deep.equal([]);

      own();
      await connector.waitSettled();
      await stack.waitServed(host, [shop]);
      done = true;
      await asking;
      expect([...seen].sort()).to.deep.equal(['503', 'shop']);
      for (const name of ['wild', 'login', 'start', 'some'])
        stack.nomad.removeService(name, 'evil');
      await connector.stop();
    });

    it('is none by TLS server name either', async () => {
      const { port } = raw.address() as AddressInfo;
      const connector = stack.connector(options);
      const tcp = ['mode=tcp', 'frontend=sni_front'];
      tenant('victim', 'sni', port, `domain=one.tls.io`, ...tcp);
      await connector.waitSettled();
      tenant('evil', 'tls', port, 'domain=*.tls.io', ...tcp);
      await connector.waitSettled();
      expect(await reaches('one.tls.io')).to.equal(true);
      stack.nomad.removeService('sni', 'victim');
      await connector.waitSettled();
      expect(await reaches('one.tls.io')).to.equal(false);
      expect(await reaches('two.tls.io')).to.equal(true);
      await connector.stop();
    });
  });
}
