/** Two connectors, one HAProxy: one writes. With a real Nomad: `npm run test:leader`. */

import { readFile } from 'node:fs/promises';

import { expect } from 'chai';

import { type DataPlane, startDataPlane } from '../../fixtures/dataplane/launch.js';
import { findHaproxy, type HaproxySeries } from '../../fixtures/haproxy/find.js';
import { type Stack, domainOf, startStack } from '../../fixtures/stack.js';
import type { Leadership } from '../../src/leader/office.js';
import { until } from './helpers.js';
import {
  isCommit,
  lateWrites,
  lockPath,
  type Load,
  type Member,
  newPair,
  type Pair,
  type Role,
  roleOf,
  startLoad,
  takeOverMs,
  ttlMs,
  withLock,
} from './pair.js';

interface Status {
  readonly leader: Leadership;
}

describe('a pair of connectors', function () {
  this.timeout(180_000);
  let stack: Stack;
  let config: string;
  const known = new Set<string>();
  let pair: Pair;
  let load: Load;

  before(async () => {
    stack = await startStack();
    config = await withLock(stack);
  });
  beforeEach(async () => {
    pair = newPair(stack, config, {});
    await serve('web');
    await becomes(await pair.begin('first'), 'leader', 40_000);
    await becomes(await pair.begin('second'), 'standby', 20_000);
    await until(served('web'));
    load = startLoad(stack, domainOf('web'));
  });
  afterEach(async () => {
    await load?.stop();
    await pair?.end();
  });
  after(async () => {
    await stack?.close();
  });

  const first = (): Member => pair.members[0]!;
  const second = (): Member => pair.members[1]!;

  async function becomes(member: Member, role: Role, timeoutMs = takeOverMs): Promise<void> {
    await until(async () => (await roleOf(member)) === role, { timeoutMs });
  }

  async function serve(name: string): Promise<void> {
    if (known.has(name)) return;
    known.add(name);
    stack.serve(name, [await stack.app(name)]);
  }

  const served = (name: string) => async (): Promise<boolean> =>
    (await stack.request(domainOf(name))).status === 200;

  function expectOneWriter(): void {
    expect(pair.writes.some(({ by }) => by === 'second')).to.equal(true);
    expect(lateWrites(pair.writes, 'second')).to.deep.equal([]);
  }

  async function expectNoLoss(): Promise<void> {
    const { failed, sent } = await load.stop();
    expect(sent).to.be.greaterThan(0);
    expect(failed).to.deep.equal([]);
  }

  it('the standby reads, writes nothing and is ready', async () => {
    await serve('shop');
    await until(served('shop'));
    expect(pair.writes.filter(({ by }) => by === 'second')).to.deep.equal([]);
    expect(second().proxy.seen().length).to.be.greaterThan(0);
    const metrics = await (await fetch(`${second().url}/metrics`)).text();
    expect(metrics).to.match(/^haproxy_nomad_connector_leader 0$/m);
    const ofLeader = await (await fetch(`${first().url}/metrics`)).text();
    expect(ofLeader).to.match(/^haproxy_nomad_connector_leader 1$/m);
    const term = /^haproxy_nomad_connector_term (\d+)$/m.exec(ofLeader)?.[1];
    expect(await stack.configuration()).to.include(`"term":${term}`);
    await expectNoLoss();
  });

  it('SIGTERM: the second leads at once', async () => {
    await first().program.stop('SIGTERM', 20_000);
    await becomes(second(), 'leader');
    await serve('late');
    await until(served('late'));
    expectOneWriter();
    await expectNoLoss();
  });

  it('SIGTERM in a pass: the second leads when the pass is over', async () => {
    const { program, proxy, holdCommits } = first();
    const release = holdCommits();
    proxy.clear();
    await serve('midway');
    await until(() => proxy.seen().some(isCommit));
    const stopped = program.stop('SIGTERM', 20_000);
    expect(await roleOf(second())).to.equal('standby');
    release();
    await stopped;
    await becomes(second(), 'leader');
    await serve('thereafter');
    await until(served('thereafter'));
    expectOneWriter();
    await expectNoLoss();
  });

  it('killed: the second leads when the lock is free', async () => {
    await first().program.stop('SIGKILL');
    await becomes(second(), 'leader');
    await serve('after');
    await until(served('after'));
    expectOneWriter();
    await expectNoLoss();
  });

  it('stopped for longer than the lock, and continued: it writes nothing any more', async () => {
    process.kill(-first().program.pid, 'SIGSTOP');
    await becomes(second(), 'leader');
    await serve('stopped');
    await until(served('stopped'));
    const before = pair.writes.length;
    process.kill(-first().program.pid, 'SIGCONT');
    await becomes(first(), 'standby', 30_000);
    await serve('continued');
    await until(served('continued'));
    expect(pair.writes.slice(before).map(({ by }) => by)).to.not.include('first');
    expect(await roleOf(second())).to.equal('leader');
    expectOneWriter();
    await expectNoLoss();
  });

  it('Nomad restarts: the leader goes on, and nothing is lost', async () => {
    await stack.nomad.stop();
    await stack.nomad.start();
    await serve('again');
    await until(served('again'), { timeoutMs: 40_000 });
    expect(pair.writes.filter(({ by }) => by === 'second')).to.deep.equal([]);
    expect(await roleOf(first())).to.equal('leader');
    await expectNoLoss();
  });

  it('without an answer about the lock: writes until its time is over, and again after it', async () => {
    const { faults } = stack.nomad;
    faults.http403 = '/v1/var/';
    await serve('refused');
    await until(served('refused'));
    faults.http403 = false;
    faults.http500 = '/v1/var/';
    await becomes(first(), 'standby', 2 * ttlMs);
    const before = pair.writes.length;
    await serve('silent');
    faults.http500 = false;
    await becomes(first(), 'leader', ttlMs);
    await until(served('silent'));
    expect(pair.writes.slice(before).map(({ by }) => by)).not.to.include('second');
    await expectNoLoss();
  });

  it('explain says who leads, and so does the status page of both', async () => {
    const { pid } = first().program;
    const { stdout } = await stack.run(['--config', config, 'explain', domainOf('web')]);
    expect(stdout).to.match(
      new RegExp(`^leader: \\S+/${pid} took the lock ${lockPath} last, in term \\d+$`, 'm'),
    );
    for (const [member, leads] of [
      [first(), true],
      [second(), false],
    ] as const) {
      const status = (await (await fetch(`${member.url}/status.json`)).json()) as Status;
      expect(status.leader).to.include({ lock: lockPath, leads });
      expect(status.leader.holder).to.match(new RegExp(`/${pid}$`));
      expect(stdout).to.include(`in term ${status.leader.term}\n`);
    }
    await expectNoLoss();
  });

  it('--once: refused while another leads, and says who', async () => {
    const { code, stderr } = await stack.run(['--config', config, '--once']);
    expect(code).to.equal(1);
    expect(stderr).to.match(/\d+ holds the lock haproxy-nomad-connector\/leader/);
    await expectNoLoss();
  });
});

