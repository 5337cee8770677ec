import { expect } from 'chai';
import fc from 'fast-check';

import type { ActualBackend, ActualState, GlobalFacts } from '../../src/actual/types.js';
import type { DesiredBackend } from '../../src/desired/types.js';
import { descriptorRefusal, type RefusedDescriptors } from '../../src/diff/plan/descriptors.js';
import type { Plan } from '../../src/diff/types.js';
import {
  planFor,
  actualBackend,
  actualState,
  backend,
  desiredState,
  endpoint,
  slot,
  stepsOf,
} from './given.js';
import { settings } from './given.js';
import { applyToModel } from './model.js';

interface Given {
  readonly total?: number;
  readonly maxSockets?: number;
  readonly there?: readonly ActualBackend[];
  readonly global?: Partial<GlobalFacts>;
  readonly more?: Partial<ActualState['haproxy']>;
  readonly refused?: RefusedDescriptors;
}

function planned(wanted: readonly DesiredBackend[], given: Given): Plan {
  const { total, maxSockets, there = [], global = {}, more = {}, ...rest } = given;
  const limits = {
    ...settings.limits,
    ...(total === undefined ? {} : { serversTotal: total }),
  };
  const actual = actualState(there);
  const sockets = maxSockets === undefined ? {} : { maxSockets, openFiles: maxSockets };
  const haproxy = { ...actual.haproxy, ...sockets, ...more };
  return planFor(
    desiredState(wanted),
    { ...actual, haproxy, global: { ...actual.global, ...global } },
    { settings: { ...settings, limits }, ...rest },
  );
}

/** With so many instances. */
const many = (name: string, count: number, more: Partial<DesiredBackend> = {}) =>
  backend(name, {
    endpoints: Array.from({ length: count }, (_, at) => endpoint(`${name}${at}`)),
    ...more,
  });
const made = (plan: Plan) => stepsOf(plan, 'create-backend').map(({ slots }) => slots.length);
const skipped = (plan: Plan) => plan.skipped.map(({ service }) => service);

/** In HAProxy, with the first of its slots bound. */
function there(name: string, instances: number, size: number): ActualBackend {
  return actualBackend(name, {
    slots: Array.from({ length: size }, (_, at) =>
      slot(`nomad_${name}_${at + 1}`, {
        service: `default/${name}`,
        ...(at < instances ? { binding: `${name}${at}` } : {}),
      }),
    ),
  });
}

/** Planned again with another limit, after a first plan was applied. */
function after(
  first: readonly DesiredBackend[],
  before: number,
  then: readonly DesiredBackend[],
  total: number,
): Plan {
  const limited = (most: number) => ({
    settings: { ...settings, limits: { ...settings.limits, serversTotal: most } },
  });
  const desired = desiredState(first);
  const actual = applyToModel(actualState(), planFor(desired, actualState(), limited(before)));
  return planFor(desiredState(then), actual, limited(total));
}

