import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';

import { expect } from 'chai';

import { freePort } from '../../fixtures/ports.js';
import { allUp, type Proof, shares, type TagCase } from './cases.js';
import type { Ask } from './world.js';

const two = { apps: ['http', 'http'] } as const;

/** Both answer, or only one does. */
async function answeredBy(at: Proof, many: boolean, ask?: (n: number) => Ask): Promise<void> {
  await allUp(at);
  const names = await at.answers(24, ask);
  expect(Object.keys(shares(names)), names.join()).to.have.lengthOf(many ? 2 : 1);
}

const same = (ask: Ask) => (): Ask => ask;

const balanceCases: readonly TagCase[] = [
  {
    key: 'load-balance',
    title: 'roundrobin',
    tags: ['load-balance=roundrobin'],
    ...two,
    prove: async (at) => {
      await allUp(at);
      const names = at.apps.map(({ name }) => name);
      const counts = shares(await at.answers(8));
      expect(names.map((name) => counts[name])).to.deep.equal([4, 4]);
    },
  },
  {
    key: 'load-balance',
    title: 'leastconn',
    tags: ['load-balance=leastconn'],
    ...two,
    prove: async (at) => {
      await allUp(at);
      const slow = at.ask({ path: '/?ms=500' });
      const busy = (): number => at.apps.findIndex(({ busiest }) => busiest > 0);
      while (busy() < 0) await at.world.ask('other.example.com');
      const idle = at.apps[1 - busy()]!.name;
      expect(await at.answers(4)).to.deep.equal([idle, idle, idle, idle]);
      await slow;
    },
  },
  {
    key: 'load-balance',
    title: 'random',
    tags: ['load-balance=random'],
    ...two,
    prove: (at) => answeredBy(at, true),
  },
  {
    key: 'load-balance',
    title: 'first',
    tags: ['load-balance=first'],
    ...two,
    prove: (at) => answeredBy(at, false),
  },
  {
    key: 'load-balance',
    title: 'source',
    tags: ['load-balance=source'],
    ...two,
    prove: async (at) => {
      await answeredBy(at, false);
      await answeredBy(at, true, (n) => ({ from: `127.0.0.${n + 1}` }));
    },
  },
  {
    key: 'load-balance',
    title: 'uri',
    tags: ['load-balance=uri'],
    ...two,
    prove: async (at) => {
      await answeredBy(at, false, same({ path: '/x' }));
      await answeredBy(at, true, (n) => ({ path: `/${n}` }));
    },
  },
  {
    key: 'load-balance',
    title: 'hdr(NAME)',
    tags: ['load-balance=hdr(X-User)'],
    ...two,
    prove: async (at) => {
      await answeredBy(at, false, same({ headers: { 'x-user': 'ann' } }));
      await answeredBy(at, true, (n) => ({ headers: { 'x-user': `user ${n}` } }));
    },
  },
  {
    key: 'weight',
    title: '0: no new requests',
    tags: ['weight=0'],
    prove: async (at) => {
      await allUp(at);
      expect((await at.ask()).status).to.equal(503);
    },
  },
  {
    key: 'weight',
    title: 'and that of a canary',
    tags: ['weight=30', 'canary.weight=10'],
    ...two,
    more: withCanary,
    prove: async (at) => {
      await allUp(at);
      const [stable, canary] = at.apps.map(({ name }) => name);
      const counts = shares(await at.answers(12));
      expect(counts).to.deep.equal({ [stable!]: 9, [canary!]: 3 });
    },
  },
  {
    key: 'canary.weight',
    title: '0 keeps it out',
    tags: ['canary.weight=0'],
    ...two,
    more: withCanary,
    prove: async (at) => {
      await allUp(at);
      expect(await at.answers(4)).to.deep.equal(Array(4).fill(at.app.name));
    },
  },
  {
    key: 'canary.header',
    title: 'those with the header get the canary, and nobody else does',
    tags: ['canary.header=X-Canary:yes'],
    ...two,
    more: withCanary,
    routing: true,
    prove: async (at) => {
      await allUp(at);
      const [stable, canary] = at.apps.map(({ name }) => name);
      const asks = ['yes', 'no', 'yes', 'no'].map((value) => ({ headers: { 'x-canary': value } }));
      const names = await at.answers(asks.length, (n) => asks[n]!);
      expect(names).to.deep.equal([canary, stable, canary, stable]);
    },
  },
  {
    key: 'cookie',
    title: 'the second request goes where the first went',
    tags: ['cookie=SRV'],
    ...two,
    prove: async (at) => {
      await allUp(at);
      const cookies = new Map<string, string>();
      for (let n = 0; n < 4; n++) {
        const { got, headers } = await at.ask();
        const [cookie = ''] = (headers['set-cookie']?.[0] ?? '').split(';');
        expect(cookie).to.match(/^SRV=/);
        cookies.set(got!.app, cookie);
      }
      expect(cookies.size).to.equal(2);
      for (const [name, cookie] of cookies) {
        const names = await at.answers(4, () => ({ headers: { cookie } }));
        expect(names).to.deep.equal(Array(4).fill(name));
      }
    },
  },
];

