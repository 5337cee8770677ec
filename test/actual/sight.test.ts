import { expect } from 'chai';
import fc from 'fast-check';

import {
  afterFailure,
  afterSuccess,
  type Glance,
  judge,
  type Known,
  nothingKnown,
  parseSight,
  type Sight,
} from '../../src/actual/normalise/sight.js';

const left: Sight = { version: 7, pid: 100, uptime: 50 };
const passed: Sight = { version: 7, pid: 100 };

interface Case {
  readonly what: string;
  readonly passed?: Sight;
  readonly last?: Glance;
  readonly glance: Glance;
  readonly wakes: boolean;
}

const cases: readonly Case[] = [
  { what: 'nothing to compare with', glance: left, wakes: false },
  { what: 'as the pass left it', passed, glance: left, wakes: false },
  {
    what: 'as the pass left it, seen otherwise before',
    passed,
    last: { version: 6, pid: 99 },
    glance: left,
    wakes: false,
  },
  { what: 'another version', passed, last: left, glance: { ...left, version: 8 }, wakes: true },
  {
    what: 'another version at the first glance',
    passed,
    glance: { ...left, version: 8 },
    wakes: true,
  },
  {
    what: 'a version that went back',
    passed,
    last: left,
    glance: { ...left, version: 1 },
    wakes: true,
  },
  {
    what: 'another worker',
    passed,
    last: left,
    glance: { ...left, pid: 101, uptime: 0 },
    wakes: true,
  },
  {
    what: 'the same pid, started again',
    passed,
    last: left,
    glance: { ...left, uptime: 0 },
    wakes: true,
  },
  { what: 'a longer uptime', passed, last: left, glance: { ...left, uptime: 51 }, wakes: false },
  {
    what: 'the same difference again',
    passed,
    last: { version: 8, pid: 100 },
    glance: { version: 8, pid: 100 },
    wakes: false,
  },
  {
    what: 'a new difference',
    passed,
    last: { version: 8, pid: 100 },
    glance: { version: 9, pid: 100 },
    wakes: true,
  },
  { what: 'gone', passed, last: left, glance: 'down', wakes: false },
  { what: 'still gone', passed, last: 'down', glance: 'down', wakes: false },
  { what: 'back, as the pass left it', passed, last: 'down', glance: left, wakes: true },
  { what: 'back, and no pass has succeeded', last: 'down', glance: left, wakes: true },
  {
    what: 'a change after a failed pass',
    last: left,
    glance: { ...left, version: 8 },
    wakes: true,
  },
  {
    what: 'no version told, the same worker',
    passed,
    last: left,
    glance: { pid: 100 },
    wakes: false,
  },
  {
    what: 'no version told, another worker',
    passed,
    last: left,
    glance: { pid: 101 },
    wakes: true,
  },
];

