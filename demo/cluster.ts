/** Nomad as the demo drives it: a real agent where NOMAD_BIN names one, else the simulator. */

import { appJob } from '../fixtures/nomad/app-job.js';
import { nomadBin, startNomadAgent } from '../fixtures/nomad/real.js';
import type { Cluster } from './cluster-types.js';
import { startSimulatedCluster } from './simulated-cluster.js';

export async function startCluster(): Promise<Cluster> {
  return nomadBin() === undefined ? startSimulatedCluster() : startRealCluster();
}

async function startRealCluster(): Promise<Cluster> {
  const agent = await startNomadAgent();
  const self = await agent.request<{ config: { Version: { Version: string } } }>(
    'GET',
    '/v1/agent/self',
  );
  return {
    url: agent.url,
    origin: `real, Nomad ${self.config.Version.Version}, and runs the sample app`,
    deploy: async (app) => {
      await agent.submit(appJob(app));
      const status = await agent.waitDeployed(app.id);
      if (status !== 'successful') throw new Error(`the deployment of ${app.id} is ${status}`);
    },
    scale: (jobId, count) => agent.scaleJob(jobId, jobId, count),
    stop: (jobId) => agent.stopJob(jobId),
    close: () => agent.close(),
  };
}
