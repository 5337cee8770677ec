import { expect } from 'chai';
import fc from 'fast-check';

import type { ActualState } from '../../src/actual/types.js';
import type { Settings } from '../../src/config/types.js';
import type { DesiredState } from '../../src/desired/types.js';
import { plan, type PlanInput } from '../../src/diff/plan/plan.js';
import { approvalOf, movedSince } from '../../src/plans/approval.js';
import { savedPlan } from '../../src/plans/document.js';
import { inputOf, someWorld } from '../arbitraries/world.js';
import { actualState, backend, catalog, desiredState, endpoint, input } from '../diff/given.js';
import { settings } from '../desired/given.js';
import { applyToModel } from '../diff/model.js';

const redact = (text: string): string => text.replaceAll('secret', '***');
const web = desiredState([backend('web', { endpoints: [endpoint('a')] })]);
const raw = '# _version=57\n';
const empty = actualState([], { raw });

function planned(given: PlanInput, target = 'default') {
  return { target, plan: plan(given), actual: given.actual };
}

function moved(
  desired: DesiredState,
  actual: ActualState = empty,
  given: Partial<PlanInput> = {},
  other: Settings = settings,
): readonly string[] {
  const saved = savedPlan(planned(input(web, empty)), settings, redact);
  return movedSince(saved, planned(input(desired, actual, given)), other, redact);
}

describe('a saved plan', () => {
  it('fits while nothing moved, however much later', () => {
    expect(moved(web)).to.deep.equal([]);
    expect(moved(web, empty, { now: 1_800_000_000 })).to.deep.equal([]);
  });

  it('fits an index of Nomad that moved for something else', () => {
    expect(moved(web, empty, { catalog: catalog({ index: 9999 }) })).to.deep.equal([]);
  });

  it('survives its file, and a drain that begins at another second', () => {
    fc.assert(
      fc.property(someWorld, fc.nat(3), ({ desired, actual, settings: some }, later) => {
        const given = inputOf(desired, { ...actual, raw }, some);
        const file = JSON.stringify(savedPlan(planned(given), some, redact));
        const saved = JSON.parse(file) as ReturnType<typeof savedPlan>;
        const again = plan({ ...given, now: given.now + later });
        // A drain that ends in between is a change of its own.
        fc.pre(again.steps.length === plan(given).steps.length);
        const then = { target: 'default', plan: again, actual: given.actual };
        expect(movedSince(saved, then, some, redact)).to.deep.equal([]);
      }),
      { numRuns: 50 },
    );
  });

  it("names HAProxy's configuration when it moved", () => {
    const version = "HAProxy's configuration moved from version 57 to 58";
    expect(moved(web, { ...empty, configVersion: 58 })).to.deep.equal([version]);
    const same = "HAProxy's configuration is another, also version 57";
    expect(moved(web, { ...empty, raw: '# other' })).to.deep.equal([same]);
  });

  it('names what the catalog makes of it now', () => {
    const two = desiredState([backend('web', { endpoints: [endpoint('a'), endpoint('b')] })]);
    const index = catalog().index + 1;
    expect(moved(two, empty, { catalog: catalog({ index }) })).to.deep.equal([
      `Nomad's catalog moved from index ${index - 1} to ${index}`,
      'it would now also: add server 10.0.0.1:20098 in backend nomad_web (check GET /health every 10s; alloc 00000000, job web)',
    ]);
    expect(moved(desiredState())).to.have.lengthOf(1);
    expect(moved(desiredState())[0]).to.match(/^it would no longer: add backend nomad_web /);
  });

  it('names only some of many', () => {
    const many = Array.from({ length: 9 }, (_, at) => backend(`s${at}`));
    expect(moved(desiredState(many))[0]).to.match(/^it would now also: .* and \d+ more$/);
  });

  it('sees what is the same only in its lines', () => {
    const [one] = web.backends;
    const other = desiredState([{ ...one!, section: { ...one!.section, retries: 3 } }]);
    expect(moved(other)).to.deep.equal(['the same changes would be made otherwise']);
  });

  it('is for one HAProxy and one scope', () => {
    const elsewhere = { ...empty, dataplane: { url: 'http://other:5555' } };
    expect(moved(web, elsewhere)[0]).to.match(/^it is for HAProxy "http:.*", not "http:/);
    const region = { ...settings, nomad: { ...settings.nomad, region: 'eu' } };
    expect(moved(web, empty, {}, region)).to.deep.equal([
      'it is for scope "global/*/haproxy", not "eu/*/haproxy"',
    ]);
    const prefix = { ...settings, ownership: { ...settings.ownership, prefix: 'b_' } };
    expect(moved(web, empty, {}, prefix)[0]).to.match(/^it is for ownership\.prefix /);
    const saved = savedPlan(planned(input(web, empty)), settings, redact);
    expect(movedSince(saved, planned(input(web, empty), 'b'), settings, redact)).to.deep.equal([
      'it is for target "default", not "b"',
    ]);
  });

  it('compares what was redacted alike', () => {
    const secret = { ...empty, dataplane: { url: 'http://secret:5555' } };
    const given = planned(input(web, secret));
    const saved = savedPlan(given, settings, redact);
    expect(saved.haproxy).to.equal('http://***:5555');
    expect(movedSince(saved, given, settings, redact)).to.deep.equal([]);
  });
});

describe('the approval of a saved plan', () => {
  const first = planned(input(web, empty));
  const approval = approvalOf(savedPlan(first, settings, redact), settings, redact);

  it('lets its plan through, and what is left of it', () => {
    approval.requireSame(first);
    approval.requireWithin(first.plan);
    approval.requireWithin({ ...first.plan, steps: first.plan.steps.slice(1) });
  });

  it('refuses a plan that moved, and a later one that does more', () => {
    const other = planned(input(desiredState(), empty));
    expect(() => approval.requireSame(other)).to.throw(
      /^the saved plan no longer fits, nothing was changed: /,
    );
    const removal = plan(input(desiredState(), applyToModel(empty, first.plan)));
    expect(removal.held).not.to.equal(undefined);
    const more = planned(input(desiredState([backend('more')]), empty)).plan;
    expect(() => approval.requireWithin(more)).to.throw(
      'it would also: add backend nomad_more (default/more)',
    );
  });
});