describe('a glance at HAProxy', () => {
  for (const { what, glance, wakes, ...before } of cases) {
    it(`${what}: ${wakes ? 'a pass' : 'no pass'}`, () => {
      const judged = judge({ ...nothingKnown, ...before }, glance, 0);
      expect(judged.wakes).to.equal(wakes);
      expect(judged.known.last).to.deep.equal(glance);
      expect(judged.known.passed).to.deep.equal(before.passed);
    });
  }

  it("a failed pass's own writes are no news, HAProxy's return is", () => {
    const known: Known = { ...nothingKnown, passed, last: left };
    const wrote = { version: 8, pid: 101, uptime: 0 };
    expect(judge(afterFailure(known, false), wrote, 0).wakes).to.equal(false);
    expect(judge(afterFailure(known, true), wrote, 0).wakes).to.equal(true);
    const failedWhileDown = afterFailure({ ...known, last: 'down' }, false);
    expect(judge(failedWhileDown, left, 0).wakes).to.equal(true);
  });

  it('a pass that succeeded has seen that HAProxy is back', () => {
    const known = afterSuccess({ ...nothingKnown, last: 'down' }, passed);
    expect(judge(known, left, 0).wakes).to.equal(false);
  });

  it('a difference that passes do not mend wakes once', () => {
    let known = afterSuccess(nothingKnown, passed);
    let wakes = 0;
    for (let tick = 0; tick < 100; tick++) {
      const judged = judge(known, { version: 8, pid: 100, uptime: tick }, tick * 1000);
      if (judged.wakes) wakes++;
      known = judged.wakes ? afterSuccess(judged.known, passed) : judged.known;
    }
    expect(wakes).to.equal(1);
  });

  it("two writers that undo each other's work are slowed down; after a rest all is at once again", () => {
    let known = afterSuccess(nothingKnown, passed);
    const wokeAt: number[] = [];
    for (let second = 0; second < 600; second++) {
      const judged = judge(known, { version: 8 + second, pid: 100 }, second * 1000);
      if (judged.wakes) wokeAt.push(second);
      // The pass writes too, and the other one writes after it.
      known = judged.wakes
        ? afterSuccess(judged.known, { version: 7 + second, pid: 100 })
        : judged.known;
    }
    expect(wokeAt.slice(0, 8)).to.deep.equal([0, 1, 2, 3, 4, 6, 10, 18]);
    expect(wokeAt.length).to.be.below(30);
    const later = judge(known, { version: 9999, pid: 100 }, 700_000);
    expect(later.wakes).to.equal(true);
    expect(judge(later.known, { version: 9999, pid: 7 }, 701_000).wakes).to.equal(true);
  });

  it('a wake that has to wait is not lost', () => {
    const known: Known = { passed, last: left, wakes: 9, wokeAt: 0 };
    const other = { ...left, version: 8 };
    const waited = judge(known, other, 1000);
    expect(waited.wakes).to.equal(false);
    expect(judge(waited.known, other, 30_000).wakes).to.equal(true);
  });

  it('property: what is like the pass left it, in one process, never wakes', () => {
    const sight = fc.record({ version: fc.nat(3), pid: fc.integer({ min: 1, max: 3 }) });
    fc.assert(
      fc.property(sight, fc.array(sight), (end, before) => {
        let known = nothingKnown;
        before.forEach((one, at) => (known = judge(known, one, at * 100_000).known));
        known = afterSuccess(known, end);
        expect(judge(known, end, 1e9).wakes).to.equal(false);
      }),
    );
  });

  it('property: a new difference wakes, however often there was one before', () => {
    const pid = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(fc.array(pid), (pids) => {
        let known = afterSuccess(nothingKnown, { version: 1, pid: 6 });
        pids.forEach((one, at) => {
          const other = known.last === undefined || known.last === 'down' || known.last.pid !== one;
          const judged = judge(known, { version: 1, pid: one }, at * 100_000);
          expect(judged.wakes).to.equal(other);
          known = judged.known;
        });
      }),
    );
  });
});

describe('what runtime info tells', () => {
  const info = { pid: 9, uptime: 3, version: '3.2.26' };
  const rows: readonly [string, Parameters<typeof parseSight>[0], Glance][] = [
    ['all', { status: 200, version: 4, body: { info } }, { version: 4, pid: 9, uptime: 3 }],
    ['no header', { status: 200, body: { info } }, { pid: 9, uptime: 3 }],
    ['no uptime', { status: 200, version: 4, body: { info: { pid: 9 } } }, { version: 4, pid: 9 }],
    ['HAProxy is down', { status: 200, version: 4, body: { error: 'no socket' } }, 'down'],
    ['pid 0', { status: 200, version: 4, body: { info: { pid: 0 } } }, 'down'],
    ['refused', { status: 401, body: { info } }, 'down'],
    ['a text', { status: 200, version: 4, body: 'hello' }, 'down'],
    ['nothing', { status: 200, body: null }, 'down'],
    ['a list', { status: 200, body: [info] }, 'down'],
  ];
  for (const [what, answer, glance] of rows) {
    it(what, () => expect(parseSight(answer)).to.deep.equal(glance));
  }
});
