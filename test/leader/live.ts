/**
 * `npm run test:leader`: a pair of connectors under load, with a real Nomad of three servers, through
 * one fault after another. Prints what each cost. Needs NOMAD_BIN.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect } from 'chai';

import { appJob } from '../../fixtures/nomad/app-job.js';
import { nomadBin } from '../../fixtures/nomad/real.js';
import { type Stack, domainOf, enabledTags, startStack } from '../../fixtures/stack.js';
import { until } from '../stack/helpers.js';
import {
  isCommit,
  lateWrites,
  type Load,
  type Member,
  newPair,
  type Pair,
  policyWithLock,
  type Role,
  roleOf,
  startLoad,
  takeOverMs,
  ttlMs,
  withLock,
  type Write,
} from '../stack/pair.js';

interface Row {
  readonly event: string;
  readonly takeOver: string;
  readonly requests: number;
  readonly failed: number;
  readonly first: number;
  readonly second: number;
  /** Writes of the first after the second began, with their status. */
  readonly refused: string;
  readonly both: number;
}

const wallClock = new URL('../../fixtures/stack/wall-clock.mjs', import.meta.url).href;
const hourMs = 3_600_000;
const long = { timeoutMs: 60_000 };

describe('a pair of connectors and a real Nomad of three servers', function () {
  this.timeout(240_000);
  const rows: Row[] = [];
  let stack: Stack;
  let env: Readonly<Record<string, string>>;
  let stepFile: string;
  let config: string;
  let pair: Pair;
  let load: Load;
  let services = 0;

  before(async function () {
    if (nomadBin() === undefined) {
      process.stderr.write('SKIPPED: a pair with a real Nomad, because NOMAD_BIN is not set\n');
      this.skip();
    }
    this.timeout(300_000);
    stack = await startStack({ nomad: 'real', acl: true, nomadServers: 3 });
    process.stderr.write(`    ${stack.origin}\n`);
    config = await withLock(stack);
    stepFile = join(stack.dp.dirs.root, 'wall-clock-step');
    env = {
      NOMAD_TOKEN: await stack.agent.mintToken('leader', policyWithLock()),
      NODE_OPTIONS: `--import ${wallClock}`,
      WALL_CLOCK_STEP: stepFile,
    };
    await submit('web', 2);
  });
  beforeEach(async () => {
    pair = newPair(stack, config, env);
    await becomes(await pair.begin('first'), 'leader', 60_000);
    await becomes(await pair.begin('second'), 'standby', 60_000);
    await stack.waitServed(domainOf('web'));
    load = startLoad(stack, domainOf('web'), 4);
  });
  afterEach(async () => {
    await load?.stop();
    await pair?.end();
  });
  after(async function () {
    this.timeout(60_000);
    if (rows.length > 0) process.stdout.write(`\n${tableOf(rows)}\n`);
    await stack?.close();
  });

  const first = (): Member => pair.members[0]!;
  const second = (): Member => pair.members[1]!;

  async function becomes(member: Member, role: Role, timeoutMs = takeOverMs): Promise<void> {
    await until(async () => (await roleOf(member)) === role, { timeoutMs });
  }

  async function submit(name: string, count = 1): Promise<void> {
    await stack.agent.submit(appJob({ id: name, version: name, count, tags: enabledTags(name) }));
    await stack.agent.waitRunning(name, count);
  }

  /** One more service: whoever leads has to change HAProxy's structure. */
  async function serveAnother(): Promise<void> {
    const name = `more-${++services}`;
    await submit(name);
    await until(async () => (await stack.request(domainOf(name))).status === 200, long);
  }

  /** One that nobody can route yet. */
  async function submitAnother(): Promise<() => Promise<unknown>> {
    const name = `more-${++services}`;
    await submit(name);
    return () => until(async () => (await stack.request(domainOf(name))).status === 200, long);
  }

  /** Waits for the second one's first write. Ms since then. */
  async function takesOver(since: number): Promise<number> {
    const write = () => pair.writes.find(({ by, status }) => by === 'second' && status < 300);
    await until(write, { timeoutMs: takeOverMs + 10_000 });
    return write()!.at - since;
  }

  async function record(event: string, takeOver?: number): Promise<void> {
    const { sent, failed } = await load.stop();
    const { writes } = pair;
    const by = (name: string): number =>
      writes.filter((one) => one.by === name && one.status < 300).length;
    const late = lateWrites(writes, 'second');
    rows.push({
      event,
      takeOver: takeOver === undefined ? 'none' : `${(takeOver / 1000).toFixed(1)} s`,
      ...{ requests: sent, failed: failed.length },
      ...{ first: by('first'), second: by('second') },
      refused: refusals(writes),
      both: late.length,
    });
    expect(sent).to.be.greaterThan(0);
    expect(failed).to.deep.equal([]);
    expect(late).to.deep.equal([]);
    if (takeOver === undefined) expect(by('second'), 'writes by the second').to.equal(0);
    else expect(takeOver, 'take-over').to.be.at.most(takeOverMs);
  }

  it('SIGTERM', async () => {
    const since = performance.now();
    const stopped = first().program.stop('SIGTERM', 20_000);
    const routed = await submitAnother();
    await stopped;
    const ms = await takesOver(since);
    await routed();
    await record('SIGTERM', ms);
  });

  it('SIGTERM in a pass', async () => {
    const release = first().holdCommits();
    first().proxy.clear();
    const routed = await submitAnother();
    await until(() => first().proxy.seen().some(isCommit), long);
    const since = performance.now();
    const stopped = first().program.stop('SIGTERM', 20_000);
    expect(await roleOf(second())).to.equal('standby');
    release();
    await stopped;
    const ms = await takesOver(since);
    await routed();
    await serveAnother();
    await record('SIGTERM in a pass', ms);
  });

  it('killed', async () => {
    const since = performance.now();
    await first().program.stop('SIGKILL');
    const routed = await submitAnother();
    const ms = await takesOver(since);
    await routed();
    await record('SIGKILL', ms);
  });

  it('stopped for longer than the lock, and continued', async () => {
    const since = performance.now();
    process.kill(-first().program.pid, 'SIGSTOP');
    const routed = await submitAnother();
    const ms = await takesOver(since);
    await routed();
    process.kill(-first().program.pid, 'SIGCONT');
    await becomes(first(), 'standby', 60_000);
    await serveAnother();
    expect(await roleOf(second())).to.equal('leader');
    await record('SIGSTOP for longer than the lock, SIGCONT', ms);
  });

  it('stopped in a pass: its commit arrives when the other one has written', async () => {
    const release = first().holdCommits();
    first().proxy.clear();
    const routed = await submitAnother();
    await until(() => first().proxy.seen().some(isCommit), long);
    const since = performance.now();
    process.kill(-first().program.pid, 'SIGSTOP');
    const ms = await takesOver(since);
    await routed();
    const before = pair.writes.length;
    release();
    const late = () => pair.writes.slice(before).find(({ by }) => by === 'first');
    await until(late, long);
    expect(late()).to.have.property('status').that.is.within(400, 499);
    process.kill(-first().program.pid, 'SIGCONT');
    await becomes(first(), 'standby', 60_000);
    await serveAnother();
    expect(await stack.openTransactions()).to.deep.equal([]);
    await record('SIGSTOP before a commit that arrives afterwards', ms);
  });

  it('Nomad restarts', async () => {
    await stack.agent.kill();
    await stack.agent.start();
    await nomadLeads();
    await serveAnother();
    expect(await roleOf(first())).to.equal('leader');
    await record('Nomad: all servers killed, and started');
  });

  it("Nomad's leader changes", async () => {
    await stack.agent.killLeader();
    await nomadLeads();
    await serveAnother();
    expect(await roleOf(first())).to.equal('leader');
    await stack.agent.start();
    await record('Nomad: the leader of three killed');
  });

  it('Nomad loses its quorum for longer than the lock', async () => {
    await stack.agent.killLeader(1);
    // It stops to write, and nobody else begins to.
    await becomes(first(), 'standby', 3 * ttlMs);
    const since = performance.now();
    await until(() => performance.now() - since > 2 * ttlMs, { timeoutMs: 3 * ttlMs });
    expect(await roleOf(second())).to.not.equal('leader');
    await stack.agent.start();
    await nomadLeads();
    await becomes(first(), 'leader', 60_000);
    await serveAnother();
    await record('Nomad: no quorum for longer than the lock');
  });

  for (const [event, ms] of [
    ['an hour ahead', hourMs],
    ['an hour back', -hourMs],
  ] as const) {
    it(`the wall clock of the leader goes ${event}`, async () => {
      const { pid } = first().program;
      await writeFile(stepFile, String(ms));
      process.kill(pid, 'SIGUSR2');
      const since = performance.now();
      await until(() => performance.now() - since > 2 * ttlMs, { timeoutMs: 3 * ttlMs });
      await serveAnother();
      expect(await roleOf(second())).to.equal('standby');
      expect(first().program.output()).to.match(ahead(ms));
      await record(`the leader's wall clock ${event}`);
    });
  }

  async function nomadLeads(): Promise<void> {
    await until(() => stack.agent.request('GET', '/v1/jobs'), long);
  }
});

