/** Three tenants of a real Nomad with ACLs, each with a token of its own, in strict mode. */

import { expect } from 'chai';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Dirs } from '../../fixtures/dataplane/config.js';
import { globalSection, webDefaults } from '../../fixtures/dataplane/config.js';
import { appJob } from '../../fixtures/nomad/app-job.js';
import { nomadBin } from '../../fixtures/nomad/real.js';
import type { JobSpec, ServiceSpec } from '../../fixtures/nomad/types.js';
import { type Stack, startStack } from '../../fixtures/stack.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import { openPolicy } from '../../src/config/policy.js';
import { until } from './helpers.js';

const host = 'shop.acme.example';

const policy = {
  mode: 'strict',
  reserved_domains: ['login.example.com'],
  protected_frontends: ['admin_front'],
  namespaces: {
    shop: {
      domains: [host],
      grants: [{ host, path: '/cart', to: 'mallory' }],
    },
    mallory: { domains: ['mallory.example.com', '*.mallory.example.com'] },
    // May use every host that nobody else has.
    agency: { domains: ['*'], features: ['prefix', 'regex', 'hostless', 'check'] },
  },
} as const;

const haproxyConfig = (dirs: Dirs, port: number): string => `${globalSection(dirs)}
${webDefaults}frontend http_front from web
  bind 127.0.0.1:${port} name public
  option idle-close-on-response
  default_backend operator_default
frontend admin_front from web
  bind unix@${dirs.root}/admin.sock name admin
frontend other_front from web
  bind unix@${dirs.root}/other.sock name other
frontend db_front from web
  mode tcp
  bind unix@${dirs.root}/db.sock name db
backend operator_default from web
  http-request return status 404 content-type text/plain string "operator default"
backend operator_pool from web
  server own 127.0.0.1:9 weight 1
backend nomad_mallory_legacy from web
  server own 127.0.0.1:9 weight 1
`;

interface Attempt {
  readonly name: string;
  readonly tags?: readonly string[];
  /** What the operator reads about it. */
  readonly reason: RegExp;
  readonly more?: Omit<ServiceSpec, 'Name'>;
  /** The job asks for no instances. */
  readonly empty?: true;
}

/** Which mallory may have. */
const own = 'domain=own.mallory.example.com';
const notListed = /policy\.namespaces\.mallory\.domains does not list it/;
const without = (feature: string): RegExp =>
  new RegExp(`policy\\.namespaces\\.mallory\\.features does not list ${feature}`);
const notJoined = /policy\.namespaces\.mallory\.backends does not list/;
const joins = ['backend=custom', 'backend.name=operator_pool', own];

/** A port of this machine as the address of a service. */
const at = (port: string, address = '127.0.0.1'): Omit<ServiceSpec, 'Name'> => ({
  Address: address,
  PortLabel: port,
});

