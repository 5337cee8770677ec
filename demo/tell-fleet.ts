import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type DataPlane, startDataPlane } from '../fixtures/dataplane/launch.js';
import { type HaproxySeries, findHaproxy } from '../fixtures/haproxy/find.js';
import type { AppJob } from '../fixtures/nomad/app-job.js';
import { waitFor } from '../fixtures/process.js';
import { startCluster } from './cluster.js';
import type { Cluster } from './cluster-types.js';
import { startLoad, tally } from './load.js';
import { answersOnly, ask, follow, followMs, masterReloads, shopHost } from './look.js';
import { operatorConfig } from './operator-config.js';
import { shop } from './shop.js';
import { type Daemon, type Environment, type Stage, shorten, untilStopped } from './stage.js';

const blogHost = 'blog.example.com';
const blog: AppJob = {
  ...{ id: 'blog', version: 'v1', count: 1 },
  tags: ['haproxy.enable=true', `haproxy.domain=${blogHost}`],
};

const series: Readonly<Record<string, HaproxySeries>> = {
  'edge-1': '3.0',
  'edge-2': '3.0',
  'edge-3': '3.2',
};
const username = 'admin';
/** The shortest that Nomad allows: a dead leader's lock is free after at most 21 s. */
const lock = { lock_path: 'haproxy-nomad-connector/leader', lock_ttl: '10s', lock_delay: '1s' };
const takeOverMs = 25_000;
/** A third of the usual load for each HAProxy. */
const loadIntervalMs = 30;

interface Edge {
  readonly name: string;
  readonly dp: DataPlane;
}

interface World {
  readonly stage: Stage;
  readonly story: Stage['story'];
  readonly edges: readonly Edge[];
  readonly cluster: Cluster;
  /** Both connectors' settings: a file, and what the environment adds. */
  readonly file: string;
  readonly env: Environment;
}

/** Three HAProxies, two connectors. Gives what keeps all of it up. */
export async function tellFleet(stage: Stage): Promise<() => Promise<void>> {
  const world = await startWorld(stage);
  const [leader, standby] = await startPair(world);
  await deployJob(world);
  await rollingUpdate(world);
  await secondJob(world);
  await loseOneHaproxy(world);
  await killTheLeader(world, leader, standby);
  await stopJobs(world);
  return () => stayUp(world, standby);
}

async function startWorld(stage: Stage): Promise<World> {
  const { story } = stage;
  story.step('The stack');
  const edges: Edge[] = [];
  for (const [name, wanted] of Object.entries(series)) {
    const haproxy = await findHaproxy(wanted);
    const dp = await startDataPlane({ haproxy, haproxyConfig: operatorConfig });
    stage.defer(() => dp.close());
    edges.push({ name, dp });
    story.say(`${name}     HAProxy, real, ${haproxy.version}; ${dp.origin}`);
  }
  const cluster = await startCluster();
  stage.defer(() => cluster.close());
  story.say(`Nomad      ${cluster.origin}`);
  const folder = await mkdtemp(join(tmpdir(), 'hnc-demo-'));
  stage.defer(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'connector.json');
  await writeFile(file, settingsFor(edges));
  const env = {
    NOMAD_ADDR: cluster.url,
    NOMAD_TOKEN: '',
    NOMAD_NAMESPACE: '',
    HAPROXY_PASSWORD: edges[0]?.dp.password ?? '',
    HAPROXY_FRONTEND: 'http_front',
  };
  story.say('both connectors have these settings:');
  story.show(await readFile(file, 'utf8'));
  return { ...{ stage, story }, ...{ edges, cluster, file, env } };
}

function settingsFor(edges: readonly Edge[]): string {
  const targets = edges.map(({ name, dp }) => `    - { name: ${name}, address: ${dp.url} }`);
  return [
    ...['haproxy:', `  username: ${username}`, '  targets:', ...targets],
    ...['leader:', ...Object.entries(lock).map(([key, value]) => `  ${key}: ${value}`), ''],
  ].join('\n');
}

async function startPair({ stage, story, file, env }: World): Promise<[Daemon, Daemon]> {
  story.step('Two connectors: one leads, the other stands by');
  const first = await stage.daemon(env, ['--config', file]);
  const second = await stage.daemon(env, ['--config', file]);
  story.claim(`${first.url} leads`, (await roleOf(first)) === 'leader');
  story.claim(`${second.url} stands by`, (await roleOf(second)) === 'standby');
  return [first, second];
}

async function deployJob({ story, cluster, edges }: World): Promise<void> {
  story.step('A job is deployed: 2 instances of shop v1');
  story.say(`tags: ${shop.tags?.join(', ')}`);
  await cluster.deploy(shop);
  for (const { name, dp } of edges) {
    const answer = await follow(dp.frontendPort, '200 v1');
    story.claim(`${name} answers: ${answer}`, answer === '200 v1');
  }
  const reloads = await Promise.all(edges.map(({ dp }) => masterReloads(dp)));
  story.claim(
    `each was reloaded once (${reloads.join(', ')})`,
    reloads.every((count) => count === 1),
  );
}

