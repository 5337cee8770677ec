import { expect } from 'chai';
import fc from 'fast-check';

import type { ActualBackend } from '../../src/actual/types.js';
import type { DesiredBackend } from '../../src/desired/types.js';
import type { Plan } from '../../src/diff/types.js';
import {
  planFor,
  actualBackend,
  actualState,
  backend,
  desiredState,
  slot,
  stepsOf,
} from './given.js';
import { settings } from './given.js';

function planned(
  wanted: readonly DesiredBackend[],
  given: { total?: number; maxSockets?: number; there?: readonly ActualBackend[] },
): Plan {
  const { total, maxSockets, there = [] } = given;
  const limits = {
    ...settings.limits,
    ...(total === undefined ? {} : { serversTotal: total }),
  };
  const actual = actualState(there);
  const haproxy = { ...actual.haproxy, ...(maxSockets === undefined ? {} : { maxSockets }) };
  return planFor(
    desiredState(wanted),
    { ...actual, haproxy },
    { settings: { ...settings, limits } },
  );
}

const big = (name: string, expected: number) => backend(name, { endpoints: [], expected });
const made = (plan: Plan) => stepsOf(plan, 'create-backend').map(({ slots }) => slots.length);

describe('servers of all backends', () => {
  it('a service for which there is no room is skipped, by name', () => {
    const plan = planned([big('a', 2), big('b', 900), big('c', 3)], { total: 100 });
    expect(stepsOf(plan, 'create-backend').map(({ backend: name }) => name)).to.deep.equal([
      'nomad_a',
      'nomad_c',
    ]);
    expect(plan.skipped).to.have.length(1);
    expect(plan.skipped[0]).to.include({ service: 'default/b', limit: 'servers_total' });
    expect(plan.skipped[0]?.reason).to.include('limits.servers_total is 100');
  });

  it('by default, they are half of the sockets that HAProxy has', () => {
    expect(planned([big('a', 600)], { maxSockets: 2600 }).skipped).to.deep.equal([]);
    expect(planned([big('a', 600), big('b', 600)], { maxSockets: 2600 }).skipped).to.have.length(1);
    expect(planned([big('a', 600), big('b', 600)], {}).skipped).to.deep.equal([]);
    expect(planned([big('a', 400)], { maxSockets: 100 }).skipped).to.deep.equal([]);
  });

  it('one that fits in the servers it has stays, whatever the limit', () => {
    const there = actualBackend('a', {
      slots: ['nomad_a_1', 'nomad_a_2'].map((name) => slot(name, { service: 'default/a' })),
    });
    const plan = planned([big('a', 2), big('b', 1)], { total: 1, there: [there] });
    expect(plan.skipped.map(({ service }) => service)).to.deep.equal(['default/b']);
  });

  it('a service without instances is not created where its spare servers have no room', () => {
    const plan = planned([big('a', 0)], { total: 1 });
    expect(made(plan)).to.deep.equal([]);
    expect(plan.skipped.map(({ limit }) => limit)).to.deep.equal(['servers_total']);
    expect(made(planned([big('a', 0)], { total: 2 }))).to.deep.equal([2]);
  });

  it('are never more than the limit, and of one backend never more than its own', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(1500), { maxLength: 8 }),
        fc.integer({ min: 1, max: 5000 }),
        (counts, total) => {
          const plan = planned(
            counts.map((count, at) => big(`s${at}`, count)),
            { total },
          );
          const sizes = made(plan);
          expect(sizes.reduce((sum, size) => sum + size, 0)).to.be.at.most(total);
          const { serversPerBackend } = settings.limits;
          const instances = Math.max(serversPerBackend, ...counts);
          expect(sizes.every((size) => size <= instances)).to.equal(true);
        },
      ),
      { numRuns: 100 },
    );
  });
});
