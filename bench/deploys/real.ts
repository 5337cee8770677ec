/** A real Nomad agent, driven as an operator does. */

import { get } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

import { type NomadAgent, startNomadAgent } from '../../fixtures/nomad/real.js';
import { type AppVersion, type Platform, jobId, jobOf } from './platform.js';

export async function startReal(): Promise<Platform> {
  const agent = await startNomadAgent();
  const { deregistered, close } = await watchDeregistrations(agent.url);
  let app: AppVersion | undefined;
  const deploy = async (next: AppVersion): Promise<void> => {
    const first = app === undefined;
    app = next;
    await agent.submit(jobOf(next));
    if (!first && (next.canaries ?? 0) > 0) await healthyCanaries(agent);
    else await agent.waitDeployed(jobId);
  };
  const oneOf = async (): Promise<string> => {
    const [first] = await agent.waitRunning(jobId, app?.count);
    if (first === undefined) throw new Error('nothing runs');
    return first.ID;
  };
  return {
    name: 'real Nomad',
    url: agent.url,
    deregistered,
    deploy,
    deployUnhealthy: async (next) => {
      await agent.submit(jobOf(next));
      await delay(10_000);
    },
    promote: async () => {
      await agent.promote(jobId);
      await agent.waitDeployed(jobId);
    },
    restartOne: async () => {
      await agent.restartAlloc(await oneOf());
      await delay(3000 + (app?.shutdownDelayMs ?? 0));
    },
    drainNode: async () => {
      await agent.drain(60_000);
      await delay(6000);
      await agent.undrain();
      await agent.waitRunning(jobId, app?.count);
    },
    stop: async () => {
      await agent.stopJob(jobId);
      await delay(1000 + (app?.shutdownDelayMs ?? 0));
    },
    scale: async (count) => {
      await agent.scaleJob(jobId, jobId, count);
      if (app !== undefined) app = { ...app, count };
      await agent.waitRunning(jobId, count);
    },
    crashed: async () => {
      await delay(4000);
      await agent.waitRunning(jobId, app?.count);
    },
    close: async () => {
      close();
      await agent.close();
    },
  };
}

async function healthyCanaries(agent: NomadAgent): Promise<void> {
  for (;;) {
    const { Version } = await agent.job(jobId);
    const allocs = await agent.allocsOf(jobId);
    const canaries = allocs.filter((one) => one.JobVersion === Version);
    if (canaries.some((one) => one.DeploymentStatus?.Healthy === true)) return;
    await delay(50);
  }
}

interface ServiceEvent {
  readonly Type: string;
  readonly Payload?: { readonly Service?: { readonly AllocID: string } };
}

/** From Nomad's own event stream, as it arrives. */
async function watchDeregistrations(url: string) {
  const deregistered = new Map<string, number>();
  const request = get(`${url}/v1/event/stream?topic=Service&namespace=*`);
  await new Promise<void>((connected, failed) => {
    request.on('error', failed);
    request.on('response', (response) => {
      connected();
      const lines = createInterface({ input: response });
      // The agent ends before its listener does.
      lines.on('error', () => undefined);
      lines.on('line', (line) => {
        const { Events = [] } = JSON.parse(line) as { Events?: ServiceEvent[] };
        for (const { Type, Payload } of Events) {
          const id = Payload?.Service?.AllocID;
          if (Type === 'ServiceDeregistration' && id !== undefined)
            deregistered.set(id, Date.now());
        }
      });
    });
  });
  return { deregistered, close: () => void request.destroy() };
}