/** One read of Nomad, one lock, two HAProxies. */
describe('--once over several HAProxies, with a lock', function () {
  this.timeout(120_000);
  let stack: Stack;
  let other: DataPlane;
  let config: string;
  const env = { HAPROXY_DATAPLANE_URL: '' };

  before(async () => {
    stack = await startStack();
    const series = process.env['HAPROXY_SERIES'] as HaproxySeries | undefined;
    other = await startDataPlane({ haproxy: await findHaproxy(series) });
    const { username, password } = other;
    const targets = [
      { name: 'edge-1', address: stack.dp.url },
      { name: 'edge-2', address: other.url, username, password },
    ];
    config = await withLock(stack, { haproxy: { targets } });
    stack.serve('web', [await stack.app('web')]);
  });
  after(async () => {
    await other?.close();
    await stack?.close();
  });

  const once = () => stack.run(['--config', config, '--once', '--output', 'json'], env);
  const termIn = async ({ dirs }: DataPlane): Promise<string | undefined> =>
    /"term":(\d+)/.exec(await readFile(dirs.config, 'utf8'))?.[1];

  it('writes all of them in one term, and gives the lock back', async () => {
    const { code, stdout } = await once();
    expect(code, stdout).to.equal(0);
    const { targets } = JSON.parse(stdout) as { targets: readonly { target: string }[] };
    expect(targets.map(({ target }) => target)).to.deep.equal(['edge-1', 'edge-2']);
    const term = await termIn(stack.dp);
    expect(term).to.match(/^\d+$/);
    expect(await termIn(other)).to.equal(term);
    // Released: the next one needn't wait, and has a later term.
    expect((await once()).code).to.equal(0);
    expect(Number(await termIn(stack.dp))).to.be.greaterThan(Number(term));
  });

  it('writes none of them while another leads', async () => {
    const pair = newPair(stack, config, env);
    try {
      const leader = await pair.begin('leader');
      await until(async () => (await roleOf(leader)) === 'leader', { timeoutMs: 40_000 });
      const status = (await (await fetch(`${leader.url}/status.json`)).json()) as Status;
      const term = String(status.leader.term);
      await until(async () => (await termIn(other)) === term, { timeoutMs: 40_000 });
      const { code, stdout, stderr } = await once();
      expect(code).to.equal(1);
      expect(stdout).to.equal('');
      expect(stderr).to.match(/\d+ holds the lock haproxy-nomad-connector\/leader/);
      expect(await termIn(other)).to.equal(term);
    } finally {
      await pair.end();
    }
  });
});
