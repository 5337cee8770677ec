import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';

import { expect } from 'chai';

import { waitFor } from '../../fixtures/process.js';
import type { SyncSettings } from '../../src/config/types.js';
import { createController } from '../../src/loop/controller.js';
import type { WakeSource } from '../../src/loop/wake-sources.js';
import { asConnectorError, ConnectorError } from '../../src/shared/errors.js';
import type { Occasion } from '../../src/pass/occasion.js';
import type { Picture } from '../../src/pass/picture.js';
import { type Failure, nomadSide, type Outcome, type Side } from '../../src/pass/run.js';
import { settings } from '../desired/given.js';
import { heldRemoval, nothing, picture, something, times } from '../pass/given-picture.js';

const quick: SyncSettings = {
  ...settings.sync,
  debounceMs: 1,
  debounceMaxMs: 5,
  backoffMinMs: 1,
  backoffMaxMs: 5,
};

interface RunningPass {
  readonly signal: AbortSignal;
  readonly isDue: (side: Side) => boolean;
  readonly occasion: Occasion;
  readonly end: (picture?: Picture) => void;
  readonly fail: (error: unknown, side?: Side) => void;
  readonly endAs: (outcomes: readonly Outcome[]) => void;
}

interface Given {
  readonly sync?: Partial<SyncSettings>;
  readonly graceMs?: number;
  readonly targets?: readonly string[];
}

function failure(side: Side, error: unknown): Failure {
  return { side, error: asConnectorError(error), times };
}

/** A controller whose passes the test ends. */
function controlled({ sync, graceMs, targets = ['default'] }: Given = {}) {
  const passes: RunningPass[] = [];
  const wakes: WakeSource[] = [];
  const results: Picture[] = [];
  const failures: ConnectorError[] = [];
  const waits: { readonly side: Side; readonly ms: number }[] = [];
  const busy = { now: 0, most: 0 };
  const controller = createController({
    targets,
    settings: { ...quick, ...sync },
    pass: (isDue, signal, occasion) => {
      busy.most = Math.max(busy.most, ++busy.now);
      return new Promise<readonly Outcome[]>((resolve) => {
        passes.push({
          ...{ isDue, signal, occasion },
          end: (one = picture()) => resolve([{ side: one.target, picture: one }]),
          fail: (error, side = 'default') => resolve([failure(side, error)]),
          endAs: resolve,
        });
      }).finally(() => busy.now--);
    },
    onWake: (source) => wakes.push(source),
    onSuccess: (one) => results.push(one),
    onFailure: ({ side, error }, ms) => {
      failures.push(error);
      waits.push({ side, ms });
    },
    ...(graceMs === undefined ? {} : { graceMs }),
  });
  const stop = new AbortController();
  /** The pass of that number, from 1, once it runs. */
  const pass = (number: number): Promise<RunningPass> =>
    waitFor(`pass ${number}`, () => passes[number - 1], { intervalMs: 1 });
  return { controller, stop, pass, passes, wakes, results, failures, waits, busy };
}

async function several(turns: number): Promise<void> {
  for (let left = turns; left > 0; left--) await turn();
}

