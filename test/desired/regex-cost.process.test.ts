import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';
import fc from 'fast-check';

import { findHaproxy, type HaproxySeries } from '../../fixtures/haproxy/find.js';
import { freePort } from '../../fixtures/ports.js';
import { waitFor } from '../../fixtures/process.js';
import { isSafeRegex, regexSteps } from '../../src/desired/regex.js';
import { planRouting } from '../../src/diff/plan/routes.js';
import { hostAndPathRegex } from '../../src/diff/plan/path-regex.js';
import { hostSample, pathSample, pathVariable } from '../../src/haproxy/expressions.js';
import { switchingRule } from '../../src/haproxy/lookup-rules.js';
import type { DesiredRoute } from '../../src/desired/types.js';
import { type JsonObject, textAt } from '../../src/shared/json.js';
import { settings } from './given.js';

const { regexesTotal, regexSteps: stepsTotal } = settings.limits;
const longest = 253;
/** More than HAProxy may spend on one request: milliseconds of its CPU time. */
const mostMs = 10;

const letter = fc.constantFrom('a', 'b', '-', '\\.');
const single = fc.oneof(letter, fc.constantFrom('.', '[ab]', '[^b]', '[a-z0-9-]', '\\w'));
const quantifier = fc.constantFrom('*', '+', '?', '*?', '{0,99}', '{9}', '{1,}');
const item = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(single, quantifier).map((parts) => parts.join('')) },
  { weight: 3, arbitrary: fc.array(letter, { maxLength: 9 }).map((parts) => parts.join('')) },
  { weight: 2, arbitrary: fc.constantFrom('(a|ab)', '(?:a|a|a)', '(a+b)+', '(?:ab?)', '(aa)*') },
);
const pattern = fc
  .tuple(fc.constantFrom('', '', '^', '.*', '^.*'), fc.array(item, { minLength: 1, maxLength: 7 }))
  .map(([start, parts]) => start + parts.join(''))
  .filter(isSafeRegex);

/** What costs most per step, of all that was tried by hand. */
const worstKnown = Array.from(
  { length: 20 },
  (_, at) => `[${'cdefghijklmnopqrstuv'[at]}xy]`,
).flatMap((end) => [
  `^.*.*${end}`,
  `^a+a+${end}`,
  `^${'a?'.repeat(15)}${end}`,
  `^${'(?:a|a)'.repeat(15)}${end}`,
]);

/** The most expensive of many, up to the limits, that no short host matches. */
function costly(seed: number): readonly string[] {
  // A class at the end: PCRE2 looks for a character that must occur before it begins.
  const ends = ['', 'b', '[xy]', '[xy]$'];
  const some = fc.sample(pattern, { seed, numRuns: 4000 });
  const all = [...new Set(some.map((text, at) => `${text}${ends[at % ends.length]}`))];
  const sorted = (seed === 0 ? worstKnown : all)
    .filter(isSafeRegex)
    .sort((a, b) => regexSteps(b) - regexSteps(a));
  let left = stepsTotal;
  return sorted
    .filter((text) => {
      const fits = regexSteps(text) <= left;
      if (fits) left -= regexSteps(text);
      return fits;
    })
    .slice(0, regexesTotal);
}

