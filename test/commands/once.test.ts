import { expect } from 'chai';

import type { ExitCode } from '../../src/cli/exit-codes.js';
import { printPlan } from '../../src/diff/print/print.js';
import { ConnectorError } from '../../src/shared/errors.js';
import { runOnce, type SingleRun } from '../../src/commands/once.js';
import type { Picture } from '../../src/pass/picture.js';
import type { Outcome } from '../../src/pass/run.js';
import { rejected } from '../pass/given-errors.js';
import { heldRemoval, nothing, picture, something, times } from '../pass/given-picture.js';

type Given = Picture | ConnectorError;

function outcomeOf(given: Given): Outcome {
  if (given instanceof ConnectorError) return { side: 'default', error: given, times };
  return { side: given.target, picture: given };
}

/** Passes with these outcomes, one after the other. */
async function once(outcomes: readonly Given[], given: Partial<SingleRun> = {}) {
  const left = [...outcomes];
  const run: SingleRun = {
    pass: () => {
      const next = left.shift();
      if (next === undefined) throw new Error('one pass too many');
      return Promise.resolve([outcomeOf(next)]);
    },
    signal: new AbortController().signal,
    writes: true,
    detailedExitcode: false,
    paint: (_, text) => text,
    redact: (text) => text,
    ...given,
  };
  const { code, text: printed, json } = await runOnce(run);
  return { code, printed, json, left: left.length };
}

const skipped = [{ service: 'default/web', code: 'invalid-tag', reason: 'no' }] as const;
const problems = [{ code: 'frontend-missing', message: 'there is no frontend' }] as const;
const unreleasable = { ...heldRemoval, releasable: false };
const skips = { ...nothing, skipped };
const holds = { ...nothing, held: unreleasable };
const conflict = new ConnectorError('haproxy-conflict', 'another writer was faster');

describe('the exit code of a single run', () => {
  const cases: readonly (readonly [
    what: string,
    outcome: Partial<Picture>,
    run: Partial<SingleRun>,
    code: ExitCode,
  ])[] = [
    ['nothing to do', {}, {}, 0],
    ['changes, applied', { plan: something }, {}, 0],
    ['changes, applied, in detail', { plan: something }, { detailedExitcode: true }, 2],
    ['nothing to do, in detail', {}, { detailedExitcode: true }, 0],
    ['steps are left', { plan: something, rest: something }, {}, 1],
    ['a problem', { rest: { ...nothing, problems } }, {}, 1],
    ['a guard', { plan: holds, rest: holds }, {}, 4],
    ['skipped services', { plan: skips, rest: skips }, {}, 3],
    ['a guard and skipped services', { plan: skips, rest: holds }, {}, 4],
    ['skipped services, in detail', { plan: skips, rest: skips }, { detailedExitcode: true }, 3],
    ['a service that HAProxy refused', { plan: something, rest: skips }, {}, 3],
    ['a dry run with changes', { plan: something, rest: something }, { writes: false }, 0],
    [
      'a dry run with changes, in detail',
      { plan: something, rest: something },
      { writes: false, detailedExitcode: true },
      2,
    ],
    ['a dry run with a problem', { rest: { ...nothing, problems } }, { writes: false }, 1],
    ['a dry run with a guard', { plan: holds, rest: holds }, { writes: false }, 4],
  ];
  for (const [what, outcome, run, code] of cases) {
    it(`is ${code} for ${what}`, async () => {
      expect((await once([picture(outcome)], run)).code).to.equal(code);
    });
  }
});

describe('a single run', () => {
  it('prints the first plan that has steps, as text or as JSON', async () => {
    const outcomes = [picture({ plan: something })];
    expect((await once(outcomes)).printed).to.equal(printPlan(something));
    expect((await once(outcomes)).json).to.include({ noChanges: false });
    expect((await once([picture()])).printed).to.match(/No changes\.\n$/);
  });

  it('reads again what is held and can be released, and prints what came of it', async () => {
    const held = { ...nothing, held: heldRemoval };
    const outcomes = [picture({ plan: held, rest: held }), picture({ plan: something })];
    const { code, printed, left } = await once(outcomes, { detailedExitcode: true });
    expect({ code, left }).to.deep.equal({ code: 2, left: 0 });
    expect(printed).to.equal(printPlan(something));
  });

  it('reads once where nothing can release what is held, and in a dry run', async () => {
    const stuck = { plan: holds, rest: holds };
    expect(await once([picture(stuck)])).to.include({ code: 4, left: 0 });
    const held = { ...nothing, held: heldRemoval };
    const dry = await once([picture({ plan: held, rest: held })], { writes: false });
    expect(dry).to.include({ code: 4, left: 0 });
  });

  it('gives up after four reads of what stays held', async () => {
    const held = { ...nothing, held: heldRemoval };
    const outcomes = Array.from({ length: 5 }, () => picture({ plan: held, rest: held }));
    expect(await once(outcomes)).to.include({ code: 4, left: 1 });
  });

  it('says who is skipped at the end, in the plan of the beginning', async () => {
    const held = { ...something, held: heldRemoval };
    const outcomes = [picture({ plan: held, rest: held }), picture({ plan: skips, rest: skips })];
    const { code, printed } = await once(outcomes);
    expect(code).to.equal(3);
    expect(printed).to.contain('service web skipped').and.to.contain('to add');
  });

  it('tries again where another writer was faster, up to four times', async () => {
    expect(await once([conflict, picture({ plan: something })])).to.include({ code: 0, left: 0 });
    const thrown = await rejected(once([conflict, conflict, conflict, conflict, picture()]));
    expect(thrown.code).to.equal('haproxy-conflict');
  });

  it('ends with any other error at once, and for a stop without another try', async () => {
    const down = new ConnectorError('haproxy-down', 'HAProxy does not answer');
    expect((await rejected(once([down, picture()]))).code).to.equal('haproxy-down');
    const stop = new AbortController();
    stop.abort();
    const waits = once([conflict, picture()], { signal: stop.signal });
    expect(await rejected(waits)).to.be.instanceOf(Error);
  });
});
