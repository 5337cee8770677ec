import { setTimeout as delay } from 'node:timers/promises';

import { freePort } from '../../fixtures/ports.js';
import type { AppVersion, Platform } from './platform.js';

export interface Around {
  readonly platform: Platform;
  /** As it was deployed before the load. */
  readonly app: AppVersion;
  /** The process id of an instance that serves. */
  readonly somePid: () => number;
}

export interface Scenario {
  readonly name: string;
  readonly shutdownDelays: readonly number[];
  /** Other than three instances on ports of Nomad's choice. */
  readonly app?: () => Promise<Partial<AppVersion>>;
  /** For a while nothing runs by nature: what is sent then can't be answered. */
  readonly outage?: true;
  readonly run: (around: Around) => Promise<void>;
}

const withAndWithout = [0, 3000];

export const scenarios: readonly Scenario[] = [
  {
    name: 'rolling update',
    shutdownDelays: withAndWithout,
    run: ({ platform, app }) => platform.deploy({ ...app, version: 'v2' }),
  },
  {
    name: 'canary and promotion',
    shutdownDelays: withAndWithout,
    run: async ({ platform, app }) => {
      await platform.deploy({ ...app, version: 'v2', canaries: 1 });
      await delay(2000);
      await platform.promote();
    },
  },
  {
    name: 'alloc restart',
    shutdownDelays: withAndWithout,
    run: ({ platform }) => platform.restartOne(),
  },
  {
    name: 'node drain',
    shutdownDelays: withAndWithout,
    run: ({ platform }) => platform.drainNode(),
  },
  {
    name: 'job stop and run',
    shutdownDelays: withAndWithout,
    outage: true,
    run: async ({ platform, app }) => {
      await platform.stop();
      await delay(1000);
      await platform.deploy({ ...app, version: 'v2' });
    },
  },
  {
    name: 'scale 3, 6, 2',
    shutdownDelays: withAndWithout,
    run: async ({ platform }) => {
      await platform.scale(6);
      await delay(2000);
      await platform.scale(2);
    },
  },
  {
    name: 'scale 1, 10, with scaling { max = 10 }',
    shutdownDelays: [3000],
    app: () => Promise.resolve({ count: 1, scalesTo: 10 }),
    run: async ({ platform }) => {
      await platform.scale(10);
      await delay(2000);
    },
  },
  {
    name: 'crash',
    shutdownDelays: [0],
    run: async ({ platform, somePid }) => {
      process.kill(somePid(), 'SIGKILL');
      await platform.crashed();
    },
  },
  {
    name: 'static port, one instance',
    shutdownDelays: withAndWithout,
    outage: true,
    app: async () => ({ count: 1, staticPort: await freePort() }),
    run: ({ platform, app }) => platform.deploy({ ...app, version: 'v2' }),
  },
  {
    name: 'static port, alloc restart',
    shutdownDelays: [0],
    outage: true,
    app: async () => ({ count: 1, staticPort: await freePort() }),
    run: ({ platform }) => platform.restartOne(),
  },
  {
    name: 'unhealthy new version',
    shutdownDelays: [0],
    run: ({ platform, app }) =>
      platform.deployUnhealthy({ ...app, version: 'bad', unhealthy: true }),
  },
];
