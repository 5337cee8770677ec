/** The simulated Nomad with real processes, which start and stop in the order that Nomad keeps. */

import { setTimeout as delay } from 'node:timers/promises';

import { type NomadSimulator, startNomadSimulator } from '../../fixtures/nomad/simulator.js';
import type { Allocation } from '../../fixtures/nomad/types.js';
import { freePort } from '../../fixtures/ports.js';
import { type Started, start, waitFor } from '../../fixtures/process.js';
import { bareClient } from '../bare-client.js';
import { appScript } from './app.js';
import {
  type AppVersion,
  type Platform,
  environmentOf,
  jobId,
  jobOf,
  killTimeoutMs,
} from './platform.js';

const address = '127.0.0.1';

interface Instance {
  readonly id: string;
  readonly port: number;
  readonly app: AppVersion;
  process: Started;
}

export async function startSimulated(): Promise<Platform> {
  return new Simulated(await startNomadSimulator());
}

class Simulated implements Platform {
  readonly name = 'Nomad simulator';
  readonly deregistered = new Map<string, number>();
  #instances: Instance[] = [];
  #app: AppVersion | undefined;
  #restarts: Promise<void>[] = [];

  constructor(readonly nomad: NomadSimulator) {}

  get url(): string {
    return this.nomad.url;
  }

  async deploy(app: AppVersion): Promise<void> {
    const old = this.#instances;
    this.#app = app;
    this.nomad.registerJob(jobOf(app));
    const canaries = app.canaries ?? 0;
    if (old.length > 0 && canaries > 0) {
      for (let made = 0; made < canaries; made++) await this.#startHealthy(app, { canary: true });
      return;
    }
    for (const one of old) await this.#replace(one, app);
    while (this.#instances.length < app.count) await this.#startHealthy(app);
  }

  async deployUnhealthy(app: AppVersion): Promise<void> {
    const [first] = this.#instances;
    this.nomad.registerJob(jobOf(app));
    if (first === undefined) throw new Error('nothing runs');
    const stopping = this.#stop(first);
    const bad = await this.#start(app);
    await delay(8000);
    await Promise.all([stopping, this.#stop(bad)]);
  }

  /** The canaries become ordinary; the old ones that they replace go, the others are replaced. */
  async promote(): Promise<void> {
    const app = this.#current();
    this.nomad.promote(jobId);
    const old = this.#instances.filter((one) => one.app.version !== app.version);
    const extra = this.#instances.length - app.count;
    await Promise.all(old.slice(0, extra).map((one) => this.#stop(one)));
    for (const one of old.slice(extra)) await this.#replace(one, app);
  }

  /** Deregistered and registered again before the task is told to stop; on the same port. */
  async restartOne(): Promise<void> {
    const one = this.#first();
    this.#deregister(one);
    await delay(Math.max(2, one.app.shutdownDelayMs));
    this.#register(one);
    await one.process.stop('SIGTERM', killTimeoutMs);
    one.process = await this.#spawn(one);
    await healthy(one);
  }

  async drainNode(): Promise<void> {
    const [first, ...others] = this.#instances;
    this.nomad.drainNode(this.nomad.firstNode.id);
    const app = this.#current();
    for (const one of [first, ...others]) if (one !== undefined) await this.#replace(one, app);
  }

  async stop(): Promise<void> {
    this.nomad.stopJob(jobId, { phase: 'desired' });
    await Promise.all(this.#instances.map((one) => this.#stop(one)));
  }

  async scale(count: number): Promise<void> {
    const app = { ...this.#current(), count };
    this.#app = app;
    this.nomad.scaleJob(jobId, count);
    const surplus = this.#instances.slice(count);
    const missing = Math.max(0, count - this.#instances.length);
    await Promise.all([
      ...surplus.map((one) => this.#stop(one)),
      ...Array.from({ length: missing }, () => this.#startHealthy(app)),
    ]);
  }

  /** Still registered, and pending until it is started again after its delay. */
  async crashed(): Promise<void> {
    const dead = await waitFor('a crash', () =>
      this.#instances.find((one) => !one.process.running()),
    );
    this.nomad.setClientStatus(dead.id, 'pending');
    await delay(1000);
    dead.process = await this.#spawn(dead);
    this.nomad.setClientStatus(dead.id, 'running');
    await healthy(dead);
  }

  async close(): Promise<void> {
    await Promise.all([
      ...this.#restarts,
      ...this.#instances.map((one) => one.process.stop('SIGKILL')),
    ]);
    await this.nomad.close();
  }

  #current(): AppVersion {
    if (this.#app === undefined) throw new Error('nothing was deployed');
    return this.#app;
  }

  #first(): Instance {
    const [first] = this.#instances;
    if (first === undefined) throw new Error('nothing runs');
    return first;
  }

  /** One plan. Where the port is the same, the new one waits for the old one to end. */
  async #replace(old: Instance, app: AppVersion): Promise<void> {
    const stopping = this.#stop(old);
    if (app.staticPort !== undefined) await stopping;
    await Promise.all([stopping, this.#startHealthy(app)]);
  }

  async #startHealthy(app: AppVersion, more: { canary?: boolean } = {}): Promise<void> {
    const one = await this.#start(app, more);
    await healthy(one);
    await delay(500);
    this.nomad.setHealthy(one.id, true);
  }

  /** Registered before its task starts. */
  async #start(app: AppVersion, more: { canary?: boolean } = {}): Promise<Instance> {
    const port = app.staticPort ?? (await freePort());
    const alloc: Allocation = this.nomad.startAlloc({ job: jobId, ports: { http: port }, ...more });
    const unstarted = { id: alloc.ID, port, app };
    this.#register(unstarted);
    await delay(50);
    const one = { ...unstarted, process: await this.#spawn(unstarted) };
    this.#instances.push(one);
    this.nomad.setClientStatus(alloc.ID, 'running');
    return one;
  }

  /** Desired state, deregistration, the shutdown delay, the signal, and the end. */
  async #stop(one: Instance): Promise<void> {
    this.#instances = this.#instances.filter((other) => other !== one);
    if (this.nomad.alloc(one.id).DesiredStatus === 'run') {
      this.nomad.setDesiredStatus(one.id, 'stop');
    }
    await delay(5);
    this.#deregister(one);
    await delay(one.app.shutdownDelayMs);
    await one.process.stop('SIGTERM', killTimeoutMs);
    this.nomad.setClientStatus(one.id, 'complete');
  }

  #register({ id, port }: Pick<Instance, 'id' | 'port'>): void {
    this.nomad.registerInstance(id, { [jobId]: { address, port } });
  }

  #deregister({ id }: Instance): void {
    this.deregistered.set(id, Date.now());
    this.nomad.deregisterInstance(id);
  }

  #spawn({ id, port, app }: Pick<Instance, 'id' | 'port' | 'app'>): Promise<Started> {
    const env = { ...environmentOf(app), INSTANCE: id, PORT: String(port), ADDRESS: address };
    return start(process.execPath, ['-e', appScript], { name: app.version, env });
  }
}

async function healthy({ port }: Instance): Promise<void> {
  const client = bareClient(`http://${address}:${port}`);
  await waitFor('the app', async () => (await client.get('/health')).status === 200);
  client.close();
}
