/** One stack that all runs share, with victims that must be served whatever is submitted. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { readdir, readFile } from 'node:fs/promises';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { promisify } from 'node:util';

import { expect } from 'chai';

import type { App } from '../../fixtures/apps/app.js';
import { freePort } from '../../fixtures/ports.js';
import { isConverged, type Passes } from '../../fixtures/stack/connector.js';
import { type Stack, startStack } from '../../fixtures/stack.js';
import type { Settings } from '../../src/config/types.js';
import { openPolicy } from '../../src/config/policy.js';
import type { Picture } from '../../src/pass/picture.js';
import { startProber, type Target } from '../model/prober.js';
import type { FuzzRun } from './arbitraries.js';
import { enter, removeAll, submit, victimNamespace } from './cluster.js';
import { operatorConfig, strangeLines } from './config.js';

/** A pass that takes longer hangs. */
const longestPassMs = 30_000;
const mostPasses = 6;

const targets: readonly Target[] = [
  { host: 'victim.test', path: '/' },
  { host: 'victim.test', path: '/deep/x' },
  { host: 'a.ward.test', path: '/' },
  { host: 'b.a.ward.test', path: '/operator' },
];

/** What the runs came to. */
export interface Figures {
  runs: number;
  services: number;
  refused: number;
  backends: number;
  longestPassMs: number;
  longestBlockMs: number;
  skipped: Record<string, number>;
}

export class FuzzWorld {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: 5 });

  private constructor(
    readonly stack: Stack,
    readonly base: string,
    readonly victims: readonly App[],
    readonly other: App,
    readonly passes: Passes,
  ) {}

  static async start(figures: Figures): Promise<FuzzWorld> {
    const ports = { tcp: await freePort(), other: await freePort() };
    const stack = await startStack({ haproxyConfig: operatorConfig(ports) });
    const victims = [await stack.app('victim-0'), await stack.app('victim-1')];
    const other = await stack.app('attacker');
    stack.serve('victim', victims, {
      namespace: victimNamespace,
      tags: ['victim.test', '*.ward.test'].map((one) => `haproxy.domain=${one}`).concat(enabled),
    });
    const base = await stack.configuration();
    const passes = stack.passes({ settings: changed });
    const world = new FuzzWorld(stack, base, victims, other, passes);
    await world.#settle(figures);
    await world.#checkVictims();
    return world;
  }

  async run({ jobs, entries }: FuzzRun, figures: Figures): Promise<void> {
    const { nomad } = this.stack;
    const prober = startProber(this.stack, targets);
    try {
      for (const job of jobs) {
        figures.services += job.services.length;
        if (!submit(nomad, job, this.other)) figures.refused += 1;
      }
      entries.forEach((entry, at) => enter(nomad, entry, at));
      const picture = await this.#settle(figures);
      const [, again] = [picture, await this.#pass(figures)];
      expect(again.reloads, 'reloads of a pass that had nothing to do').to.deep.equal([]);
      this.#count(picture, figures);
      await this.#check(picture);
      removeAll(nomad);
      const { rest } = await this.#settle(figures);
      await this.#checkNothingLeft(JSON.stringify(rest));
    } finally {
      for (const { host, path, answer } of await prober.stop()) {
        expect(this.#isVictims(answer), `${host}${path}: ${JSON.stringify(answer)}`).to.equal(true);
      }
    }
  }

  close(): Promise<void> {
    return this.stack.close();
  }

  async #settle(figures: Figures): Promise<Picture> {
    for (let left = mostPasses; ; left--) {
      const picture = await this.#pass(figures);
      if (isConverged(picture) || left === 0) return picture;
    }
  }

  async #pass(figures: Figures): Promise<Picture> {
    this.#delay.reset();
    this.#delay.enable();
    const began = performance.now();
    const picture = await this.passes.run(AbortSignal.timeout(longestPassMs));
    this.#delay.disable();
    figures.longestPassMs = Math.max(figures.longestPassMs, performance.now() - began);
    figures.longestBlockMs = Math.max(figures.longestBlockMs, this.#delay.max / 1e6);
    if (process.env['FUZZ_TRACE'] !== undefined) {
      console.log(`      run ${figures.runs}: ${(this.#delay.max / 1e6).toFixed(0)} ms blocked`);
    }
    return picture;
  }

  #count({ desired, rest }: Picture, figures: Figures): void {
    figures.runs += 1;
    figures.backends += desired.backends.length - 1;
    for (const { code } of rest.skipped) figures.skipped[code] = (figures.skipped[code] ?? 0) + 1;
  }

  async #check({ rest }: Picture): Promise<void> {
    const faults = rest.skipped.filter(({ code }) => ownFaults.has(code));
    none('services that ought to be planned', faults);
    none(
      'problems',
      rest.problems.filter(({ code }) => code === 'unstable-backend'),
    );
    await this.#checkFile();
    await this.#checkMaps();
    await this.#checkVictims();
  }

  async #checkFile(): Promise<void> {
    const { stack } = this;
    none('lines', strangeLines(await stack.configuration(), this.base));
    const { bin, files } = stack.dp.haproxy;
    await promisify(execFile)(bin, ['-c', '-q', '-f', files.config]);
    expect(await stack.openTransactions(), 'open transactions').to.deep.equal([]);
  }

  async #checkMaps(): Promise<void> {
    const { maps } = this.stack.dp.dirs;
    const config = await this.stack.configuration();
    for (const name of await readdir(maps)) {
      const lines = (await readFile(join(maps, name), 'utf8')).split('\n');
      for (const line of lines) {
        if (line === '' || line.startsWith('#')) continue;
        expect(line, name).to.match(/^[\x21-\x7e]+ [\x21-\x7e]+(?: [\x21-\x7e]+)?$/);
      }
    }
    expect(config).to.match(/^backend nomad_ward_victim /m);
  }

  async #checkVictims(): Promise<void> {
    for (const { host, path } of targets) {
      const answer = await this.stack.request(host, path);
      expect(this.#isVictims(answer), `${host}${path}: ${JSON.stringify(answer)}`).to.equal(true);
    }
  }

  #isVictims(answer: object): boolean {
    return 'status' in answer && answer.status === 200 && 'body' in answer
      ? this.victims.some(({ name }) => name === answer.body)
      : false;
  }

  async #checkNothingLeft(rest: string): Promise<void> {
    const text = await this.stack.configuration();
    none('lines', strangeLines(text, this.base));
    const left = [...text.matchAll(/^ *(?:backend|server) nomad_\S+/gm)].map(([line]) =>
      line.trim(),
    );
    const others = left.filter((line) => !/nomad_(ward_victim|_connector|_g\d)/.test(line));
    none(`left of jobs that are gone, after ${rest}`, others);
  }
}

/** Named in full, which chai doesn't. */
function none(what: string, found: readonly unknown[]): void {
  const all = found.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
  if (all.length > 0) throw new Error(`${what}:\n${all.join('\n')}`);
}

const enabled = ['haproxy.enable=true', 'haproxy.check.disabled=true'];

/** Refused by HAProxy, or never planned: what we let through, or stumbled over. */
const ownFaults = new Set(['plan-failed', 'rejected-by-haproxy']);

/** Nothing of one run is left to the next. */
function changed(all: Settings): Settings {
  return {
    ...all,
    haproxy: { ...all.haproxy, drainTimeoutMs: 0 },
    guard: { ...all.guard, maxRemovalPercent: 100, tracelessHoldMs: 0 },
    policy: { ...(all.policy ?? openPolicy), claimGraceMs: 0 },
  };
}