describe('the cost of regular expressions', function () {
  this.timeout(60_000);
  let dir: string;
  let child: ChildProcess | undefined;
  let port: number;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hnc-regex-'));
    port = await freePort();
  });
  afterEach(async () => {
    child?.kill('SIGKILL');
    await rm(dir, { recursive: true, force: true });
  });

  async function serve(patterns: readonly string[], sample: string): Promise<void> {
    const map = join(dir, 'regex.map');
    await writeFile(map, patterns.map((text) => `${text} b\n`).join(''));
    await start({ acls: [], rules: [switchingRule(`${sample},map_reg(${map})`, true)] });
  }

  /** As in rules mode: an ACL and a rule for each, in the order of the plan. */
  async function serveRules(patterns: readonly string[], path?: string): Promise<void> {
    const routes = patterns.map((host): DesiredRoute => {
      const place = {
        mode: 'http',
        frontends: ['http_front'],
        backend: 'b',
        service: 'a/b',
      } as const;
      return { match: 'regex', host, ...(path === undefined ? {} : { path }), ...place };
    });
    const inRules = { ...settings, routing: { ...settings.routing, mode: 'rules' } } as const;
    const { frontends } = planRouting(routes, { maps: {}, frontends: {} }, inRules);
    const { acls = [], rules = [] } = frontends['http_front'] ?? {};
    expect(rules).to.have.length(patterns.length);
    await start({ acls, rules });
  }

  async function start(lists: Lists): Promise<void> {
    const config = join(dir, 'haproxy.cfg');
    await writeFile(config, configuration(port, lists));
    const { bin } = await findHaproxy(process.env['HAPROXY_SERIES'] as HaproxySeries | undefined);
    child = spawn(bin, ['-db', '-f', config], { stdio: 'ignore' });
    await waitFor('HAProxy', () =>
      ask('x')
        .then(() => true)
        .catch(() => undefined),
    );
  }

  function ask(host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path: '/p', headers: { host }, agent: false };
      get(options, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
      }).on('error', reject);
    });
  }

  /** Of its CPU, without its cache of lookups, so that a busy machine makes no difference. */
  async function cpuMs(): Promise<number> {
    const [ns = '0'] = (await readFile(`/proc/${child?.pid}/schedstat`, 'utf8')).split(' ');
    return Number(ns) / 1e6;
  }

  async function cost(host: string): Promise<number> {
    const before = await cpuMs();
    await ask(host);
    return (await cpuMs()) - before;
  }

  /** Grows hosts that cost more and more. */
  async function search(seed: number): Promise<{ host: string; ms: number }> {
    let best = { host: '', ms: 0 };
    const seeds = ['a', 'b', 'ab', 'aab', '-', 'a.', '.', 'a-', 'ba', 'aaaaaaab'];
    const hosts = seeds.map((text) => text.repeat(longest).slice(0, longest - 1) + 'z');
    const changes = fc.sample(
      fc.tuple(fc.nat(longest), fc.nat(longest), fc.constantFrom('a', 'b', '-', '.', 'ab')),
      { seed, numRuns: 150 },
    );
    for (const host of hosts) {
      const ms = await cost(host);
      if (ms > best.ms) best = { host, ms };
    }
    for (const [from, length, text] of changes) {
      const middle = text.repeat(longest).slice(0, length);
      const host = (best.host.slice(0, from) + middle + best.host.slice(from + length)).slice(
        0,
        253,
      );
      const ms = await cost(host);
      if (ms > best.ms) best = { host, ms: Math.min(ms, await cost(host)) };
    }
    return best;
  }

  for (const seed of [0, 1, 2, 3]) {
    it(`is bounded for the worst that the limits allow, whatever the host: search ${seed}`, async () => {
      const patterns = costly(seed);
      expect(patterns.length).to.be.at.least(2);
      await serve(patterns, hostSample);
      const { host, ms } = await search(seed);
      if (process.env['REGEX_COST'] !== undefined) {
        const steps = patterns.reduce((sum, text) => sum + regexSteps(text), 0);
        console.log(
          ms.toFixed(2),
          'ms',
          patterns.length,
          steps,
          patterns.slice(0, 3),
          host.slice(0, 40),
        );
      }
      expect(ms, host).to.be.lessThan(mostMs);
    });
  }

  it('is bounded with paths too', async () => {
    const patterns = costly(4).map((text) => hostAndPathRegex(text, '/p'));
    await serve(patterns, `${hostSample},concat(,txn.${pathVariable})`);
    const { host, ms } = await search(4);
    if (process.env['REGEX_COST'] !== undefined) console.log(ms.toFixed(2), 'ms with paths');
    expect(ms, host).to.be.lessThan(mostMs);
  });

  for (const seed of [0, 5]) {
    it(`is bounded in rules mode: search ${seed}`, async () => {
      await serveRules(costly(seed));
      const { host, ms } = await search(seed);
      if (process.env['REGEX_COST'] !== undefined) console.log(ms.toFixed(2), 'ms in rules mode');
      expect(ms, host).to.be.lessThan(mostMs);
    });
  }

  it('is bounded in rules mode with paths too', async () => {
    await serveRules(costly(0), '/p');
    const { host, ms } = await search(0);
    if (process.env['REGEX_COST'] !== undefined) console.log(ms.toFixed(2), 'ms, rules and paths');
    expect(ms, host).to.be.lessThan(mostMs);
  });

  for (const [mode, begin] of [
    ['map', () => serve(costly(1), hostSample)],
    ['rules', () => serveRules(costly(1))],
  ] as const) {
    it(`is nothing for hosts that are longer, also as a list, in mode ${mode}`, async () => {
      await begin();
      for (const host of [
        'a'.repeat(4000),
        `a,${'a'.repeat(4000)}`,
        `${'a'.repeat(200)},`.repeat(19),
      ]) {
        expect(await cost(host), host.slice(0, 10)).to.be.lessThan(2);
      }
    });
  }
});

interface Lists {
  readonly acls: readonly JsonObject[];
  readonly rules: readonly JsonObject[];
}

function configuration(port: number, { acls, rules }: Lists): string {
  const lines = [
    ...acls.map(
      (acl) =>
        `  acl ${['acl_name', 'criterion', 'value'].map((key) => textAt(acl, key)).join(' ')}`,
    ),
    ...rules.map((rule) => `  use_backend ${textAt(rule, 'name')} if ${textAt(rule, 'cond_test')}`),
  ];
  return `global
  nbthread 1
  tune.pattern.cache-size 0
defaults
  mode http
  timeout connect 1s
  timeout client 9s
  timeout server 9s
frontend f
  bind 127.0.0.1:${port}
  http-request set-var(txn.${pathVariable}) ${pathSample}
${lines.join('\n')}
  default_backend d
backend b
  http-request return status 201
backend d
  http-request return status 404
`;
}
