import { readFile } from 'node:fs/promises';

import { type DataPlane, startDataPlane } from '../fixtures/dataplane/launch.js';
import { type HaproxySeries, findHaproxy } from '../fixtures/haproxy/find.js';
import { waitFor } from '../fixtures/process.js';
import { startCluster } from './cluster.js';
import type { Cluster } from './cluster-types.js';
import { startLoad, tally } from './load.js';
import {
  answersOnly,
  ask,
  compareLines,
  follow,
  followMs,
  masterReloads,
  shopHost,
} from './look.js';
import { operatorConfig } from './operator-config.js';
import { shop } from './shop.js';
import {
  type Daemon,
  type Environment,
  lastLine,
  shorten,
  type Stage,
  untilStopped,
} from './stage.js';

interface World {
  readonly stage: Stage;
  readonly story: Stage['story'];
  readonly dp: DataPlane;
  readonly cluster: Cluster;
  /** Settings of the connector. */
  readonly env: Environment;
}

/** One HAProxy, from the first job to the last. Gives what keeps all of it up. */
export async function tellOne(stage: Stage): Promise<() => Promise<void>> {
  const world = await startWorld(stage);
  await deployJob(world);
  await showPlan(world);
  await applyPlan(world);
  await requestThroughHaproxy(world);
  const daemon = await runDaemon(world);
  await rollingUpdate(world);
  await scaleAndStop(world);
  return () => stayUp(world, daemon);
}

async function startWorld(stage: Stage): Promise<World> {
  const { story } = stage;
  story.step('The stack');
  const haproxy = await findHaproxy(process.env['HAPROXY_SERIES'] as HaproxySeries | undefined);
  const dp = await startDataPlane({ haproxy, haproxyConfig: operatorConfig });
  stage.defer(() => dp.close());
  const cluster = await startCluster();
  stage.defer(() => cluster.close());
  const real = dp.isReal ? '' : ' (not the real daemon: set DATAPLANEAPI_BIN for that)';
  story.say(`HAProxy         real, ${haproxy.version} (${haproxy.origin})`);
  story.say(`Data Plane API  ${dp.origin}${real}`);
  story.say(`Nomad           ${cluster.origin}`);
  story.say('The connector   the program itself, as a child process');
  const env = {
    NOMAD_ADDR: cluster.url,
    NOMAD_TOKEN: '',
    NOMAD_NAMESPACE: '',
    HAPROXY_DATAPLANE_URL: dp.url,
    HAPROXY_USERNAME: dp.username,
    HAPROXY_PASSWORD: dp.password,
    HAPROXY_FRONTEND: 'http_front',
  };
  return { ...{ stage, story }, dp, cluster, env };
}

async function deployJob({ story, cluster, dp }: World): Promise<void> {
  story.step('A job is deployed: 2 instances of shop v1');
  story.say(`tags: ${shop.tags?.join(', ')}`);
  await cluster.deploy(shop);
  const before = await ask(dp.frontendPort);
  story.claim(`${shopHost} isn't routed yet: ${before}`, before.startsWith('404'));
}

async function showPlan({ stage, story, dp, env }: World): Promise<void> {
  story.step('What would the connector change?');
  const before = await readFile(dp.dirs.config, 'utf8');
  const plan = await stage.command(['--dry-run'], env);
  const announced = /\+ backend nomad_shop/.test(plan.stdout) && plan.code === 0;
  story.claim('the plan is to add a backend for shop', announced);
  const same = (await readFile(dp.dirs.config, 'utf8')) === before;
  story.claim('nothing was changed', same && (await masterReloads(dp)) === 0);
}

async function applyPlan({ stage, story, dp, env }: World): Promise<void> {
  story.step('Apply it');
  const before = await readFile(dp.dirs.config, 'utf8');
  const applied = await stage.command(['--once'], env, lastLine);
  story.say("what this added to the operator's haproxy.cfg:");
  const after = await readFile(dp.dirs.config, 'utf8');
  const { added, removed } = compareLines(before, after);
  story.show(added.map((line) => shorten(`+ ${line}`)).join('\n'));
  story.claim('the plan was applied', applied.code === 0 && added.length > 0);
  story.claim("no line of the operator's was touched", removed.length === 0);
  story.claim('it took one reload', (await masterReloads(dp)) === 1);
  const again = await stage.command(['--once'], env, lastLine);
  story.claim('a second time there is nothing to do', lastLine(again.stdout) === 'No changes.');
}

