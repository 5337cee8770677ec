/** The platform of a real Nomad, whose tasks outlive its server. */

import { appJob } from '../../fixtures/nomad/app-job.js';
import type { AllocStub } from '../../fixtures/nomad/real.js';
import type { Deployment, JobSpec } from '../../fixtures/nomad/types.js';
import { waitFor } from '../../fixtures/process.js';
import { enabledTags, startStack, type StackOptions } from '../../fixtures/stack.js';
import type { Late, Platform } from './platform.js';

export async function startReal(options: StackOptions): Promise<Platform> {
  const stack = await startStack({ ...options, nomad: 'real', nomadApart: true });
  try {
    return await prepare(stack);
  } catch (error) {
    await stack.close();
    throw error;
  }
}

async function prepare(stack: Platform['stack']): Promise<Platform> {
  const { agent } = stack;
  const isAtRest = async (): Promise<boolean> => {
    const allocs = await agent.request<AllocStub[]>('GET', '/v1/allocations');
    const deployments = await agent.request<Deployment[]>('GET', '/v1/deployments');
    return allocs.every(isDone) && deployments.every(({ Status }) => Status !== 'running');
  };
  const waitRest = async (): Promise<void> => {
    await waitFor('Nomad to come to rest', isAtRest, { timeoutMs: 60_000, intervalMs: 50 });
  };
  /** It may be away, or without a leader. */
  const insist = async (what: string, ask: () => Promise<unknown>): Promise<void> => {
    const done = (): Promise<boolean> => ask().then(() => true);
    await waitFor(what, done, { timeoutMs: 60_000, intervalMs: 100 });
  };
  let late: Late | undefined;
  let nudges = 0;

  await agent.submit(jobOf('web', { count: 2, tags: enabledTags('web') }));
  await agent.waitRunning('web', 2);
  await waitRest();
  return {
    stack,
    web: namesOf('web', 2),
    get late() {
      return namesOf('late', late?.count ?? 0);
    },
    set: async (wanted) => {
      late = wanted;
      await (wanted === undefined
        ? insist('a job to go', () => agent.stopJob('late', { purge: true }))
        : insist('a job to be taken', () => agent.submit(jobOf('late', wanted))));
    },
    nudge: () => {
      nudges += 1;
      return insist('a job to be taken', () => agent.submit(idleJob(nudges)));
    },
    waitRest,
    patienceMs: 12_000,
    kill: () => agent.kill(),
    recover: async () => {
      await agent.start();
      await agent.ready(false);
    },
    stall: (ms) => {
      agent.signal('SIGSTOP');
      setTimeout(() => agent.signal('SIGCONT'), ms);
    },
    restart: async () => {
      await agent.kill('SIGTERM');
      await agent.start();
    },
  };
}

function isDone({ DesiredStatus, ClientStatus }: AllocStub): boolean {
  if (DesiredStatus === 'run') return ClientStatus === 'running';
  return ClientStatus !== 'running' && ClientStatus !== 'pending';
}

/** Each instance answers its job and its place in it. Nomad gives up the highest place first. */
function jobOf(id: string, { count, tags }: Late): JobSpec {
  return appJob({
    ...{ id, count, tags, version: `${id}-\${NOMAD_ALLOC_INDEX}` },
    // As in the simulator: no check, so that the steps are the same.
    ...{ checks: [], update: { HealthCheck: 'task_states' } },
  });
}

function namesOf(id: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${id}-${at}`);
}

/** Nothing to run, each time another version. */
function idleJob(version: number): JobSpec {
  const job = appJob({ id: 'idle', version: String(version), count: 0, checks: [] });
  return { ...job, TaskGroups: job.TaskGroups.map((group) => ({ ...group, Services: [] })) };
}
