import { expect } from 'chai';

import { runExplain } from '../../src/commands/explain.js';
import { openPolicy } from '../../src/config/policy.js';
import type { Settings, SyncPolicy } from '../../src/config/types.js';
import type { Explanation, Reason } from '../../src/explain/types.js';
import { createLogger } from '../../src/telemetry/logger.js';
import type { App } from '../../fixtures/apps/app.js';
import type { CheckSpec } from '../../fixtures/nomad/types.js';
import { domainOf, enabledTags, type Stack, startStack } from '../../fixtures/stack.js';
import { appJob } from '../../fixtures/nomad/app-job.js';
import { nomadBin } from '../../fixtures/nomad/real.js';
import { at, until } from './helpers.js';

interface Explained extends Omit<Explanation, 'formatVersion'> {
  readonly format_version: 1;
  readonly code: number;
}

/** The command itself, in this process. */
async function explainWith(settings: Settings, query: string): Promise<Explained> {
  let printed = '';
  const code = await runExplain(
    { kind: 'explain', query, flags: {}, output: 'json', color: 'never' },
    {
      settings,
      logger: createLogger({ level: 'error', redact: (text) => text }),
      onToken: () => undefined,
      redact: (text) => text,
      hazards: [],
    },
    {
      env: {},
      print: (text) => (printed += text),
      isTerminal: false,
      signal: new AbortController().signal,
    },
  );
  return { ...(JSON.parse(printed) as Explained), code };
}