async function requestThroughHaproxy({ story, dp }: World): Promise<void> {
  story.step(`Requests for ${shopHost} through HAProxy`);
  const url = `http://127.0.0.1:${dp.frontendPort}/`;
  const answer = await follow(dp.frontendPort, '200 v1');
  story.say(`$ curl -H 'Host: ${shopHost}' ${url}\n${answer}`);
  story.claim('the app answers', answer === '200 v1');
  const byHand = await ask(dp.frontendPort, { path: '/by-hand', host: 'www.example.com' });
  story.claim(`the operator's own route works as before: ${byHand}`, byHand === '200 by hand');
}

async function runDaemon({ stage, story, env }: World): Promise<Daemon> {
  story.step('The connector runs as a daemon');
  const daemon = await stage.daemon(env);
  story.claim(`${daemon.url}/readyz says that it is in sync`, true);
  return daemon;
}

async function rollingUpdate({ story, dp, cluster }: World): Promise<void> {
  story.step('A rolling update to v2, under 200 requests a second');
  const before = { worker: await dp.haproxy.workerPid(), reloads: await masterReloads(dp) };
  const load = startLoad(dp.frontendPort, shopHost);
  const begin = Date.now();
  await cluster.deploy({ ...shop, version: 'v2' });
  // Old instances take part until they are drained.
  await waitFor('v2 alone to answer', () => answersOnly(dp.frontendPort, 'v2'), {
    timeoutMs: followMs,
  });
  const result = await load.stop();
  story.say(`it took ${((Date.now() - begin) / 1000).toFixed(0)} s; answers: ${tally(result)}`);
  story.claim(`no request failed (${result.failed} of ${result.sent})`, result.failed === 0);
  const { v1 = 0, v2 = 0 } = result.answers;
  story.claim('both versions took part', v1 > 0 && v2 > 0);
  const worker = await dp.haproxy.workerPid();
  const reloads = (await masterReloads(dp)) - before.reloads;
  const same = worker === before.worker;
  story.claim(
    `nothing was reloaded (${reloads} reloads, worker ${before.worker} then, ${worker} now)`,
    reloads === 0 && same,
  );
}

async function scaleAndStop({ story, dp, cluster }: World): Promise<void> {
  story.step('Scaled to nothing, then stopped');
  await cluster.scale(shop.id, 0);
  const scaled = await follow(dp.frontendPort, '503');
  story.claim(`scaled to 0 it keeps its route: ${scaled}`, scaled.startsWith('503'));
  await cluster.stop(shop.id);
  const stopped = await follow(dp.frontendPort, '404');
  story.claim(`stopped it has none: ${stopped}`, stopped.startsWith('404'));
  const gone = async (): Promise<boolean> =>
    !(await readFile(dp.dirs.config, 'utf8')).includes('backend nomad_shop');
  const removed = await waitFor('the backend to go', gone, { timeoutMs: followMs }).catch(
    () => false,
  );
  story.claim('its backend is gone from haproxy.cfg', removed);
}

async function stayUp({ dp, cluster }: World, daemon: Daemon): Promise<void> {
  await cluster.deploy(shop);
  const answer = await follow(dp.frontendPort, '200');
  console.log(`
shop runs again (${answer}) and all stays up until Ctrl-C:
  HAProxy         curl -H 'Host: ${shopHost}' http://127.0.0.1:${dp.frontendPort}/
  its file        ${dp.dirs.config}
  Data Plane API  ${dp.url}  user ${dp.username}, password ${dp.password}
  Nomad           ${cluster.url}
  the connector   ${daemon.url}/readyz  ${daemon.url}/metrics`);
  await untilStopped();
}
