import { httpCheck } from '../../fixtures/nomad/app-job.js';
import type { GroupSpec, JobSpec } from '../../fixtures/nomad/types.js';
import { enabledTags } from '../../fixtures/stack.js';
import { appScript } from './app.js';

/** The one job under load; a change of it is a new version. */
export interface AppVersion {
  readonly version: string;
  readonly count: number;
  /** `scaling { max }`. */
  readonly scalesTo?: number;
  readonly shutdownDelayMs: number;
  readonly canaries?: number;
  readonly staticPort?: number;
  readonly unhealthy?: boolean;
}

/** Nomad, as its operator uses it. Each resolves when Nomad has done it. */
export interface Platform {
  readonly name: string;
  readonly url: string;
  /** Runs the job or a new version of it; with canaries, until they are healthy. */
  deploy(app: AppVersion): Promise<void>;
  /** The same for a version that never gets healthy: given up after a while. */
  deployUnhealthy(app: AppVersion): Promise<void>;
  promote(): Promise<void>;
  restartOne(): Promise<void>;
  drainNode(): Promise<void>;
  stop(): Promise<void>;
  scale(count: number): Promise<void>;
  /** Comes back by itself, as Nomad restarts it. */
  crashed(): Promise<void>;
  /** By instance, when its registration went. */
  readonly deregistered: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

export const jobId = 'app';
const perMs = 1_000_000;
export const killTimeoutMs = 5000;

export function jobOf(app: AppVersion): JobSpec {
  const port = { Label: 'http' };
  const network =
    app.staticPort === undefined
      ? { DynamicPorts: [port] }
      : { ReservedPorts: [{ ...port, Value: app.staticPort }] };
  const group: GroupSpec & { readonly RestartPolicy: object } = {
    Name: jobId,
    Count: app.count,
    ...(app.scalesTo === undefined ? {} : { Scaling: { Min: 1, Max: app.scalesTo } }),
    Networks: [network],
    ShutdownDelay: app.shutdownDelayMs * perMs,
    RestartPolicy: { Attempts: 5, Interval: 60_000 * perMs, Delay: 1000 * perMs, Mode: 'delay' },
    Update: {
      MaxParallel: 1,
      HealthCheck: 'checks',
      MinHealthyTime: 500 * perMs,
      HealthyDeadline: 20_000 * perMs,
      ProgressDeadline: 40_000 * perMs,
      Canary: app.canaries ?? 0,
    },
    Services: [
      {
        Name: jobId,
        Provider: 'nomad',
        PortLabel: 'http',
        Tags: enabledTags(jobId),
        Checks: [httpCheck()],
      },
    ],
    Tasks: [
      {
        Name: 'app',
        Driver: 'raw_exec',
        Config: { command: process.execPath, args: ['-e', appScript] },
        Env: environmentOf(app),
        KillTimeout: killTimeoutMs * perMs,
        Resources: { CPU: 20, MemoryMB: 64 },
      },
    ],
  };
  return { ID: jobId, Type: 'service', Datacenters: ['*'], TaskGroups: [group] };
}

export function environmentOf(app: AppVersion): Record<string, string> {
  return { VERSION: app.version, UNHEALTHY: app.unhealthy === true ? '1' : '0' };
}
