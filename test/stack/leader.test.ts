/** Two connectors, one HAProxy: one writes. */

import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect } from 'chai';

import { appJob } from '../../fixtures/nomad/app-job.js';
import { nomadBin } from '../../fixtures/nomad/real.js';
import type { Started } from '../../fixtures/process.js';
import { freePort } from '../../fixtures/ports.js';
import { type Stack, domainOf, enabledTags, startStack } from '../../fixtures/stack.js';
import {
  type Interceptor,
  type SeenRequest,
  startInterceptor,
} from '../../fixtures/stack/interceptor.js';
import { until } from './helpers.js';

const lock = 'haproxy-nomad-connector/leader';
const ttlMs = 10_000;
const delayMs = 1000;
/** What others may lose: the lock's time, and a little. */
const takeOverMs = 2 * ttlMs + delayMs + 2000;

interface Write {
  readonly by: string;
  readonly what: string;
}

/** A connector as a process, with a proxy of its own before the Data Plane API. */
interface Member {
  readonly name: string;
  readonly program: Started;
  readonly proxy: Interceptor;
  readonly url: string;
}

for (const nomad of ['simulator', 'real'] as const) {
  describe(`a pair of connectors, Nomad ${nomad}`, function () {
    this.timeout(180_000);
    let stack: Stack;
    let config: string;
    let token = '';
    const known = new Set<string>();
    let members: Member[] = [];
    let writes: Write[] = [];
    let load: Load;
    /** Holds every commit while it is pending. */
    let commits: Promise<void> | undefined;

    before(async function () {
      if (nomad === 'real' && nomadBin() === undefined) {
        process.stderr.write('SKIPPED: a pair with a real Nomad, because NOMAD_BIN is not set\n');
        this.skip();
      }
      stack = await startStack({ nomad, acl: nomad === 'real', nomadApart: nomad === 'real' });
      if (nomad === 'real') token = await stack.agent.mintToken('leader', policyWithLock());
      config = await withLock(stack);
    });
    beforeEach(async () => {
      [members, writes] = [[], []];
      await serve('web');
      await begin('first');
      await until(async () => (await role(members[0]!)) === 'leader', { timeoutMs: 40_000 });
      await begin('second');
      await until(async () => (await role(members[1]!)) === 'standby', { timeoutMs: 20_000 });
      await until(served('web'));
      load = startLoad(stack, domainOf('web'));
    });
    afterEach(async () => {
      await load?.stop();
      for (const { program, proxy } of members) {
        await program.stop('SIGTERM', 20_000);
        await proxy.close();
      }
    });
    after(async () => {
      await stack?.close();
    });

    async function begin(name: string): Promise<Member> {
      const proxy = await startInterceptor(stack.dp.url);
      proxy.onRequest(async ({ method, path }) => {
        if (isCommit({ method, path })) await commits;
        const closes = method === 'DELETE' && path.includes('/transactions/');
        if (method !== 'GET' && !closes) writes.push({ by: name, what: `${method} ${path}` });
        return undefined;
      });
      const port = await freePort();
      const program = await stack.spawnConnector(
        ['--config', config, '--http-listen', `127.0.0.1:${port}`],
        {
          HAPROXY_DATAPLANE_URL: proxy.url,
          NOMAD_TOKEN: token,
        },
      );
      const member = { name, program, proxy, url: `http://127.0.0.1:${port}` };
      members.push(member);
      return member;
    }

    async function role({ url }: Member): Promise<string> {
      const response = await fetch(`${url}/readyz`).catch(() => undefined);
      if (response?.status !== 200) return 'unready';
      const { role: said = 'leader' } = (await response.json()) as { role?: string };
      return said;
    }

    async function serve(name: string): Promise<void> {
      if (known.has(name)) return;
      known.add(name);
      if (nomad === 'simulator') {
        stack.serve(name, [await stack.app(name)]);
        return;
      }
      const tags = enabledTags(name);
      await stack.agent.submit(appJob({ id: name, version: 'v1', count: 1, tags }));
      await stack.agent.waitRunning(name, 1);
    }

    const served = (name: string) => async (): Promise<boolean> =>
      (await stack.request(domainOf(name))).status === 200;

    /** Since the second wrote for the first time, the first wrote nothing. */
    function expectOneWriter(): void {
      const turn = writes.findIndex(({ by }) => by === 'second');
      expect(turn, 'the second one writes').to.be.greaterThan(-1);
      expect(writes.slice(turn).filter(({ by }) => by !== 'second')).to.deep.equal([]);
    }

    async function expectNoLoss(): Promise<void> {
      const { failed, sent } = await load.stop();
      expect(sent).to.be.greaterThan(0);
      expect(failed).to.deep.equal([]);
    }

    const takesOver = async (): Promise<number> => {
      const [, second] = members;
      const since = performance.now();
      await until(async () => (await role(second!)) === 'leader', { timeoutMs: takeOverMs + 8000 });
      return performance.now() - since;
    };

    it('the standby reads, writes nothing and is ready', async () => {
      await serve('shop');
      await until(served('shop'));
      expect(writes.filter(({ by }) => by === 'second')).to.deep.equal([]);
      expect(members[1]!.proxy.seen().length).to.be.greaterThan(0);
      const metrics = await (await fetch(`${members[1]!.url}/metrics`)).text();
      expect(metrics).to.match(/^haproxy_nomad_connector_leader 0$/m);
      const ofLeader = await (await fetch(`${members[0]!.url}/metrics`)).text();
      expect(ofLeader).to.match(/^haproxy_nomad_connector_leader 1$/m);
      const term = /^haproxy_nomad_connector_term (\d+)$/m.exec(ofLeader)?.[1];
      expect(await stack.configuration()).to.include(`"term":${term}`);
      await expectNoLoss();
    });

    it('SIGTERM: the second leads at once', async () => {
      await members[0]!.program.stop('SIGTERM', 20_000);
      await takesOver();
      await serve('late');
      await until(served('late'));
      expectOneWriter();
      await expectNoLoss();
    });

    it('SIGTERM in a pass: the second leads when the pass is over', async () => {
      let goOn = (): void => undefined;
      commits = new Promise((resolve) => (goOn = resolve));
      const { program, proxy } = members[0]!;
      proxy.clear();
      await serve('midway');
      await until(() => proxy.seen().some(isCommit));
      const stopped = program.stop('SIGTERM', 20_000);
      expect(await role(members[1]!)).to.equal('standby');
      goOn();
      commits = undefined;
      await stopped;
      await takesOver();
      await serve('thereafter');
      await until(served('thereafter'));
      expectOneWriter();
      await expectNoLoss();
    });

    it('killed: the second leads when the lock is free', async () => {
      await members[0]!.program.stop('SIGKILL');
      const ms = await takesOver();
      process.stderr.write(`      took over after ${Math.round(ms)} ms\n`);
      await serve('after');
      await until(served('after'));
      expectOneWriter();
      await expectNoLoss();
    });

    it('stopped for longer than the lock, and continued: it writes nothing any more', async () => {
      const [first, second] = members;
      process.kill(-first!.program.pid, 'SIGSTOP');
      await takesOver();
      await serve('stopped');
      await until(served('stopped'));
      const before = writes.length;
      process.kill(-first!.program.pid, 'SIGCONT');
      await until(async () => (await role(first!)) === 'standby', { timeoutMs: 30_000 });
      await serve('continued');
      await until(served('continued'));
      expect(writes.slice(before).map(({ by }) => by)).to.not.include('first');
      expect(await role(second!)).to.equal('leader');
      expectOneWriter();
      await expectNoLoss();
    });

    it('Nomad restarts: the leader goes on, and nothing is lost', async () => {
      if (nomad === 'simulator') {
        await stack.nomad.stop();
        await stack.nomad.start();
      } else {
        await stack.agent.kill();
        await stack.agent.start();
        const leader = '/v1/status/leader';
        await until(() => stack.agent.request('GET', leader), { timeoutMs: 60_000 });
      }
      await serve('again');
      await until(served('again'), { timeoutMs: 40_000 });
      expect(writes.filter(({ by }) => by === 'second')).to.deep.equal([]);
      expect(await role(members[0]!)).to.equal('leader');
      await expectNoLoss();
    });

    it('without an answer about the lock: writes until its time is over, and again after it', async function () {
      if (nomad === 'real') return this.skip();
      const [first] = members;
      const { faults } = stack.nomad;
      faults.http403 = '/v1/var/';
      await serve('refused');
      await until(served('refused'));
      faults.http403 = false;
      faults.http500 = '/v1/var/';
      await until(async () => (await role(first!)) === 'standby', { timeoutMs: 2 * ttlMs });
      const before = writes.length;
      await serve('silent');
      faults.http500 = false;
      await until(async () => (await role(first!)) === 'leader', { timeoutMs: ttlMs });
      await until(served('silent'));
      expect(writes.slice(before).map(({ by }) => by)).not.to.include('second');
      await expectNoLoss();
    });

    it('--once: refused while another leads, and says who', async () => {
      const { code, stderr } = await stack.run(['--config', config, '--once'], {
        NOMAD_TOKEN: token,
      });
      expect(code).to.equal(1);
      expect(stderr).to.match(/\d+ holds the lock haproxy-nomad-connector\/leader/);
      await expectNoLoss();
    });
  });
}

