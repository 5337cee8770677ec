/** One service beyond each limit, beside a victim that is asked all the while. `LIMITS_OUT`: the table. */

import { expect } from 'chai';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { App } from '../../fixtures/apps/app.js';
import { freePort } from '../../fixtures/ports.js';
import type { Started } from '../../fixtures/process.js';
import { type Stack, startStack } from '../../fixtures/stack.js';
import type { LimitName } from '../../src/desired/limit-names.js';
import { until } from './helpers.js';

const victim = 'victim.example.com';
const namespace = 'hostile';

interface Hostile {
  /** The job's ID. */
  readonly job?: string;
  readonly tags?: readonly string[];
  readonly instances?: number;
  /** Alike, each with tags of its own number. */
  readonly services?: number;
  readonly tagsOf?: (service: number) => readonly string[];
}

function list(count: number, of: (at: number) => string): readonly string[] {
  return Array.from({ length: count }, (_, at) => of(at));
}

const prefixed = (...tags: readonly string[]) => tags.map((tag) => `haproxy.${tag}`);

/** By the limit that the service exceeds. */
const cases: Readonly<Record<LimitName, Hostile>> = {
  name_bytes: { job: 'j'.repeat(20_000), tags: prefixed('domain=x.io') },
  tags_per_service: { tags: prefixed(...list(1100, (at) => `z${at}=x`)) },
  tag_bytes: { tags: prefixed(`domain=${'a'.repeat(5000)}`) },
  tags_bytes: { tags: prefixed(...list(200, (at) => `z${at}=${'x'.repeat(4000)}`)) },
  domains_per_service: { tags: prefixed(...list(700, (at) => `domain=d${at}.io`)) },
  paths_per_service: { tags: prefixed('domain=x.io', ...list(300, (at) => `path=/p${at}`)) },
  routes_per_service: {
    tags: prefixed(...list(60, (at) => `domain=d${at}.io`), ...list(60, (at) => `path=/p${at}`)),
  },
  regexes_per_service: {
    tags: prefixed('domain.type=regex', ...list(20, (at) => `domain=^a${at}[0-9]+$`)),
  },
  regexes_total: {
    services: 12,
    tagsOf: (service) =>
      prefixed('domain.type=regex', ...list(10, (at) => `domain=^s${service}-${at}[0-9]+$`)),
  },
  regex_steps: {
    services: 4,
    tagsOf: (service) =>
      prefixed(
        'domain.type=regex',
        ...list(9, (at) => `domain=^.*[a-z]*${'cdefghijk'[at]}x?[${service}y]`),
        ...list(1, (at) => `domain=.+[.]${at}${service}x[.]io`),
      ),
  },
  servers_per_backend: { tags: prefixed('domain=x.io'), instances: 60 },
  servers_total: {
    services: 3,
    instances: 40,
    tagsOf: (service) => prefixed(`domain=x${service}.io`),
  },
  check_interval: { tags: prefixed('domain=x.io', 'check.interval=1ms'), instances: 10 },
  object_bytes: { tags: list(1100, (at) => `${at}${'x'.repeat(4000)}`) },
};

interface Asked {
  readonly ms: readonly number[];
  readonly failed: number;
}