function withCanary(apps: Proof['apps']): ReturnType<NonNullable<TagCase['more']>> {
  return {
    instances: apps.map(({ address, port }, at) => ({ address, port, canary: at === 1 })),
  };
}

const limitCases: readonly TagCase[] = [
  {
    key: 'maxconn',
    title: 'more wait in a queue',
    tags: ['maxconn=2'],
    prove: async (at) => {
      await at.served();
      const path = '/?ms=100';
      const replies = await Promise.all([1, 2, 3, 4, 5].map(() => at.ask({ path })));
      expect(replies.map(({ status }) => status)).to.deep.equal(Array(5).fill(200));
      expect(at.app.busiest).to.equal(2);
    },
  },
  {
    key: 'timeout.queue',
    title: 'how long they wait',
    tags: ['maxconn=1', 'timeout.queue=100ms'],
    prove: async (at) => {
      await at.served();
      const path = '/?ms=800';
      const replies = await Promise.all([at.ask({ path }), at.ask({ path })]);
      expect(replies.map(({ status }) => status).sort()).to.deep.equal([200, 503]);
    },
  },
  {
    key: 'timeout.server',
    title: 'how long an app may think',
    tags: ['timeout.server=200ms'],
    prove: async (at) => {
      await at.served();
      expect((await at.ask({ path: '/?ms=2000' })).status).to.equal(504);
    },
  },
  {
    key: 'timeout.connect',
    title: 'how long a connection may take',
    tags: ['timeout.connect=50ms', 'check.disabled=true'],
    instances: async () => [{ address: '127.0.0.1', port: await deafPort() }],
    prove: async (at) => {
      const begin = performance.now();
      expect((await at.ask()).status).to.equal(503);
      // The operator's is 2 s, for each try.
      expect(performance.now() - begin).to.be.within(50, 1500);
    },
  },
  {
    key: 'timeout.tunnel',
    title: 'how long an upgraded connection may be quiet',
    tags: ['timeout.tunnel=200ms'],
    prove: async (at) => {
      await at.served();
      const socket = connect(at.world.stack.dp.frontendPort, '127.0.0.1');
      socket.write(
        `GET /ws HTTP/1.1\r\nhost: ${at.host}\r\nx-test: 1\r\n` +
          'connection: upgrade\r\nupgrade: x\r\n\r\n',
      );
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      expect(chunk.toString()).to.match(/^HTTP\/1.1 101/);
      const begin = performance.now();
      await once(socket.resume(), 'close');
      expect(performance.now() - begin).to.be.within(100, 2000);
    },
  },
  {
    key: 'allow-list',
    title: 'an address in it',
    tags: ['allow-list=10.0.0.0/8,127.0.0.1', 'allow-list=2001:db8::/32'],
    prove: async (at) => {
      await at.served();
      expect((await at.ask({ from: '127.0.0.2' })).status).to.equal(403);
    },
  },
  {
    key: 'allow-list',
    title: 'in tcp mode',
    tags: ['mode=tcp', 'frontend=tls_in', 'domain=list.example.com', 'allow-list=127.0.0.1'],
    apps: ['https'],
    prove: async (at) => {
      const ask = { port: at.world.ports.tls, serverName: 'list.example.com' };
      await at.served(ask);
      const refused = await at.ask({ ...ask, from: '127.0.0.2' }).catch(String);
      expect(refused).to.match(/ECONNRESET|hang up|disconnected/);
    },
  },
  {
    key: 'rate-limit',
    title: 'requests of one address',
    tags: ['rate-limit=3/10m'],
    prove: async (at) => {
      await allUp(at);
      const app = at.app.name;
      expect(await at.answers(5)).to.deep.equal([app, app, app, '429', '429']);
      expect((await at.ask({ from: '127.0.0.2' })).status).to.equal(200);
    },
  },
  {
    key: 'rate-limit',
    title: 'connections of one address in tcp mode',
    tags: ['mode=tcp', 'frontend=tls_in', 'domain=rate.example.com', 'rate-limit=2/h'],
    apps: ['https'],
    prove: async (at) => {
      await allUp(at);
      const ask = { port: at.world.ports.tls, serverName: 'rate.example.com' };
      expect((await at.ask(ask)).status).to.equal(200);
      expect((await at.ask(ask)).status).to.equal(200);
      expect(await at.ask(ask).catch(String)).to.match(/ECONNRESET|hang up|disconnected/);
    },
  },
];