/** A line of the log with the date that the moved clock shows. */
function ahead(ms: number): RegExp {
  const date = new Date(Date.now() + ms).toISOString();
  return new RegExp(`"timestamp":"${date.slice(0, 13)}|${date.slice(0, 13)}`);
}

/** Of the first since the second began: `0`, or how often the Data Plane API gave which status. */
function refusals(writes: readonly Write[]): string {
  const turn = writes.findIndex(({ by }) => by === 'second');
  const late = turn === -1 ? [] : writes.slice(turn).filter(({ by }) => by === 'first');
  const refused = late.filter(({ status }) => status >= 300).map(({ status }) => status);
  const statuses = [...new Set(refused)].sort().join(', ');
  return refused.length === 0 ? '0' : `${refused.length} (${statuses})`;
}

function tableOf(rows: readonly Row[]): string {
  const head = [
    ...['event', 'take-over', 'requests', 'failed', 'writes of the first', 'of the second'],
    ...['late ones of the first: refused', 'done'],
  ];
  const lines = rows.map((row) => [
    ...[row.event, row.takeOver, row.requests, row.failed, row.first, row.second],
    ...[row.refused, row.both],
  ]);
  return [head, head.map(() => '---'), ...lines]
    .map((line) => `| ${line.join(' | ')} |`)
    .join('\n');
}