describe('one service beyond a limit', function () {
  this.timeout(120_000);
  let stack: Stack;
  let app: App;
  let program: Started;
  let metrics: string;

  before(async () => {
    stack = await startStack();
    lower();
    app = await stack.app('victim');
    stack.serve('victim', [app]);
    const port = await freePort();
    metrics = `http://127.0.0.1:${port}/metrics`;
    const args = ['--http-listen', `127.0.0.1:${port}`, '--allow-removals'];
    program = await stack.spawnConnector(args);
    await stack.waitServed(victim, [app]);
    const out = process.env['LIMITS_OUT'];
    if (out !== undefined) appendFileSync(out, `${stack.origin}\n`);
  });
  after(async () => {
    await stack?.close();
  });

  /** Limits of servers, so that no test needs thousands of them. */
  function lower(): void {
    const file = join(stack.dp.dirs.root, 'connector.json');
    const given = JSON.parse(readFileSync(file, 'utf8')) as object;
    const limits = { servers_per_backend: 50, servers_total: 60 };
    writeFileSync(file, JSON.stringify({ ...given, limits }));
  }

  async function gauge(name: string, label = ''): Promise<number> {
    const text = await (await fetch(metrics)).text();
    const start = `haproxy_nomad_connector_${name}${label} `;
    const line = text.split('\n').find((one) => one.startsWith(start));
    return Number(line?.slice(start.length) ?? 0);
  }

  /** One request after the other, until `done` and 200 times at least. */
  async function askWhile(done: () => Promise<unknown>): Promise<Asked> {
    const ms: number[] = [];
    let failed = 0;
    let open = true;
    const asking = (async () => {
      while (open || ms.length < 200) {
        const began = performance.now();
        const answer = await stack.request(victim).catch(() => undefined);
        ms.push(performance.now() - began);
        if (answer?.body !== 'victim') failed += 1;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    try {
      await done();
    } finally {
      open = false;
      await asking;
    }
    return { ms: ms.sort((a, b) => a - b), failed };
  }

  function submit({ job, tags = [], instances = 1, services = 1, tagsOf }: Hostile): void {
    for (let at = 0; at < services; at += 1) {
      stack.nomad.addService({
        name: `many-${at}`,
        namespace,
        tags: ['haproxy.enable=true', ...(tagsOf?.(at) ?? tags)],
        ...(job === undefined ? {} : { job: { ID: job } }),
        instances: Array.from({ length: instances }, () => ({
          address: app.address,
          port: app.port,
        })),
      });
    }
  }

  function record(what: string, before: Asked, during: Asked): void {
    const out = process.env['LIMITS_OUT'];
    if (out === undefined) return;
    const shown = ({ ms, failed }: Asked): string => {
      const at = (share: number) => (ms[Math.floor(share * (ms.length - 1))] ?? 0).toFixed(1);
      return `${at(0.5)} / ${at(0.99)} / ${at(1)} | ${failed} of ${ms.length}`;
    };
    appendFileSync(out, `| ${what} | ${shown(before)} | ${shown(during)} |\n`);
  }

  for (const [limit, hostile] of Object.entries(cases)) {
    it(`${limit}: its service is named, and nobody else's requests fail`, async () => {
      const exceeded = () => gauge('limit_exceeded', `{limit="${limit}"}`);
      const before = await askWhile(() => Promise.resolve());
      const during = await askWhile(async () => {
        submit(hostile);
        await until(async () => (await exceeded()) > 0, { timeoutMs: 45_000 });
      });
      const { stdout } = await stack.run(['--dry-run']);
      record(`\`limits.${limit}\``, before, during);
      for (let at = 0; at < (hostile.services ?? 1); at += 1) {
        stack.nomad.removeService(`many-${at}`, namespace);
      }
      await until(async () => (await exceeded()) === 0, { timeoutMs: 45_000 });
      // A slower check is a warning, which a dry run doesn't print.
      const said = limit === 'check_interval' ? program.output() : stdout;
      expect(said).to.match(/hostile\/many-\d/);
      expect(said).to.include(`limits.${limit}`);
      expect(program.running()).to.equal(true);
      expect([before.failed, during.failed]).to.deep.equal([0, 0]);
    });
  }

  it('check_interval: HAProxy asks no instance more often, whatever kind of check', async () => {
    const tags = [
      ['check.type=tcp', 'check.interval=2ms'],
      ['check.path=/', 'check.interval=10ms', 'check.timeout=1ms'],
      ['check.type=grpc', 'check.interval=499ms'],
    ];
    submit({
      services: tags.length,
      tagsOf: (at) => prefixed(`domain=c${at}.io`, ...(tags[at] ?? [])),
    });
    await until(async () => (await gauge('limit_exceeded', '{limit="check_interval"}')) > 0);
    const names = tags.map((_, at) => `nomad_${namespace}_many-${at}`);
    await until(async () => {
      const text = await stack.configuration();
      return names.every(
        (name) => text.includes(`backend ${name} `) || text.includes(`backend ${name}\n`),
      );
    });
    const sections = (await stack.configuration()).split(/^(?=\S)/m);
    for (const name of names) {
      const section = sections.find((one) => one.split(/\s/)[1] === name) ?? '';
      const intervals = [
        ...section.matchAll(/\b(?:inter|fastinter|downinter) (\d+)(?:ms)?(?=\s)/g),
      ];
      expect(
        intervals.map(([, text]) => text),
        section,
      ).to.include('500');
      for (const [, text] of intervals) expect(Number(text), section).to.be.at.least(500);
    }
    for (const at of tags.keys()) stack.nomad.removeService(`many-${at}`, namespace);
    await until(async () => (await gauge('limit_exceeded', '{limit="check_interval"}')) === 0);
  });

  const structural: Readonly<Record<string, (at: number) => readonly string[]>> = {
    'of sections': (at) => [`domain=r${at}.io`, `maxconn=${at + 1}`],
    'of expressions in a map': (at) => ['domain.type=regex', `domain=^r${at}[0-9]+$`],
  };
  for (const [what, tagsOf] of Object.entries(structural)) {
    it(`reload_interval: 20 structural changes share reloads: ${what}`, async () => {
      const all = async (): Promise<number> => {
        const text = await (await fetch(metrics)).text();
        const lines = text.match(/^haproxy_nomad_connector_reloads_total\{.*\} \d+$/gm) ?? [];
        return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
      };
      const before = await askWhile(() => Promise.resolve());
      const reloads = await all();
      const during = await askWhile(async () => {
        for (let at = 0; at < 20; at += 1) {
          submit({ tags: prefixed(...tagsOf(at)) });
          await new Promise((resolve) => setTimeout(resolve, 100));
          stack.nomad.removeService('many-0', namespace);
        }
      });
      record(`\`limits.reload_interval\` ${what}`, before, during);
      expect((await all()) - reloads).to.be.below(20);
      expect([before.failed, during.failed]).to.deep.equal([0, 0]);
    });
  }
});
