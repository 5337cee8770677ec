import { setTimeout as delay } from 'node:timers/promises';

import { type AppJob, appJob } from '../fixtures/nomad/app-job.js';
import { type NomadSimulator, startNomadSimulator } from '../fixtures/nomad/simulator.js';
import type { Allocation, TaskSpec } from '../fixtures/nomad/types.js';
import { freePort } from '../fixtures/ports.js';
import { type Started, start, waitFor } from '../fixtures/process.js';
import type { Cluster } from './cluster-types.js';

/** The simulator answers as Nomad does; the sample app's processes are real. */
export async function startSimulatedCluster(): Promise<Cluster> {
  return new SimulatedCluster(await startNomadSimulator());
}

class SimulatedCluster implements Cluster {
  readonly origin = 'SIMULATED; the sample app and its processes are real';
  readonly #tasks = new Map<string, Started>();
  readonly #apps = new Map<string, AppJob>();

  constructor(readonly nomad: NomadSimulator) {}

  get url(): string {
    return this.nomad.url;
  }

  /** One at a time, as `max_parallel = 1`: the old one leaves while its replacement comes. */
  async deploy(app: AppJob): Promise<void> {
    const old = this.#apps.has(app.id) ? this.nomad.allocsOf(app.id) : [];
    const spec = appJob(app);
    this.nomad.registerJob(spec);
    this.#apps.set(app.id, app);
    const task = spec.TaskGroups[0]?.Tasks?.[0];
    if (task === undefined) throw new Error(`job ${app.id} has no task`);
    for (let at = 0; at < (app.count ?? 1); at++) {
      const port = await freePort();
      const leaving = old[at];
      const alloc = leaving
        ? this.nomad.replaceAlloc(leaving.ID, { ports: { http: port } })
        : this.nomad.startAlloc({ job: app.id, ports: { http: port } });
      const ended = leaving ? this.#end(leaving) : undefined;
      await Promise.all([this.#run(alloc, task, port), ended]);
    }
    this.nomad.setDeploymentStatus(app.id, 'successful');
  }

  async scale(jobId: string, count: number): Promise<void> {
    this.nomad.scaleJob(jobId, count);
    await Promise.all(
      this.nomad
        .allocsOf(jobId)
        .slice(count)
        .map((alloc) => this.#end(alloc)),
    );
  }

  async stop(jobId: string): Promise<void> {
    const allocs = this.nomad.allocsOf(jobId);
    this.nomad.stopJob(jobId, { phase: 'desired' });
    await Promise.all(allocs.map((alloc) => this.#end(alloc)));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#tasks.values()].map((task) => task.stop('SIGKILL')));
    await this.nomad.close();
  }

  /** Registered first, then started; healthy once it was so for as long as the job asks. */
  async #run({ ID, JobID }: Allocation, task: TaskSpec, port: number): Promise<void> {
    this.nomad.registerInstance(ID);
    const { command, args } = task.Config as { command: string; args: string[] };
    const env = { ...task.Env, NOMAD_PORT_http: String(port) };
    const process = await start(command, args, { name: JobID, env });
    this.#tasks.set(ID, process);
    this.nomad.setClientStatus(ID, 'running');
    const health = async (): Promise<boolean> =>
      (await fetch(`http://127.0.0.1:${port}/health`)).ok;
    await waitFor(`${JobID} to be healthy`, health, { process });
    await delay((this.#apps.get(JobID)?.update?.MinHealthyTime ?? 0) / 1_000_000);
    this.nomad.setHealthy(ID, true);
  }

  /** As Nomad stops one: deregistered, then `shutdown_delay`, then the signal. */
  async #end({ ID, JobID }: Allocation): Promise<void> {
    this.nomad.stopAlloc(ID, 'deregistered');
    await delay(this.#apps.get(JobID)?.shutdownDelayMs ?? 0);
    await this.#tasks.get(ID)?.stop('SIGINT');
    this.#tasks.delete(ID);
    this.nomad.setClientStatus(ID, 'complete');
  }
}