describe('servers of all backends', () => {
  it('a service whose instances have no room is skipped, by name', () => {
    const plan = planned([many('a', 2), many('b', 900), many('c', 3)], { total: 100 });
    expect(stepsOf(plan, 'create-backend').map(({ backend: name }) => name)).to.deep.equal([
      'nomad_a',
      'nomad_c',
    ]);
    expect(plan.skipped).to.have.length(1);
    expect(plan.skipped[0]).to.include({ service: 'default/b', limit: 'servers_total' });
    expect(plan.skipped[0]?.reason).to.include('limits.servers_total is 100');
  });

  it('one whose instances fit is served, with fewer spare servers', () => {
    const plan = planned([many('a', 2), many('b', 2)], { total: 5 });
    expect(made(plan)).to.deep.equal([3, 2]);
    expect(skipped(plan)).to.deep.equal([]);
    expect(plan.problems.map(({ code }) => code)).to.deep.equal(['servers-short']);
    expect(plan.problems[0]?.message).to.include('about 8 servers').and.include('allows 5');
  });

  it('one that fits in the servers it has stays, whatever the limit', () => {
    const plan = planned([many('a', 2), many('b', 1)], { total: 1, there: [there('a', 2, 2)] });
    expect(skipped(plan)).to.deep.equal(['default/b']);
  });

  it('a running service that has no room to grow keeps its oldest instances', () => {
    const plan = after([many('a', 2)], 2, [many('a', 3)], 2);
    expect(skipped(plan)).to.deep.equal(['default/a']);
    expect(plan.steps).to.deep.equal([]);
  });

  it('spare servers of others make room for instances', () => {
    const plan = planned([many('a', 1), many('b', 2)], { total: 5, there: [there('a', 1, 5)] });
    expect(made(plan)).to.deep.equal([3]);
    const [changed] = stepsOf(plan, 'replace-backend');
    expect(changed?.slots).to.have.length(2);
  });

  it('nothing is written for the sake of sizes alone', () => {
    const wanted = [many('a', 1), many('b', 2)];
    for (const total of [3, 5, 6, 100]) {
      expect(after(wanted, 5, wanted, total).steps).to.deep.equal([]);
    }
  });

  it('are never more than the limit, and of one backend never more than its own', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(150), { maxLength: 8 }),
        fc.integer({ min: 1, max: 500 }),
        (counts, total) => {
          const wanted = counts.map((count, at) => many(`s${at}`, count));
          const plan = planned(wanted, { total });
          const sizes = made(plan);
          expect(sizes.reduce((sum, size) => sum + size, 0)).to.be.at.most(total);
          const { serversPerBackend } = settings.limits;
          expect(sizes.every((size) => size <= serversPerBackend)).to.equal(true);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("servers, and HAProxy's file descriptors", () => {
  const maxconn = { maxConnections: 4000 };
  /** What it has beside our servers: 8,029, up to a multiple of 64 with room for old workers. */
  const beside = 8128;

  it('are half of those that HAProxy has, where it gives connections the rest', () => {
    const given = { maxSockets: 4000, more: { maxConnections: 1990 } };
    const room = (count: number) => skipped(planned([many('a', count)], given));
    expect(room(2000)).to.deep.equal([]);
    expect(room(2001)).to.deep.equal(['default/a']);
  });

  it('are all that maxconn leaves of fd-hard-limit', () => {
    const global = { ...maxconn, fdHardLimit: beside + 10 };
    const plan = planned([many('a', 4), many('b', 4)], { maxSockets: 8029, global });
    expect(made(plan)).to.deep.equal([5, 5]);
    expect(plan.problems[0]?.message)
      .to.include('descriptors for 10 (its limit is 8138)')
      .and.include('fd-hard-limit');
  });

  it('are all that maxconn leaves of ulimit-n, which HAProxy 3.0 would not outlive', () => {
    const more = { openFiles: beside + 10 };
    const plan = planned([many('a', 4), many('b', 4)], { maxSockets: 8029, global: maxconn, more });
    expect(made(plan)).to.deep.equal([5, 5]);
  });

  it('are not limited where HAProxy tells nothing, until it refuses', () => {
    const given = { maxSockets: 8029, global: maxconn };
    expect(made(planned([many('a', 500)], given))).to.deep.equal([1000]);
    const refused = { wanted: 9029, limit: beside + 600, reserve: 0 };
    expect(made(planned([many('a', 500)], { ...given, refused }))).to.deep.equal([600]);
    const again = { ...refused, reserve: 50 };
    expect(made(planned([many('a', 500)], { ...given, refused: again }))).to.deep.equal([550]);
  });

  it('a refusal counts no longer once HAProxy has more', () => {
    const refused = { wanted: 9029, limit: 8028, reserve: 0 };
    const given = { maxSockets: 8029, global: maxconn, refused };
    expect(made(planned([many('a', 500)], given))).to.deep.equal([1000]);
  });

  it('those with a check that are loaded are among what HAProxy has', () => {
    const global = { ...maxconn, fdHardLimit: beside + 10 };
    const given = { maxSockets: 8029 + 4, global, there: [there('a', 2, 4)] };
    expect(made(planned([many('a', 2), many('b', 3)], given))).to.deep.equal([6]);
    const unloaded = actualBackend('a', {
      slots: there('a', 2, 4).slots.map(({ runtime: _, ...rest }) => rest),
    });
    const before = { ...given, maxSockets: 8029, there: [unloaded] };
    expect(made(planned([many('a', 2), many('b', 3)], before))).to.deep.equal([6]);
  });

  it('the operator decides on fewer, and on more, but not on more than HAProxy can load', () => {
    const given = { maxSockets: 1000, more: { maxConnections: 490 } };
    expect(made(planned([many('a', 400)], { ...given, total: 450 }))).to.deep.equal([450]);
    expect(made(planned([many('a', 400)], { ...given, total: 600 }))).to.deep.equal([600]);
    // 1,000 less 20 of its own and 200 for the fewest connections.
    expect(made(planned([many('a', 400)], { ...given, total: 900 }))[0]).to.be.below(780);
  });

  it("HAProxy's refusals are read, and repeated ones leave more free", () => {
    const text = '[ALERT] (1) : [haproxy.main()] Cannot raise FD limit to 20554, limit is 20000.';
    const first = descriptorRefusal(text);
    expect(first).to.deep.equal({ wanted: 20_554, limit: 20_000, reserve: 0 });
    expect(descriptorRefusal(text, first)?.reserve).to.equal(554);
    const other =
      "FD limit (20000) too low for maxconn=4000/maxsock=20532. Please raise 'ulimit-n' to 20532 or more";
    expect(descriptorRefusal(other)).to.include({ wanted: 20_532, limit: 20_000 });
    expect(descriptorRefusal('unable to find required default_backend')).to.equal(undefined);
  });
});

describe('servers made ahead of need', () => {
  it('are as many as the job may be scaled to', () => {
    expect(made(planned([many('a', 1, { expected: 1, scalesTo: 10 })], {}))).to.deep.equal([10]);
    expect(made(planned([many('a', 1, { expected: 1, scalesTo: 5000 })], {}))).to.deep.equal([
      1000,
    ]);
  });

  it('are there before the instances when a job asks for more', () => {
    const sizes = (more: Partial<DesiredBackend>) =>
      stepsOf(after([many('a', 1)], 100, [many('a', 1, more)], 100), 'replace-backend').map(
        ({ slots }) => slots.length,
      );
    expect(sizes({ expected: 3 })).to.deep.equal([]);
    expect(sizes({ expected: 4 })).to.deep.equal([8]);
    // With the next reload, whatever it is for.
    expect(sizes({ expected: 1, scalesTo: 10 })).to.deep.equal([]);
  });

  it('are not, where not all fit', () => {
    const plan = after([many('a', 1)], 5, [many('a', 1, { expected: 1, scalesTo: 10 })], 5);
    expect(plan.steps).to.deep.equal([]);
  });
});