function attemptsOfMallory(nomad: string, dataPlane: string): readonly Attempt[] {
  const tcpCheck = { Type: 'tcp', PortLabel: nomad, Interval: 1e9, Timeout: 1e9 };
  return [
    { name: 'exact', tags: [`domain=${host}`], reason: notListed },
    { name: 'path', tags: [`domain=${host}`, 'path=/login'], reason: notListed },
    { name: 'near-grant', tags: [`domain=${host}`, 'path=/cartoon'], reason: notListed },
    { name: 'above-grant', tags: [`domain=${host}`, 'path=/car'], reason: notListed },
    { name: 'wildcard', tags: ['domain=*.acme.example'], reason: notListed },
    { name: 'prefix', tags: ['domain.type=prefix', 'domain=shop.'], reason: without('prefix') },
    { name: 'regex', tags: ['domain.type=regex', 'domain=^shop'], reason: without('regex') },
    { name: 'hostless', tags: ['path=/login'], reason: without('hostless') },
    { name: 'protected', tags: ['frontend=admin_front', own], reason: /protected_frontends lists/ },
    { name: 'foreign', tags: ['frontend=other_front', own], reason: /frontends does not list/ },
    {
      name: 'both',
      tags: ['frontend=http_front', 'frontend=other_front', own],
      reason: /other_front/,
    },
    { name: 'pool', tags: [...joins, 'weight=256'], reason: notJoined },
    { name: 'pool0', tags: [...joins, 'weight=256'], reason: notJoined, empty: true },
    { name: 'legacy', tags: ['backend.strategy=use_existing', own], reason: notJoined },
    { name: 'loopback', tags: [own], more: at('http', '127.0.0.2'), reason: /the loopback of/ },
    { name: 'metadata', tags: [own], more: at('http', '169.254.169.254'), reason: /link-local/ },
    { name: 'mapped', tags: [own], more: at('http', '::ffff:169.254.1.1'), reason: /link-local/ },
    {
      name: 'elsewhere',
      tags: [own],
      more: at('http', '10.9.8.7'),
      reason: /not an address of its/,
    },
    { name: 'haproxy', tags: [own], more: at(dataPlane), reason: /is the Data Plane API/ },
    { name: 'nomad', tags: [own], more: at(nomad), reason: /is Nomad's API/ },
    { name: 'tcp', tags: ['mode=tcp', 'frontend=http_front', own], reason: without('tcp') },
    { name: 'sni', tags: ['mode=tcp', 'frontend=db_front', `domain=${host}`], reason: /db_front/ },
    { name: 'method', tags: ['check.method=DELETE', own], reason: /not DELETE/ },
    { name: 'check-path', tags: ['check.path=/v1/jobs', own], reason: without('check') },
    { name: 'check-port', tags: [`check.port=${nomad}`, own], reason: /is Nomad's API/ },
    { name: 'spec-check', tags: [own], more: { Checks: [tcpCheck] }, reason: /is Nomad's API/ },
    { name: 'reserved', tags: ['domain=login.example.com'], reason: /reserved_domains lists/ },
  ];
}

const theirs = /belongs to shop\/web/;
const reserved = /reserved_domains lists login\.example\.com/;

/** With every host listed, only claims and reserved hosts are in the way. */
const attemptsOfAgency: readonly Attempt[] = [
  { name: 'exact', tags: [`domain=${host}`], reason: theirs },
  { name: 'path', tags: [`domain=${host}`, 'path=/login'], reason: theirs },
  { name: 'granted', tags: [`domain=${host}`, 'path=/cart'], reason: theirs },
  { name: 'case', tags: ['domain=SHOP.Acme.example'], reason: theirs },
  { name: 'reserved', tags: ['domain=login.example.com', 'path=/x'], reason: reserved },
  { name: 'wildcard', tags: ['domain=*.example.com'], reason: reserved },
  { name: 'prefix', tags: ['domain.type=prefix', 'domain=log'], reason: reserved },
  { name: 'regex', tags: ['domain.type=regex', 'domain=^(shop|login)[.].+$'], reason: reserved },
  { name: 'hostless', tags: ['path=/login'], reason: reserved },
  { name: 'tcp', tags: ['mode=tcp', 'frontend=db_front'], reason: /frontends does not list/ },
  { name: 'method', tags: ['check.method=POST', 'domain=a.example.org'], reason: /not POST/ },
];

/** One group of one task, with all these services. */
function jobOf(
  namespace: string,
  id: string,
  services: readonly ServiceSpec[],
  count = 1,
): JobSpec {
  const job = appJob({ id, namespace, version: namespace, count });
  const groups = job.TaskGroups.map((group) => ({ ...group, Services: services }));
  return { ...job, TaskGroups: groups };
}

function serviceOf(attempt: Pick<Attempt, 'name' | 'tags' | 'more'>): ServiceSpec {
  const { name, tags = [], more } = attempt;
  const all = ['enable=true', ...tags].map((tag) => `haproxy.${tag}`);
  return { Name: name, Provider: 'nomad', PortLabel: 'http', Tags: all, ...more };
}

describe('three tenants of a real Nomad, in strict mode', function () {
  this.timeout(240_000);
  let stack: Stack;
  let connector: Connector;
  let attempts: { readonly mallory: readonly Attempt[]; readonly agency: readonly Attempt[] };
  const tokens = new Map<string, string>();
  const long = { timeoutMs: 90_000 };

  before(async function () {
    if (nomadBin() === undefined) {
      process.stderr.write('SKIPPED: tenants of a real Nomad, because NOMAD_BIN is not set\n');
      this.skip();
    }
    stack = await startStack({ nomad: 'real', acl: true, haproxyConfig });
    for (const name of Object.keys(policy.namespaces)) {
      await stack.agent.createNamespace(name);
      const rules = `namespace "${name}" { policy = "write" }`;
      tokens.set(name, await stack.agent.mintToken(name, rules));
    }
    const port = (url: string): string => new URL(url).port;
    const mallory = attemptsOfMallory(port(stack.nomadUrl), port(stack.proxy.url));
    attempts = { mallory, agency: attemptsOfAgency };
    connector = stack.connector({ settings: (given) => ({ ...given, policy: usePolicy() }) });
  });
  after(async () => {
    await stack?.close();
  });

  /** In a file of its own, for this process and for the program. */
  function usePolicy() {
    const file = join(stack.dp.dirs.root, 'policy.json');
    writeFileSync(file, JSON.stringify(policy));
    const config = join(stack.dp.dirs.root, 'connector.json');
    const given = JSON.parse(readFileSync(config, 'utf8')) as object;
    writeFileSync(config, JSON.stringify({ ...given, policy: { file } }));
    return { ...openPolicy, file };
  }

  const submit = (job: JobSpec, as = job.Namespace ?? ''): Promise<unknown> =>
    stack.agent.submit(job, tokens.get(as));
  const answer = async (path?: string, name = host): Promise<string> => {
    const { status, body } = await stack.request(name, path);
    return status === 200 ? body : String(status);
  };
  const submitOwners = () =>
    submit(jobOf('shop', 'web', [serviceOf({ name: 'web', tags: [`domain=${host}`] })]));

  async function submitAttempts(): Promise<void> {
    const honest = [
      { name: 'honest', tags: ['domain=mallory.example.com'] },
      { name: 'cart', tags: [`domain=${host}`, 'path=/cart'] },
    ].map(serviceOf);
    const { mallory, agency } = attempts;
    const running = mallory.filter(({ empty }) => empty !== true).map(serviceOf);
    const empty = mallory.filter((one) => one.empty).map(serviceOf);
    await submit(jobOf('mallory', 'all', [...honest, ...running]));
    await submit(jobOf('mallory', 'none', empty, 0));
    await submit(jobOf('agency', 'all', agency.map(serviceOf)));
  }

  /** What answers for the owner's host until `done` is called. */
  function watch(): () => Promise<readonly string[]> {
    const seen = new Set<string>();
    let going = true;
    const asking = (async () => {
      while (going) for (const path of ['/', '/login']) seen.add(await answer(path));
    })();
    return async () => {
      going = false;
      await asking;
      return [...seen].sort();
    };
  }

  it('a token is good for its own namespace only', async () => {
    const refusal = await submit(jobOf('shop', 'web', []), 'mallory').catch(String);
    expect(refusal).to.match(/403/);
  });

  it("the owner's host stays the owner's, and each attempt is refused by name", async () => {
    await submitOwners();
    await until(async () => (await answer()) === 'shop', long);
    await connector.waitSettled();
    const done = watch();
    await submitAttempts();
    await until(async () => (await answer('/', 'mallory.example.com')) === 'mallory', long);
    await connector.waitSettled();
    const { stdout } = await stack.run(['--dry-run']);
    expect(await done()).to.deep.equal(['shop']);
    const told = stdout.split('\n').filter((line) => line.includes(' skipped: '));
    for (const [namespace, all] of Object.entries(attempts)) {
      for (const { name, reason } of all) {
        const line = told.find((one) => one.includes(`service ${namespace}/${name} skipped: `));
        expect(line, `${namespace}/${name}`).to.match(reason);
      }
    }
    expect(told).to.have.length(attempts.mallory.length + attempts.agency.length);
  });

  it('a granted path works, with what is below it', async () => {
    expect(await answer('/cart')).to.equal('mallory');
    expect(await answer('/cart/1')).to.equal('mallory');
    expect(await answer('/cartoon')).to.equal('shop');
  });

  it("the operator's backends and frontends are as they were", async () => {
    for (const name of ['operator_pool', 'nomad_mallory_legacy']) {
      const servers = await stack.loadedServers(name);
      expect(servers.map((one) => one.name)).to.deep.equal(['own']);
    }
    const sections = (await stack.configuration()).split(/^(?=\S)/m);
    for (const name of ['admin_front', 'other_front', 'db_front']) {
      const section = sections.find((one) => one.startsWith(`frontend ${name}`));
      expect(section, name).not.to.match(/use_backend|default_backend|acl /);
    }
  });

  it('a purge and a new run give nobody else the host', async () => {
    const done = watch();
    await stack.agent.stopJob({ ID: 'web', Namespace: 'shop' }, { purge: true });
    await until(async () => (await answer()) !== 'shop', long);
    await submit(jobOf('agency', 'again', attempts.agency.slice(0, 2).map(serviceOf)));
    await stack.agent.waitRunning({ ID: 'again', Namespace: 'agency' });
    const { rest } = await connector.waitConverged();
    const exact = rest.skipped.find(({ service }) => service === 'agency/exact');
    expect(exact?.reason).to.match(/belongs to namespace shop/);
    await submitOwners();
    await until(async () => (await answer()) === 'shop', long);
    await connector.waitSettled();
    const seen = await done();
    expect(seen.filter((one) => one !== 'shop' && !/^[45]/.test(one))).to.deep.equal([]);
  });
});