const wireCases: readonly TagCase[] = [
  {
    key: 'server.ssl',
    title: 'true, with the host as SNI',
    tags: ['server.ssl=true', 'check.path=/h'],
    apps: ['https'],
    prove: async (at) => {
      expect((await at.served()).serverName).to.equal(at.host);
      expect(at.app.checks.some(({ url }) => url === '/h')).to.equal(true);
    },
  },
  {
    key: 'server.ssl',
    title: 'false',
    tags: ['server.ssl=false'],
    prove: (at) => at.served(),
  },
  {
    key: 'server.ssl.verify',
    title: "true: a certificate of nobody's is refused",
    tags: ['server.ssl=true', 'server.ssl.verify=true', 'check.disabled=true'],
    apps: ['https'],
    prove: (at) => at.gives(503),
  },
  {
    key: 'server.ssl.verify',
    title: 'false',
    tags: ['server.ssl=true', 'server.ssl.verify=false'],
    apps: ['https'],
    prove: (at) => at.served(),
  },
  {
    key: 'server.proto',
    title: 'h1',
    tags: ['server.proto=h1'],
    prove: async (at) => expect((await at.served()).httpVersion).to.equal('1.1'),
  },
  {
    key: 'server.proto',
    title: 'h2',
    tags: ['server.proto=h2', 'check.path=/h'],
    apps: ['h2c'],
    prove: async (at) => {
      expect((await at.served()).httpVersion).to.equal('2.0');
      expect(at.app.checks.some(({ url }) => url === '/h')).to.equal(true);
    },
  },
  {
    key: 'server.proto',
    title: 'h2 by ALPN',
    tags: ['server.proto=h2', 'server.ssl=true', 'check.path=/h'],
    apps: ['h2'],
    prove: async (at) => {
      expect((await at.served()).httpVersion).to.equal('2.0');
      expect(at.app.checks.some(({ url }) => url === '/h')).to.equal(true);
    },
  },
  ...(['true', 'v1', 'v2'] as const).map((form): TagCase => ({
    key: 'send-proxy',
    title: form,
    tags: [`send-proxy=${form}`, 'check.path=/h'],
    apps: ['proxy'],
    prove: async (at) => {
      await at.served({ from: '127.0.0.3' });
      const greeting = at.app.greetings.join('');
      expect(greeting).to.include(form === 'v2' ? '\x7f\x00\x00\x03' : 'PROXY TCP4 127.0.0.3 ');
      expect(at.app.checks.some(({ url }) => url === '/h')).to.equal(true);
    },
  })),
  {
    key: 'send-proxy',
    title: 'false',
    tags: ['send-proxy=false'],
    prove: (at) => at.served(),
  },
  {
    key: 'forwarded-for',
    title: 'true',
    tags: ['forwarded-for=true'],
    prove: async (at) => {
      const { headers } = await at.served({ from: '127.0.0.4' });
      expect(headers['x-forwarded-for']).to.equal('127.0.0.4');
    },
  },
  {
    key: 'forwarded-for',
    title: 'false',
    tags: ['forwarded-for=false'],
    prove: async (at) => {
      expect((await at.served()).headers).not.to.have.property('x-forwarded-for');
    },
  },
  {
    key: 'ssl-redirect',
    title: 'true',
    tags: ['ssl-redirect=true'],
    prove: async (at) => {
      const { headers } = await at.gives(301, { path: '/x?y=1' });
      expect(headers.location).to.equal(`https://${at.host}/x?y=1`);
    },
  },
  {
    key: 'ssl-redirect',
    title: 'false',
    tags: ['ssl-redirect=false'],
    prove: (at) => at.served(),
  },
  {
    key: 'request-header.set',
    title: 'several, and one taken away',
    tags: ["request-header.set=X-A: it's {1} # & 2", 'request-header.set=X-Gone:'],
    prove: async (at) => {
      const { headers } = await at.served({ headers: { 'x-gone': '1', 'x-stays': '1' } });
      expect(headers).to.include({ 'x-a': "it's {1} # & 2", 'x-stays': '1' });
      expect(headers).not.to.have.property('x-gone');
    },
  },
  {
    key: 'response-header.set',
    title: 'several, and one taken away',
    tags: ['response-header.set=X-B: if {1}', 'response-header.set=Server:'],
    prove: async (at) => {
      const { headers } = await at.gives(200);
      expect(headers['x-b']).to.equal('if {1}');
      expect(headers).not.to.have.property('server');
    },
  },
];

export const trafficCases: readonly TagCase[] = [...balanceCases, ...limitCases, ...wireCases];

const deaf: ChildProcess[] = [];

/** Somebody listens there and never accepts, and the kernel's queue for it is full. */
async function deafPort(): Promise<number> {
  const port = await freePort();
  const code = `require('net').createServer().listen({port:${port},host:'127.0.0.1',backlog:1},
    () => process.stdout.write('.'))`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'ignore'] });
  deaf.push(child);
  await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  for (let count = 0; count < 4; count++)
    connect(port, '127.0.0.1')
      .on('error', () => undefined)
      .unref();
  return port;
}

export function closeDeafPorts(): void {
  for (const child of deaf) child.kill('SIGKILL');
}