/** R9: for each reason of a 404 or a 503, the sentence names it. One stack for all. */
describe('explain', function () {
  this.timeout(120_000);
  let stack: Stack;
  let app: App;
  let sick: App;

  before(async () => {
    stack = await startStack();
    app = await stack.app('well');
    sick = await stack.app('sick');
  });

  after(async () => stack?.close());

  const explain = (query: string): Promise<Explained> => explainWith(stack.settings, query);

  const converge = async (change?: (settings: Settings) => Settings): Promise<void> => {
    const passes = stack.passes(change === undefined ? {} : { settings: change });
    await until(async () => (await passes.run()).rest.steps.length === 0);
    passes.close();
  };

  const httpCheck = { Type: 'http', Path: '/health', Interval: 1e9, Timeout: 1e9 } as CheckSpec;
  const fastCheck = ['haproxy.check.interval=100ms'];

  const status = async (host: string, path?: string): Promise<number> =>
    (await stack.request(host, path)).status;

  const waitStatus = async (host: string, wanted: number, path?: string): Promise<void> => {
    let last: number | undefined;
    try {
      await until(async () => (last = await status(host, path)) === wanted);
    } catch (cause) {
      const { text, backends } = await explain(host);
      const seen = `${host}: last answer ${last} instead of ${wanted}; ${text}`;
      throw new Error(`${seen}\n${JSON.stringify(backends)}`, { cause });
    }
  };

  interface Wanted {
    readonly reason: Reason;
    readonly says: RegExp;
    readonly answers?: boolean;
  }

  /** HAProxy's own answer and the sentence agree. */
  const expectAnswer = async (query: string, { reason, says, answers = false }: Wanted) => {
    const explained = await explain(query);
    const { text } = explained;
    expect(text).to.match(says);
    expect(explained.reason, text).to.equal(reason);
    expect(explained.answers, text).to.equal(answers);
    expect(explained.code).to.equal(answers ? 0 : explained.found ? 3 : 2);
    const { request } = explained;
    const said = /answers (\d{3})\b/.exec(text)?.[1];
    if (request !== undefined && said !== undefined) {
      expect(await status(request.host, request.path), text).to.equal(Number(said));
    }
    if (request !== undefined && answers) {
      expect(await status(request.host, request.path), text).to.be.below(400);
    }
    return explained;
  };

  it('serves: how many instances answer, and the whole chain behind them', async () => {
    const other = await stack.app('other');
    stack.serve('web', [app, other], { tags: [...enabledTags('web'), ...fastCheck] });
    await converge();
    await stack.waitBalanced(domainOf('web'), [app, other]);
    const explained = await expectAnswer('WEB.example.com:443/any', {
      reason: 'serves',
      says: /^web\.example\.com\/any answers from 2 of 2 instances of web$/,
      answers: true,
    });
    expect(explained.routes[0]?.end).to.deep.include({ kind: 'service', backend: 'nomad_web' });
    const [service] = explained.services;
    expect(service?.instances.map(({ version, phase }) => [version, phase])).to.deep.equal([
      [0, 'serve'],
      [0, 'serve'],
    ]);
    expect(service?.check?.values).to.deep.include({
      name: 'check.interval',
      value: '100ms',
      origin: 'tag',
    });
    expect(service?.check?.values).to.deep.include({
      name: 'check.rise',
      value: String(stack.settings.checks.rise),
      origin: 'setting',
    });
    const servers = explained.backends[0]?.servers ?? [];
    expect(servers.map(({ instance }) => instance).sort()).to.deep.equal(
      service?.instances.map(({ id }) => id).sort(),
    );
    expect(servers.map(({ check }) => check?.result)).to.deep.equal(['L4OK', 'L4OK']);
    for (const query of ['web', 'default/web', 'nomad_web']) {
      const same = await explain(query);
      expect(same.text, query).to.match(/ answers from 2 of 2 instances of web$/);
      expect(same.code).to.equal(0);
    }
  });

  it('1: no such host, with the nearest name', async () => {
    const explained = await expectAnswer('wep.example.com', {
      reason: 'unknown-host',
      says: /^wep\.example\.com answers 404: no service claims it; did you mean web\.example\.com\?$/,
    });
    expect(explained.suggestions).to.include('web.example.com');
    const unnamed = await explain('wep');
    expect([unnamed.found, unnamed.code]).to.deep.equal([false, 2]);
    expect(unnamed.suggestions[0]).to.equal('web');
  });

  it('2: not opted in: enable is false, or missing', async () => {
    stack.nomad.addService({
      name: 'off',
      tags: ['haproxy.enable=false', 'haproxy.domain=off.example.com'],
      instances: [at(app)],
    });
    stack.nomad.addService({
      name: 'bare',
      tags: ['haproxy.domain=bare.example.com'],
      instances: [at(app)],
    });
    await expectAnswer('off.example.com', {
      reason: 'not-enabled',
      says: /404: off asks for it, but has not opted in: its tag says haproxy\.enable=false$/,
    });
    await expectAnswer('bare.example.com', {
      reason: 'not-enabled',
      says: /404: bare asks for it, but has not opted in: it has no tag haproxy\.enable=true$/,
    });
    const service = await explain('bare');
    expect(service.text).to.equal('bare has not opted in: it has no tag haproxy.enable=true');
  });

  it('3: no instances: the job asks for none, or is stopped', async () => {
    stack.serve('zero', []);
    await converge();
    await expectAnswer('zero.example.com', {
      reason: 'no-instances',
      says: /503: zero has no instances: job zero asks for none \(count 0\)$/,
    });
    stack.serve('ended', [app]);
    await converge();
    await stack.waitServed(domainOf('ended'), [app]);
    stack.nomad.stopJob({ ID: 'ended', Namespace: 'default' });
    await converge((given) => ({ ...given, guard: { ...given.guard, allowRemovals: true } }));
    await waitStatus('ended.example.com', 404);
    await expectAnswer('ended.example.com', {
      reason: 'gone',
      says: /404: ended claimed it until recently, but job ended is stopped$/,
    });
  });

  it('4: the allocation is pending', async () => {
    const { address, port } = app;
    stack.serve('young', [], {
      instances: [{ address, port, clientStatus: 'pending' }],
      count: 1,
    });
    await converge();
    await expectAnswer('young.example.com', {
      reason: 'instances-pending',
      says: /503: the server of nomad_young is held back: allocation [0-9a-f]{8} is pending$/,
    });
  });

  it('5: its check gives a status', async () => {
    sick.healthy = false;
    stack.serve('ill', [sick, app], {
      checks: [httpCheck],
      tags: [...enabledTags('ill'), ...fastCheck],
    });
    await converge();
    await stack.waitServed(domainOf('ill'), [app]);
    await until(async () => (await explain('ill')).text.includes('503'));
    await expectAnswer('ill.example.com', {
      reason: 'serves',
      says: /answers from 1 of 2 instances of ill \(1 DOWN: check GET \/health gave 503\)$/,
      answers: true,
    });
    app.healthy = false;
    await waitStatus('ill.example.com', 503);
    await expectAnswer('ill.example.com', {
      reason: 'check-failing',
      says: /answers 503: both servers of nomad_ill are DOWN: check GET \/health gave 503$/,
    });
    app.healthy = true;
  });

  it('6: its check cannot connect', async () => {
    const gone = await stack.app('gone');
    await gone.close();
    stack.serve('refused', [gone], { tags: [...enabledTags('refused'), ...fastCheck] });
    await converge();
    await until(async () => (await explain('refused')).reason === 'check-failing');
    await expectAnswer('refused.example.com', {
      reason: 'check-failing',
      says: /503: the server of nomad_refused is DOWN: check tcp could not connect \(Connection refused.*\)$/,
    });
  });

  it('7: all instances stop', async () => {
    const service = stack.serve('leaving', [app, sick]);
    await converge();
    await stack.waitServed(domainOf('leaving'));
    for (const { ID } of service.allocs) {
      stack.nomad.setDesiredStatus(ID, 'stop');
      stack.nomad.setClientStatus(ID, 'complete');
    }
    const passes = stack.passes();
    await passes.run();
    passes.close();
    await waitStatus('leaving.example.com', 503);
    await expectAnswer('leaving.example.com', {
      reason: 'instances-draining',
      says: /503: both servers of nomad_leaving are draining: Nomad stops their instances$/,
    });
  });

  it('8: the node is disconnected, or lost', async () => {
    const away = await stack.app('away');
    const { address, port } = away;
    const { id: nodeId } = stack.nomad.addNode('node-2');
    stack.serve('far', [], {
      instances: [{ address, port, nodeId }],
      tags: [...enabledTags('far'), ...fastCheck],
      count: 1,
    });
    await converge();
    await stack.waitServed(domainOf('far'), [away]);
    await away.close();
    stack.nomad.disconnectNode(nodeId);
    await waitStatus('far.example.com', 503);
    const explained = await expectAnswer('far.example.com', {
      reason: 'node-lost',
      says: /503: the server of nomad_far is DOWN, and Nomad has lost contact with node-2 \(unknown\): check tcp could not connect/,
    });
    expect(explained.services[0]?.instances[0]?.node).to.equal('node-2');
    stack.nomad.loseNode(nodeId);
    const passes = stack.passes();
    await passes.run();
    passes.close();
    await expectAnswer('far.example.com', {
      reason: 'node-lost',
      says: /503: far has no instances: job far asks for 1 and none is registered; 1 lost with /,
    });
  });

  it('9: a bad tag', async () => {
    stack.serve('typo', [app], { tags: [...enabledTags('typo'), 'haproxy.weight=heavy'] });
    await converge();
    const explained = await expectAnswer('typo.example.com', {
      reason: 'skipped',
      says: /404: typo is skipped: .*haproxy\.weight=heavy/,
    });
    expect(explained.services[0]?.skipped?.code).to.equal('invalid-tag');
  });

  it('10: an older service of its namespace has the domain', async () => {
    stack.serve('late', [sick], { tags: enabledTags('web') });
    await converge();
    await expectAnswer('web.example.com', {
      reason: 'serves',
      says: /of web; late lost it to web, which has claimed it since 20\d\d-[-T:\d]+Z$/,
      answers: true,
    });
    await expectAnswer('late', {
      reason: 'claimed-by-service',
      says: /^late is skipped: .*domain web\.example\.com belongs to web since 20\d\d-[-T:\d]+Z$/,
    });
    stack.nomad.removeService('late');
  });

  it('11: another namespace has the host', async () => {
    stack.serve('taker', [sick], {
      namespace: 'b',
      tags: [...enabledTags('web'), 'haproxy.path=/b'],
    });
    await converge();
    await expectAnswer('b/taker', {
      reason: 'claimed-by-namespace',
      says: /^b\/taker is skipped: .*web\.example\.com.* belongs to default\/web since /,
    });
    await expectAnswer('web.example.com/b', {
      reason: 'serves',
      says: /of web; .*b\/taker lost it to web/,
      answers: true,
    });
  });

  it('12: the policy refuses it', async () => {
    const strict = (given: Settings): Settings => ({
      ...given,
      policy: { ...openPolicy, reservedDomains: ['*.reserved.example'] },
    });
    stack.serve('greedy', [app], {
      tags: ['haproxy.enable=true', 'haproxy.domain=x.reserved.example'],
    });
    await converge(strict);
    const explained = await explainWith(strict(stack.settings), 'x.reserved.example');
    expect(explained.text).to.match(/404: greedy is skipped: .*reserved/);
    expect([explained.reason, explained.services[0]?.skipped?.code]).to.deep.equal([
      'skipped',
      'policy',
    ]);
    const closed = (given: Settings): Settings => ({
      ...given,
      policy: { ...openPolicy, mode: 'strict' },
    });
    const refused = await explainWith(closed(stack.settings), 'greedy');
    expect(refused.text).to.match(/^greedy is skipped: .*policy/);
    expect(refused.services[0]?.skipped?.code).to.equal('policy');
    stack.nomad.removeService('greedy');
  });

  it('13: a limit is exceeded', async () => {
    const paths = Array.from({ length: 101 }, (_, index) => `haproxy.path=/p${index}`);
    stack.serve('many', [app], { tags: [...enabledTags('many'), ...paths] });
    await converge();
    const explained = await expectAnswer('many.example.com/p1', {
      reason: 'skipped',
      says: /404: many is skipped: .*paths_per_service/,
    });
    expect(explained.services[0]?.skipped?.code).to.equal('limit-exceeded');
  });

  it('14: only other paths of the host are routed', async () => {
    stack.serve('api', [app], { tags: [...enabledTags('api'), 'haproxy.path=/api'] });
    await converge();
    await stack.waitServed(domainOf('web'));
    await waitStatus('api.example.com', 200, '/api');
    await expectAnswer('api.example.com', {
      reason: 'path-mismatch',
      says: /404: of this host only api\.example\.com\/api \(api\) is routed$/,
    });
    await expectAnswer('api.example.com/apix', { reason: 'path-mismatch', says: /404/ });
    await expectAnswer('api.example.com/api/v1', {
      reason: 'serves',
      says: /answers from 1 of 1 instance of api$/,
      answers: true,
    });
  });

  it('15: a removal is held, or a route is not applied yet', async () => {
    stack.serve('kept', [app]);
    await converge();
    await stack.waitServed(domainOf('kept'), [app]);
    stack.nomad.faults.hiddenServices = ['kept'];
    const held = await explain('kept.example.com');
    stack.nomad.faults.clear();
    expect(held.text).to.match(/answers from 1 of .*(?:its|a) removal is held: /);
    expect([held.answers, held.next.held]).to.have.property('0', true);
    stack.serve('fresh', [app]);
    const explained = await expectAnswer('fresh.example.com', {
      reason: 'not-applied',
      says: /404: its route to fresh is not in HAProxy yet; the next pass adds it/,
    });
    expect(explained.next.steps.some((step) => step.startsWith('+ backend nomad_fresh'))).to.equal(
      true,
    );
  });

  it("16: the operator's own rule stands in front", async () => {
    const rule =
      'http-request deny deny_status 403 if { req.hdr(host) -i web.example.com } { path_beg /admin }';
    await stack.editConfiguration((text) =>
      text.replace(/^(\s*)(?=use_backend )/m, `$1${rule}\n$1`),
    );
    await stack.dp.haproxy.masterCommand('reload');
    await converge();
    await waitStatus('web.example.com', 403, '/admin/x');
    await expectAnswer('web.example.com/admin/x', {
      reason: 'operator-rule',
      says: /^web\.example\.com\/admin\/x answers 403 by the operator's own rule in frontend http_front, which comes first: http-request deny if .*, so web doesn't get it$/,
    });
    await expectAnswer('nobody.example.com/operator', {
      reason: 'operator-rule',
      says: /answers 200 by the operator's own rule in frontend http_front.*: use_backend operator_api if operator_path$/,
      answers: true,
    });
  });

  it('17: a server is in maintenance by hand', async () => {
    stack.serve('paused', [app]);
    await converge();
    await stack.waitServed(domainOf('paused'), [app]);
    const { name = '' } =
      (await stack.loadedServers('nomad_paused')).find(({ admin }) => admin === 'ready') ?? {};
    await stack.dp.haproxy.runtimeCommand(`set server nomad_paused/${name} state maint`);
    const explained = await expectAnswer('paused.example.com', {
      reason: 'maintenance',
      says: /503: the server of nomad_paused is in maintenance, set by hand/,
    });
    expect(explained.next.steps.join('\n')).to.include('make ready');
  });

  it('18: sync.policy keeps what Nomad no longer has, or has otherwise', async () => {
    const under = (policy: SyncPolicy): Settings => ({
      ...stack.settings,
      guard: { ...stack.settings.guard, allowRemovals: true },
      sync: { ...stack.settings.sync, policy },
    });
    stack.serve('past', [app]);
    await converge();
    await stack.waitServed(domainOf('past'), [app]);
    stack.nomad.removeService('past');
    await converge(() => under('upsert-only'));
    await waitStatus(domainOf('past'), 503);
    const kept = await explainWith(under('upsert-only'), domainOf('past'));
    expect(kept.text).to.match(
      /^past\.example\.com answers 503: .*; sync\.policy \(upsert-only\) keeps it: Nomad has no service past any more$/,
    );
    expect([kept.reason, kept.answers]).to.deep.equal(['kept-by-policy', false]);
    expect(kept.next.steps).to.deep.equal([]);
    expect(kept.next.kept).to.deep.equal([
      '- backend nomad_past: default/past',
      '- route past.example.com',
    ]);
    stack.serve('heir', [app], { tags: enabledTags('past') });
    await converge(() => under('create-only'));
    const late = await explainWith(under('create-only'), 'heir');
    expect(late.text).to.match(/^heir gets no requests: .*sync\.policy \(create-only\) keeps what/);
    expect([late.reason, late.answers]).to.deep.equal(['kept-by-policy', false]);
    await converge(() => under('sync'));
    await stack.waitServed(domainOf('past'), [app]);
    await expectAnswer(domainOf('past'), { reason: 'serves', says: / of heir$/, answers: true });
  });

  it('says so where a name is ambiguous', async () => {
    stack.serve('web', [sick], { namespace: 'c', tags: enabledTags('c-web') });
    await converge();
    const explained = await explain('web');
    expect(explained.ambiguous).to.equal(true);
    expect(explained.subjects.map(({ name }) => name)).to.deep.equal(['c/web', 'default/web']);
    expect(explained.text).to.match(
      /^web names 2 things: service c\/web: .*; service default\/web: /,
    );
    expect((await explain('c/web')).ambiguous).to.equal(false);
  });

  it('the program prints it for people, and sends nothing but GET', async () => {
    stack.proxy.clear();
    const { code, stdout, stderr } = await stack.run(['explain', 'web.example.com']);
    expect(code, stderr).to.equal(0);
    expect(stdout).to.include('map nomad_exact (exact): web.example.com -> backend nomad_web');
    expect(stdout.trimEnd().split('\n').at(-1)).to.match(/^web\.example\.com answers from /);
    const methods = new Set(stack.proxy.seen().map(({ method }) => method));
    expect([...methods]).to.deep.equal(['GET']);
    const unknown = await stack.run(['explain', 'wep', '--output', 'json']);
    expect(unknown.code).to.equal(2);
    expect(JSON.parse(unknown.stdout)).to.deep.include({ format_version: 1, reason: 'not-found' });
    expect((await stack.run(['explain'])).code).to.equal(64);
  });
});

