import { readFile } from 'node:fs/promises';

import { expect } from 'chai';
import type { StartedTestContainer } from 'testcontainers';

import { waitFor } from '../fixtures/process.js';
import { Unavailable } from './engine.js';
import { haproxyImages } from './images.js';
import { type World, answered, hostOf, notRouted, startWorld } from './world.js';

const operatorFile = new URL('../docker/haproxy.cfg', import.meta.url);

for (const image of haproxyImages) {
  describe(`the containers, with ${image}`, function () {
    // The first time images are pulled and one is built.
    this.timeout(600_000);

    let world: World;

    before(async function () {
      try {
        world = await startWorld(image);
      } catch (cause) {
        if (!(cause instanceof Unavailable)) throw cause;
        console.error(`\nE2E SKIPPED, NOT RUN: ${image}: ${cause.message}\n`);
        this.skip();
      }
      const { info } = JSON.parse(await world.dataPlane('/runtime/info')) as {
        info?: { version?: string };
      };
      console.log(`  HAProxy ${info?.version}, ${await nomadVersion(world)}`);
    });

    afterEach(async function () {
      if (this.currentTest?.state !== 'failed') return;
      console.error(await world.logs(20));
    });

    after(() => world?.close());

    describe('one pass', () => {
      before(() => world.deploy('first', 'v1'));

      it('--dry-run prints the plan and changes nothing', async () => {
        const before = await world.dataPlane('/configuration/raw');
        const { code, stdout } = await world.run('--dry-run');
        expect(stdout)
          .to.match(/\+ backend nomad_first/)
          .and.match(/\+ route first\.example\.com/);
        expect(code).to.equal(0);
        expect(await world.dataPlane('/configuration/raw')).to.equal(before);
        expect(await world.request(hostOf('first'))).to.deep.equal(notRouted);
      });

      it('--dry-run --detailed-exitcode says by its exit code that there are changes', async () => {
        expect((await world.run('--dry-run', '--detailed-exitcode')).code).to.equal(2);
      });

      it('--once routes the service', async () => {
        expect((await world.run('--once')).code).to.equal(0);
        await world.waitAnswer('first', answered('v1'));
      });

      it('--once a second time has nothing to do', async () => {
        const before = await world.dataPlane('/configuration/version');
        expect((await world.run('--once', '--detailed-exitcode')).code).to.equal(0);
        expect(await world.dataPlane('/configuration/version')).to.equal(before);
      });

      it('a wrong flag is told by exit code 64', async () => {
        expect((await world.run('--onec')).code).to.equal(64);
      });
    });

    describe('the daemon', () => {
      let connector: StartedTestContainer;

      before(async () => {
        connector = await world.startConnector();
      });

      it('is healthy by its own check', async () => {
        const healthy = async () => (await world.health(connector)) === 'healthy';
        await waitFor('a healthy container', healthy, { timeoutMs: 60_000, intervalMs: 500 });
      });

      it('routes a job that is registered', async () => {
        expect(await world.request(hostOf('web'))).to.deep.equal(notRouted);
        await world.deploy('web', 'v1');
        await world.waitAnswer('web', answered('v1'));
      });

      it('follows a rolling update without a failed request or a reload', async () => {
        const worker = await world.workerPid();
        const load = world.load('web');
        await world.deploy('web', 'v2');
        await waitFor('v2 alone', () => onlyAnswer(world, 'web', 'v2'), { timeoutMs: 30_000 });
        const counts = await load.stop();
        console.log(`      ${JSON.stringify(counts)}`);
        expect(counts).to.have.all.keys('200 v1', '200 v2');
        expect(await world.workerPid()).to.equal(worker);
      });

      it('restarted, changes nothing', async () => {
        const [version, worker] = [await configurationVersion(world), await world.workerPid()];
        await connector.restart();
        await world.waitAnswer('web', answered('v2'));
        expect(await configurationVersion(world)).to.equal(version);
        expect(await world.workerPid()).to.equal(worker);
      });

      it('catches up with what happened while it was stopped', async () => {
        await connector.stop();
        await Promise.all([world.deploy('late', 'v1'), world.stopJob('first')]);
        expect(await world.request(hostOf('late'))).to.deep.equal(notRouted);
        connector = await world.startConnector();
        await world.waitAnswer('late', answered('v1'));
        await world.waitAnswer('first', notRouted);
      });

      it('has all routes again after HAProxy was restarted, and goes on', async () => {
        await world.containers.haproxy.restart();
        await world.waitAnswer('web', answered('v2'));
        await world.deploy('after', 'v1');
        await world.waitAnswer('after', answered('v1'));
      });

      it('takes away a job that is deregistered', async () => {
        await world.stopJob('web');
        await world.waitAnswer('web', notRouted);
        const gone = async () => !(await configuration(world)).includes('backend nomad_web');
        await waitFor('the backend to be gone', gone, { timeoutMs: 30_000, intervalMs: 200 });
        await world.waitAnswer('after', answered('v1'));
      });

      it("has left the operator's configuration as it was", async () => {
        const lines = (text: string) => text.split('\n').map((line) => line.trim());
        const now = new Set(lines(await configuration(world)));
        const own = lines(await readFile(operatorFile, 'utf8'));
        // The Data Plane API drops comments inside sections when it writes one again.
        const missing = own.filter((line) => !line.startsWith('#') && !now.has(line));
        expect(missing).to.deep.equal([]);
        expect(await world.request('www.example.com', '/operator/x')).to.deep.equal(
          answered("the operator's own"),
        );
      });
    });
  });
}

async function nomadVersion({ containers }: World): Promise<string> {
  return (await containers.nomad.exec(['nomad', 'version'])).output.split('\n')[0] ?? '';
}

const configuration = (world: World): Promise<string> => world.dataPlane('/configuration/raw');

const configurationVersion = (world: World): Promise<string> =>
  world.dataPlane('/configuration/version');

/** Round robin: a few more than there are instances. */
async function onlyAnswer(world: World, name: string, version: string): Promise<boolean> {
  for (let at = 0; at < 6; at++) {
    const { status, body } = await world.request(hostOf(name));
    if (status !== 200 || body !== version) return false;
  }
  return true;
}