/** The policy as it is shipped, with the block that its comment names. */
function policyWithLock(): string {
  const shipped = readFileSync(new URL('../../deploy/nomad-policy.hcl', import.meta.url), 'utf8');
  return shipped.replace(/^ {2}# {1,}((?:variables|path|capabilities|\}).*)$/gm, '$1');
}

/** The stack's settings and the lock, as a file. */
async function withLock({ dp }: Stack): Promise<string> {
  const text = await readFile(join(dp.dirs.root, 'connector.json'), 'utf8');
  const leader = { lock_path: lock, lock_ttl: ttlMs / 1000, lock_delay: delayMs / 1000 };
  const file = join(dp.dirs.root, 'leader.json');
  await writeFile(file, JSON.stringify({ ...(JSON.parse(text) as object), leader }));
  return file;
}

function isCommit({ method, path }: Pick<SeenRequest, 'method' | 'path'>): boolean {
  return method === 'PUT' && path.includes('/transactions/');
}

interface Load {
  readonly stop: () => Promise<{ readonly sent: number; readonly failed: readonly string[] }>;
}

/** One request after another, each on a connection of its own. */
function startLoad(stack: Stack, host: string): Load {
  const failed: string[] = [];
  let sent = 0;
  let isOn = true;
  const done = (async () => {
    while (isOn) {
      sent++;
      const status = await stack.request(host).then(
        (answer) => answer.status,
        (error: unknown) => String(error),
      );
      if (status !== 200) failed.push(`${sent}: ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return {
    stop: async () => {
      isOn = false;
      await done;
      return { sent, failed };
    },
  };
}
