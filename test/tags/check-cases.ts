import { expect } from 'chai';

import { type HealthServer, startHealthServer } from '../desired/health-server.js';
import { isGated, type Proof, type TagCase } from './cases.js';
import type { Seen } from './echo.js';
import { until } from './world.js';

const only =
  (wanted: (seen: Seen) => boolean): NonNullable<TagCase['prepare']> =>
  ([app]) => {
    app!.healthy = wanted;
  };

/** Asked at least twice, and still never UP. */
async function staysDown(at: Proof): Promise<void> {
  await until('two checks', () => at.app.checks.length >= 2);
  await at.gives(503);
}

const grpc: Record<string, HealthServer> = {};

function grpcInstance(name: string, serving: boolean): NonNullable<TagCase['instances']> {
  return async () => {
    const server = await startHealthServer();
    server.serving = serving;
    grpc[name] = server;
    return [{ address: '127.0.0.1', port: server.port }];
  };
}

export function closeHealthServers(): void {
  for (const server of Object.values(grpc)) server.close();
}

async function isUp({ world, backend }: Proof): Promise<boolean> {
  return (await world.stack.loadedServers(backend)).some(
    ({ up, admin }) => up && admin === 'ready',
  );
}

export const checkCases: readonly TagCase[] = [
  {
    key: 'check.disabled',
    title: 'true: traffic without asking',
    tags: ['check.disabled=true', 'check.path=/x'],
    prepare: only(() => false),
    prove: async (at) => {
      await at.served();
      expect(at.app.checks).to.be.empty;
    },
  },
  {
    key: 'check.disabled',
    title: 'false',
    tags: ['check.disabled=false', 'check.path=/x'],
    prepare: only(({ url }) => url === '/x'),
    prove: isGated,
  },
  {
    key: 'check.type',
    title: 'http',
    tags: ['check.type=http'],
    prepare: only(({ method, url }) => method === 'GET' && url === '/'),
    prove: isGated,
  },
  {
    key: 'check.type',
    title: 'https',
    tags: ['check.type=https', 'check.path=/tls', 'check.host=tls.example.com', 'server.ssl=true'],
    apps: ['https'],
    prepare: only(({ url, serverName }) => url === '/tls' && serverName === 'tls.example.com'),
    prove: isGated,
  },
  {
    key: 'check.type',
    title: 'tcp: no request',
    tags: ['check.type=tcp'],
    prepare: only(() => false),
    prove: async (at) => {
      await at.served();
      expect(at.app.checks).to.be.empty;
      await at.app.close();
      await at.gives(503);
    },
  },
  {
    key: 'check.type',
    title: 'grpc, SERVING',
    tags: ['check.type=grpc'],
    instances: grpcInstance('serving', true),
    prove: async (at) => {
      await until('UP', () => isUp(at));
      grpc['serving']!.serving = false;
      await until('DOWN', async () => !(await isUp(at)));
    },
  },
  {
    key: 'check.type',
    title: 'grpc, NOT_SERVING',
    tags: ['check.type=grpc', 'check.timeout=200ms'],
    instances: grpcInstance('refusing', false),
    prove: async (at) => {
      await until('two checks', () => grpc['refusing']!.asked.length >= 2);
      expect(await isUp(at)).to.equal(false);
      grpc['refusing']!.serving = true;
      await until('UP', () => isUp(at));
    },
  },
  {
    key: 'check.path',
    title: 'with a query',
    tags: ['check.path=/ready?full=1'],
    prepare: only(({ url }) => url === '/ready?full=1'),
    prove: isGated,
  },
  {
    key: 'check.path',
    title: 'beats the job spec (S9)',
    tags: ['check.path=/mine'],
    more: () => ({ checks: [{ Type: 'http', Path: '/theirs', Interval: 1e9, Timeout: 1e9 }] }),
    prepare: only(({ url }) => url === '/mine'),
    prove: isGated,
  },
  {
    key: 'check.method',
    title: 'HEAD',
    tags: ['check.method=head'],
    prepare: only(({ method }) => method === 'HEAD'),
    prove: isGated,
  },
  {
    key: 'check.host',
    title: 'an app that wants it (S11)',
    tags: ['check.host=app.internal:81', 'check.path=/h'],
    prepare: only(({ headers }) => headers.host === 'app.internal:81'),
    prove: isGated,
  },
  {
    key: 'check.host',
    title: 'without it, the first exact domain (S11)',
    tags: ['domain=*.vhost.example.com', 'domain=vhost.example.com', 'check.path=/h'],
    prepare: only(({ headers }) => headers.host === 'vhost.example.com'),
    prove: async (at) => {
      await at.served({}, 'vhost.example.com');
      at.app.healthy = () => false;
      await at.gives(503, {}, 'vhost.example.com');
    },
  },
  {
    key: 'check.expect',
    title: 'status codes',
    tags: ['check.path=/h', 'check.expect=500-504,418'],
    prepare: only(() => false),
    prove: async (at) => {
      await at.served();
      at.app.healthy = () => true;
      await at.gives(503);
    },
  },
  {
    key: 'check.expect',
    title: 'a text in the body',
    tags: ['check.path=/h', 'check.expect=string:we'],
    prepare: only(() => false),
    prove: (at) => at.served(),
  },
  {
    key: 'check.expect',
    title: 'a text that is not in the body',
    tags: ['check.path=/h', 'check.expect=string:i am: well, thanks'],
    prove: staysDown,
  },
  {
    key: 'check.port',
    title: 'another port',
    tags: ['check.path=/h'],
    apps: ['http', 'http'],
    more: ([app, health]) => ({
      instances: [{ address: '127.0.0.1', port: app!.port }],
      tags: [
        'haproxy.enable=true',
        'haproxy.check.path=/h',
        `haproxy.check.port=${health!.port}`,
        'haproxy.domain=check-port.example.com',
      ],
    }),
    prove: async (at) => {
      const [app, health] = at.apps;
      expect((await at.served({}, 'check-port.example.com')).app).to.equal(app!.name);
      expect([app!.checks.length, health!.checks.length > 0]).to.deep.equal([0, true]);
      health!.healthy = () => false;
      await at.gives(503, {}, 'check-port.example.com');
    },
  },
  {
    key: 'check.interval',
    title: 'rare',
    tags: ['check.path=/h', 'check.interval=1h', 'check.fall=100'],
    prove: async (at) => {
      await at.served();
      const before = at.app.checks.length;
      const other = Date.now();
      await until('half a second', () => Date.now() - other > 500);
      expect(at.app.checks.length).to.equal(before);
    },
  },
  {
    key: 'check.interval',
    title: 'frequent',
    tags: ['check.path=/h', 'check.interval=20ms'],
    prove: async (at) => {
      await at.served();
      await until('checks', () => at.app.checks.length > 20);
      // Half as long as the settings' interval at the most, however busy the machine is now and then.
      const gaps = at.app.checks.slice(1).map((seen, n) => seen.at - at.app.checks[n]!.at);
      expect(gaps.sort((a, b) => a - b)[3]).to.be.lessThan(50);
    },
  },
  {
    key: 'check.timeout',
    title: 'shorter than the answer takes',
    tags: ['check.path=/h', 'check.timeout=50ms'],
    prepare: ([app]) => (app!.checkDelayMs = 200),
    prove: async (at) => {
      await staysDown(at);
      at.app.checkDelayMs = 0;
      await at.served();
    },
  },
  {
    key: 'check.timeout',
    title: 'longer than the answer takes',
    tags: ['check.path=/h', 'check.timeout=5s'],
    prepare: ([app]) => (app!.checkDelayMs = 200),
    prove: (at) => at.served(),
  },
  {
    key: 'check.rise',
    title: 'so many passes until it is up',
    tags: ['check.path=/h', 'check.rise=4', 'check.interval=50ms'],
    prove: async (at) => {
      await at.served();
      at.app.healthy = () => false;
      await at.gives(503);
      at.app.checks.splice(0);
      at.app.healthy = () => true;
      await at.served();
      expect(at.app.checks.length).to.be.at.least(4);
    },
  },
  {
    key: 'check.fall',
    title: 'so many failures until it is down',
    tags: ['check.path=/h', 'check.fall=7', 'check.interval=50ms'],
    prove: async (at) => {
      await at.served();
      at.app.healthy = () => false;
      at.app.checks.splice(0);
      await at.gives(503);
      expect(at.app.checks.length).to.be.within(7, 9);
    },
  },
];