describe('explain, with a real Nomad', () => {
  let stack: Stack;

  before(async function () {
    if (nomadBin() === undefined) {
      process.stderr.write('SKIPPED: explain with a real Nomad, because NOMAD_BIN is not set\n');
      this.skip();
    }
    this.timeout(300_000);
    stack = await startStack({ nomad: 'real' });
  });

  after(async function () {
    this.timeout(60_000);
    await stack?.close();
  });

  it('names job version, node and allocation, and a job that was stopped', async function () {
    this.timeout(120_000);
    const { agent, settings } = stack;
    await agent.submit(appJob({ id: 'web', version: 'v1', count: 2, tags: enabledTags('web') }));
    await agent.waitRunning('web', 2);
    const passes = stack.passes();
    await until(async () => (await passes.run()).rest.steps.length === 0);
    const long = { timeoutMs: 30_000 };
    const host = domainOf('web');
    await until(async () => (await explainWith(settings, host)).text.includes('2 of 2'), long);
    const { services } = await explainWith(settings, host);
    const [web] = services;
    expect(web?.jobs).to.deep.equal([{ job: 'web', count: 2, status: 'running', stopped: false }]);
    expect(web?.instances).to.have.lengthOf(2);
    for (const { version, clientStatus, node, allocation } of web?.instances ?? []) {
      expect([version, clientStatus]).to.deep.equal([0, 'running']);
      expect(node).to.match(/./);
      expect(allocation).to.match(/^[0-9a-f-]{36}$/);
    }
    const bare = appJob({ id: 'bare', version: 'v1', count: 1, tags: ['haproxy.domain=bare.io'] });
    await agent.submit(bare);
    await agent.waitRunning('bare', 1);
    expect((await explainWith(settings, 'bare.io')).reason).to.equal('not-enabled');
    await agent.stopJob('web');
    await until(async () => {
      await passes.run();
      return (await stack.request(host)).status === 404;
    }, long);
    passes.close();
    const gone = await explainWith(settings, host);
    expect(gone.text).to.match(/404: web claimed it until recently, but job web is stopped$/);
  });
});