async function rollingUpdate(world: World): Promise<void> {
  const { story, cluster, edges } = world;
  story.step('A rolling update to v2, under load on all three');
  await withoutReload(world, () =>
    underLoad(world, edges, async () => {
      await cluster.deploy({ ...shop, version: 'v2' });
      for (const { dp } of edges) {
        await waitFor('v2 alone to answer', () => answersOnly(dp.frontendPort, 'v2'), {
          timeoutMs: followMs,
        });
      }
    }),
  );
}

async function secondJob({ story, cluster, edges }: World): Promise<void> {
  story.step('A second job needs a new backend, hence a reload: the first HAProxy gets it first');
  const deployed = cluster.deploy(blog);
  const cameAt = await Promise.all(
    edges.map(async ({ dp }) => {
      await waitFor('blog to answer', () => isServed(dp, blogHost), { timeoutMs: followMs });
      return Date.now();
    }),
  );
  await deployed;
  const [canary = 0, ...others] = cameAt.map((at) => at - Math.min(...cameAt));
  story.say(
    edges
      .map(({ name }, at) => `${name} after ${(cameAt[at] ?? 0) - (cameAt[0] ?? 0)} ms`)
      .join(', '),
  );
  story.claim(
    `${edges[0]?.name ?? ''} answered first`,
    others.every((later) => canary < later),
  );
}

async function loseOneHaproxy(world: World): Promise<void> {
  const { story, edges } = world;
  const [first, second, third] = edges as readonly [Edge, Edge, Edge];
  story.step(
    `${second.name} is restarted with the operator's configuration alone, as after a loss of its disk`,
  );
  await underLoad(world, [first, third], async () => {
    const { dp } = second;
    await dp.stopHaproxy('SIGTERM');
    await writeFile(dp.dirs.config, operatorConfig(dp.dirs, dp.frontendPort));
    await dp.startHaproxy();
    const answer = await follow(dp.frontendPort, '200 v2');
    story.claim(`it was filled again: ${answer}`, answer === '200 v2');
  });
}

async function killTheLeader(world: World, leader: Daemon, standby: Daemon): Promise<void> {
  const { story, cluster, edges } = world;
  story.step('The leader is killed; the other one takes over and deploys v3');
  await underLoad(world, edges, async () => {
    const begin = Date.now();
    await leader.process.stop('SIGKILL');
    const leads = async (): Promise<boolean> => (await roleOf(standby)) === 'leader';
    await waitFor('the standby to lead', leads, { timeoutMs: takeOverMs });
    const took = ((Date.now() - begin) / 1000).toFixed(0);
    story.say(`it leads after ${took} s: Nomad keeps the lock of a dead leader for up to 21 s`);
    await cluster.deploy({ ...shop, version: 'v3' });
    for (const { name, dp } of edges) {
      const only = () => answersOnly(dp.frontendPort, 'v3');
      const isNew = await waitFor('v3 alone', only, { timeoutMs: followMs }).catch(() => false);
      story.claim(`${name} answers with v3 alone`, isNew);
    }
  });
}

async function stopJobs({ story, cluster, edges }: World): Promise<void> {
  story.step('The jobs are stopped');
  await cluster.stop(blog.id);
  await cluster.stop(shop.id);
  for (const { name, dp } of edges) {
    const answer = await follow(dp.frontendPort, '404');
    story.claim(`${name} has no route left: ${answer}`, answer.startsWith('404'));
  }
}

/** The same load on each, while the task runs: no request may fail. */
async function underLoad(
  { story }: World,
  edges: readonly Edge[],
  task: () => Promise<void>,
): Promise<void> {
  const loads = edges.map(({ dp }) => startLoad(dp.frontendPort, shopHost, loadIntervalMs));
  await task();
  const results = await Promise.all(loads.map((load) => load.stop()));
  for (const [at, result] of results.entries()) {
    story.say(`${edges[at]?.name ?? ''}: ${shorten(tally(result))}`);
  }
  const sent = results.reduce((sum, result) => sum + result.sent, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  story.claim(`no request failed (${failed} of ${sent})`, failed === 0 && sent > 0);
}

async function withoutReload({ story, edges }: World, task: () => Promise<void>): Promise<void> {
  const count = (): Promise<number[]> => Promise.all(edges.map(({ dp }) => masterReloads(dp)));
  const before = await count();
  await task();
  const after = await count();
  story.claim(
    'no HAProxy was reloaded',
    after.every((reloads, at) => reloads === before[at]),
  );
}

async function isServed(dp: DataPlane, host: string): Promise<boolean> {
  return (await ask(dp.frontendPort, { host })).startsWith('200');
}

/** What `/readyz` says; a leader says nothing of it. */
async function roleOf({ url }: Daemon): Promise<string> {
  const answer = await fetch(`${url}/readyz`);
  const { role } = (await answer.json()) as { readonly role?: string };
  if (role !== undefined) return role;
  return answer.ok ? 'leader' : 'not ready';
}

async function stayUp({ cluster, edges }: World, { url }: Daemon): Promise<void> {
  await cluster.deploy(shop);
  const lines = edges.map(
    ({ name, dp }) =>
      `  ${name}         curl -H 'Host: ${shopHost}' http://127.0.0.1:${dp.frontendPort}/`,
  );
  console.log(`
shop runs again and all stays up until Ctrl-C:
${lines.join('\n')}
  Nomad          ${cluster.url}
  the connector  ${url}/readyz  ${url}/metrics`);
  await untilStopped();
}
