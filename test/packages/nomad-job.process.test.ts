/**
 * deploy/nomad/connector.nomad.hcl on a real Nomad with ACLs: with its workload identity, the shipped
 * policy and a Nomad variable. Docker apart: the task runs the built program with raw_exec. Skipped,
 * loudly, where NOMAD_BIN names none.
 */

import { cpSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { expect } from 'chai';

import { appJob } from '../../fixtures/nomad/app-job.js';
import { nomadBin } from '../../fixtures/nomad/real.js';
import type { JobSpec } from '../../fixtures/nomad/types.js';
import { freePort } from '../../fixtures/ports.js';
import { type Stack, domainOf, enabledTags, startStack } from '../../fixtures/stack.js';
import { build } from '../../scripts/build.js';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Parsed {
  readonly ID: string;
  readonly TaskGroups: readonly {
    readonly Tasks: { Driver: string; Config: Record<string, unknown> }[];
  }[];
}

describe('the Nomad job of the connector', function () {
  this.timeout(180_000);
  let stack: Stack;

  before(async function () {
    if (nomadBin() === undefined) {
      process.stderr.write('SKIPPED: the job of the connector: NOMAD_BIN is not set\n');
      this.skip();
    }
    stack = await startStack({ nomad: 'real', acl: true });
  });
  after(() => stack?.close());

  it('routes with the identity and the policy that it is shipped with', async () => {
    const { agent, dp } = stack;
    await agent.request('POST', '/v1/acl/policy/connector', {
      Name: 'connector',
      Rules: read('deploy/nomad-policy.hcl'),
      JobACL: { Namespace: 'default', JobID: 'haproxy-nomad-connector' },
    });
    const path = 'nomad/jobs/haproxy-nomad-connector';
    await agent.request('PUT', `/v1/var/${path}`, { Path: path, Items: { password: dp.password } });
    const port = await freePort();
    const job = await agent.request<Parsed>('POST', '/v1/jobs/parse', {
      JobHCL: read('deploy/nomad/connector.nomad.hcl'),
      Variables: [
        `haproxy_address = "${dp.url}"`,
        `haproxy_username = "${dp.username}"`,
        'frontend = "http_front"',
        `http_port = ${port}`,
      ].join('\n'),
      Canonicalize: true,
    });
    await runWithoutDocker(job, agent.folder);
    await agent.submit(job as unknown as JobSpec);
    expect(await agent.waitDeployed(job.ID)).to.equal('successful');
    await agent.submit(appJob({ id: 'web', version: 'v1', tags: enabledTags('web') }));
    await stack.waitServed(domainOf('web'));
    // Its check is its readiness, so the deployment above waited for the first pass.
    const { status } = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect(status).to.equal(200);
  });
});

/** The agent's user may not read every folder that this repository may be in. */
async function runWithoutDocker(job: Parsed, folder: string): Promise<void> {
  const home = join(folder, 'connector');
  await build(join(home, 'dist'));
  cpSync(join(root, 'package.json'), join(home, 'package.json'));
  for (const task of job.TaskGroups.flatMap(({ Tasks }) => Tasks)) {
    const { args } = task.Config as { readonly args: readonly string[] };
    task.Driver = 'raw_exec';
    task.Config = { command: process.execPath, args: [join(home, 'dist/main.js'), ...args] };
  }
}