describe('the controller', () => {
  const running: { stop: AbortController; passes: RunningPass[]; ended: Promise<void> }[] = [];

  function start(given: Given = {}) {
    const one = controlled(given);
    const ended = one.controller.run(one.stop.signal);
    running.push({ ...one, ended });
    return { ...one, ended };
  }

  afterEach(async () => {
    for (const { stop, passes, ended } of running.splice(0)) {
      stop.abort();
      for (const { end } of passes) end();
      await ended;
    }
  });

  it('makes its first pass at once, whatever the debounce', async () => {
    const { pass, wakes } = start({ sync: { debounceMs: 600_000, debounceMaxMs: 600_000 } });
    await pass(1);
    expect(wakes).to.deep.equal(['start']);
  });

  it('makes one more pass for however many wakes during one', async () => {
    const { controller, pass, passes, results, busy } = start();
    const first = await pass(1);
    for (let burst = 0; burst < 5; burst++) {
      for (let wake = 0; wake < 100; wake++) controller.wake('stream');
      await delay(5);
    }
    expect(passes).to.have.length(1);
    first.end();
    (await pass(2)).end();
    await waitFor('the second result', () => results.length === 2, { intervalMs: 1 });
    await several(10);
    expect(passes).to.have.length(2);
    expect(busy.most).to.equal(1);
  });

  it('makes a pass although wakes never cease', async () => {
    const { controller, pass, results } = start({
      sync: { debounceMs: 600_000, debounceMaxMs: 20 },
    });
    (await pass(1)).end();
    await waitFor('the first result', () => results.length === 1, { intervalMs: 1 });
    const wakes = setInterval(() => controller.wake('stream'), 1);
    await pass(2).finally(() => clearInterval(wakes));
  });

  describe('after a quiet time', () => {
    const patient = { sync: { debounceMs: 600_000, debounceMaxMs: 600_000 } };
    const brief = { sync: { debounceMs: 20, debounceMaxMs: 20 } };

    /** The first pass is over, and so is the debounce after it. */
    async function rested(given: Given) {
      const one = start(given);
      (await one.pass(1)).end();
      await waitFor('the first result', () => one.results.length === 1, { intervalMs: 1 });
      await delay(2 * brief.sync.debounceMs);
      return one;
    }

    it('makes a pass at once, and one more for all that follow', async () => {
      const { controller, passes, pass } = await rested(brief);
      controller.wake('stream');
      expect(passes).to.have.length(2);
      for (let more = 0; more < 10; more++) controller.wake('stream');
      passes[1]?.end();
      (await pass(3)).end();
      await delay(2 * brief.sync.debounceMs);
      expect(passes).to.have.length(3);
    });

    it('says that the first pass has to gather, and that those that follow have not', async () => {
      for (const source of ['stream', 'blocking', 'route-file', 'policy-file'] as const) {
        const { controller, pass } = await rested(brief);
        const before = Date.now();
        controller.wake(source);
        controller.wake(source);
        const first = await pass(2);
        const until = first.occasion.gatherUntil;
        expect(until, source).to.be.within(before + 20, Date.now() + 20);
        first.end();
        expect((await pass(3)).occasion.gatherUntil, source).to.equal(undefined);
      }
    });

    it('gathers nothing in a pass that begins after the debounce, as behind a long one', async () => {
      const { controller, passes, pass } = await rested(brief);
      controller.wake('timer');
      await pass(2);
      await delay(2 * brief.sync.debounceMs);
      controller.wake('stream');
      await delay(2 * brief.sync.debounceMs);
      passes[1]?.end();
      expect((await pass(3)).occasion).to.deep.equal({ nomadChanged: true });
    });

    it('gathers nothing for a timer, a retry or HAProxy itself', async () => {
      for (const source of ['timer', 'retry', 'recheck', 'haproxy'] as const) {
        const { controller, pass } = await rested(brief);
        controller.wake(source);
        expect((await pass(2)).occasion, source).to.deep.equal({ nomadChanged: false });
      }
    });

    it('says once that Nomad changed, however it is woken besides', async () => {
      const { controller, pass } = await rested(brief);
      controller.wake('timer');
      const second = await pass(2);
      controller.wake('blocking');
      controller.wake('timer');
      second.end();
      const third = await pass(3);
      expect(third.occasion).to.deep.equal({ nomadChanged: true });
      controller.wake('recheck');
      third.end();
      expect((await pass(4)).occasion).to.deep.equal({ nomadChanged: false });
    });

    it('does not gather in a pass that was queued for more than the first wake', async () => {
      const { controller, pass } = await rested(brief);
      controller.wake('timer');
      const second = await pass(2);
      controller.wake('recheck');
      await delay(2 * brief.sync.debounceMs);
      // The queued pass may reload, and this must not put that off.
      controller.wake('stream');
      second.end();
      expect((await pass(3)).occasion).to.deep.equal({ nomadChanged: true });
    });

    it('waits for the debounce where it was not quiet', async () => {
      const { controller, pass, passes, results } = start(patient);
      (await pass(1)).end();
      await waitFor('the first result', () => results.length === 1, { intervalMs: 1 });
      controller.wake('stream');
      await delay(20);
      expect(passes).to.have.length(1);
    });

    it('looks again as soon as what was gathered may be reloaded', async () => {
      const gathering = { afterMs: 1 };
      const { pass, wakes } = start({ sync: { debounceMs: 0 } });
      (await pass(1)).end(picture({ rest: { ...something, gathering } }));
      await pass(2);
      expect(wakes).to.deep.equal(['start', 'recheck']);
    });
  });

  it('makes a pass every so often without being asked', async () => {
    const { pass, wakes } = start({ sync: { resyncIntervalMs: 5 } });
    (await pass(1)).end();
    await pass(2);
    expect(wakes).to.include('timer');
  });

  it('tells of a failure, and tries again by itself', async () => {
    const { pass, wakes, failures, results } = start();
    (await pass(1)).fail(new ConnectorError('haproxy-down', 'no answer'));
    (await pass(2)).fail(new Error('what nobody foresaw'));
    (await pass(3)).end();
    await waitFor('a result', () => results.length === 1, { intervalMs: 1 });
    expect(failures.map(({ code }) => code)).to.deep.equal(['haproxy-down', 'internal']);
    expect(wakes).to.deep.equal(['start', 'retry', 'retry']);
  });

  it('says since when a pass runs', async () => {
    const before = Date.now();
    const { controller, pass, results, failures } = start({
      sync: { backoffMinMs: 600_000, backoffMaxMs: 600_000 },
    });
    expect(controlled().controller.busySince).to.equal(undefined);
    const first = await pass(1);
    expect(controller.busySince).to.be.within(before, Date.now());
    first.end();
    await waitFor('a result', () => results.length === 1, { intervalMs: 1 });
    expect(controller.busySince).to.equal(undefined);
    controller.wake('timer');
    (await pass(2)).fail(new Error('no'));
    await waitFor('a failure', () => failures.length === 1, { intervalMs: 1 });
    await turn();
    expect(controller.busySince).to.equal(undefined);
  });

  it('looks again where something is held, moves, waits or is left, and not elsewhere', async () => {
    const cases = [
      { ...nothing, held: heldRemoval },
      { ...nothing, inMotion: true },
      { ...nothing, waiting: ['nomad_web_1'] },
      something,
    ].map((rest) => ({ rest, ...start() }));
    const quiet = [nothing, { ...nothing, held: { ...heldRemoval, releasable: false } }].map(
      (rest) => ({ rest, ...start() }),
    );
    for (const { pass, rest } of [...quiet, ...cases]) (await pass(1)).end(picture({ rest }));
    for (const { pass, wakes } of cases) {
      await pass(2);
      expect(wakes).to.deep.equal(['start', 'recheck']);
    }
    for (const { wakes } of quiet) expect(wakes).to.deep.equal(['start']);
  });

  it('takes no second look for one that a pass under way has taken', async () => {
    const { controller, pass, passes, wakes } = start();
    const first = await pass(1);
    controller.wake('stream');
    await delay(2 * quick.debounceMaxMs);
    // The pass that is queued begins before the look is due.
    first.end(picture({ rest: { ...something, gathering: { afterMs: 5 } } }));
    const second = await pass(2);
    await delay(20);
    second.end();
    await delay(20);
    expect(passes).to.have.length(2);
    expect(wakes).to.deep.equal(['start', 'stream']);
  });

  describe('while a side backs off', () => {
    const slow = { backoffMinMs: 600_000, backoffMaxMs: 600_000 };
    const sources = ['stream', 'blocking', 'route-file', 'timer', 'recheck', 'retry'] as const;

    /** A storm, with turns in between in which a pass could begin. */
    async function storm(one: ReturnType<typeof start>, from: readonly WakeSource[] = sources) {
      for (let wake = 0; wake < 1000; wake++) {
        one.controller.wake(from[wake % from.length] ?? 'timer');
        if (wake % 100 === 0) await delay(3);
      }
      await delay(10);
    }

    async function failed(one: ReturnType<typeof start>, side: Side): Promise<void> {
      (await one.pass(1)).fail(new ConnectorError('haproxy-down', 'no answer'), side);
      await waitFor('a failure', () => one.failures.length === 1, { intervalMs: 1 });
    }

    it('makes no pass however many wakes there are, and tells how long it waits', async () => {
      for (const side of ['default', nomadSide]) {
        const one = start({ sync: slow });
        await failed(one, side);
        await storm(one);
        expect(one.passes).to.have.length(1);
        expect(one.waits).to.have.length(1);
        expect(one.waits[0]?.side).to.equal(side);
        expect(one.waits[0]?.ms).to.be.within(300_000, 600_000);
      }
    });

    it('is hurried by news from that side alone', async () => {
      const sync = { backoffMinMs: 20, backoffMaxMs: 600_000 };
      const needsPerson = new ConnectorError('nomad-refused', 'no rights', { retryable: false });
      const cases = [
        [nomadSide, ['stream', 'blocking'], true],
        [nomadSide, ['route-file', 'timer', 'recheck', 'retry'], false],
        ['default', ['route-file'], true],
        ['default', ['stream', 'blocking', 'timer', 'recheck', 'retry'], false],
      ] as const;
      for (const [side, from, isHurried] of cases) {
        for (const source of from) {
          const one = start({ sync });
          (await one.pass(1)).fail(needsPerson, side);
          await waitFor('a failure', () => one.failures.length === 1, { intervalMs: 1 });
          await storm(one, [source]);
          if (isHurried) await one.pass(2);
          else await delay(40);
          expect(one.passes, `${source} for ${side}`).to.have.length(isHurried ? 2 : 1);
        }
      }
    });

    it('has one retry pending, whatever wakes it', async () => {
      const one = start({ sync: { backoffMinMs: 40, backoffMaxMs: 40 } });
      await failed(one, 'default');
      await storm(one);
      await one.pass(2);
      await several(20);
      expect(one.passes).to.have.length(2);
      expect(one.busy.most).to.equal(1);
    });

    it('passes over the targets that are due, and not over the one that failed', async () => {
      const one = start({ sync: slow, targets: ['one', 'two'] });
      const first = await one.pass(1);
      expect(['one', 'two'].map(first.isDue)).to.deep.equal([true, true]);
      const error = new ConnectorError('haproxy-down', 'no answer');
      first.endAs([
        { side: 'one', picture: picture({ target: 'one' }) },
        { side: 'two', error, times },
      ]);
      await waitFor('a failure', () => one.failures.length === 1, { intervalMs: 1 });
      one.controller.wake('stream');
      const second = await one.pass(2);
      expect(['one', 'two'].map(second.isDue)).to.deep.equal([true, false]);
    });
  });

  it('waits for Nomad although a target that failed before it is due', async () => {
    const one = start({ sync: { backoffMinMs: 1, backoffMaxMs: 600_000 } });
    (await one.pass(1)).fail(new ConnectorError('haproxy-down', 'no answer'));
    const refused = new ConnectorError('nomad-refused', 'no rights', { retryable: false });
    (await one.pass(2)).fail(refused, nomadSide);
    await waitFor('two failures', () => one.failures.length === 2, { intervalMs: 1 });
    await delay(50);
    expect(one.wakes).to.deep.equal(['start', 'retry']);
  });

  it('waits for a target although Nomad, which answers again, failed before it', async () => {
    const one = start({ sync: { backoffMinMs: 1, backoffMaxMs: 600_000 } });
    (await one.pass(1)).fail(new ConnectorError('nomad-failed', 'no answer'), nomadSide);
    const refused = new ConnectorError('haproxy-refused', 'no', { retryable: false });
    (await one.pass(2)).fail(refused);
    await waitFor('two failures', () => one.failures.length === 2, { intervalMs: 1 });
    await delay(50);
    expect(one.wakes).to.deep.equal(['start', 'retry']);
  });

  it('makes a bounded number of passes for a thousand wakes', async () => {
    const one = start();
    for (let wake = 0; wake < 1000; wake++) {
      one.controller.wake('stream');
      if (wake % 10 === 0) await turn();
      one.passes.at(-1)?.end();
    }
    await delay(20);
    for (const { end } of one.passes) end();
    // One in each debounce, which 1,000 wakes can put off to 5 ms at most.
    expect(one.passes.length).to.be.within(1, 200);
    expect(one.busy.most).to.equal(1);
  });

  describe('when it is stopped', () => {
    it('lets the pass in hand end, and makes none that waits', async () => {
      const { controller, pass, passes, results, stop, ended } = start({ graceMs: 600_000 });
      const first = await pass(1);
      controller.wake('stream');
      await delay(10);
      stop.abort();
      controller.wake('stream');
      await several(10);
      expect(first.signal.aborted).to.equal(false);
      first.end();
      await ended;
      expect(results).to.have.length(1);
      expect(passes).to.have.length(1);
    });

    it('aborts a pass that takes longer than the grace, and calls that no failure', async () => {
      const { pass, failures, stop, ended } = start({ graceMs: 10 });
      const { signal, fail } = await pass(1);
      signal.addEventListener('abort', () => fail(new ConnectorError('aborted', 'stopped')));
      stop.abort();
      await ended;
      expect(signal.aborted).to.equal(true);
      expect(failures).to.deep.equal([]);
    });

    it('waits no longer than it must while it backs off', async () => {
      const { pass, failures, stop, ended, passes } = start({
        sync: { backoffMinMs: 600_000, backoffMaxMs: 600_000 },
      });
      (await pass(1)).fail(new Error('no'));
      await waitFor('a failure', () => failures.length === 1, { intervalMs: 1 });
      stop.abort();
      await ended;
      await several(10);
      expect(passes).to.have.length(1);
    });

    it('before it began, makes no pass at all', async () => {
      const one = controlled();
      one.stop.abort();
      await one.controller.run(one.stop.signal);
      expect(one.passes).to.deep.equal([]);
      expect(one.wakes).to.deep.equal([]);
    });
  });
});
