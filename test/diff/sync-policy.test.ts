import { expect } from 'chai';
import fc from 'fast-check';

import type { ActualState } from '../../src/actual/types.js';
import type { SyncPolicy } from '../../src/config/types.js';
import { plan, withBareRecords } from '../../src/diff/plan/plan.js';
import { type StandingRoute, standingRoutes } from '../../src/diff/plan/standing-routes.js';
import type { Step } from '../../src/diff/types.js';
import { routeKey } from '../../src/desired/domains.js';
import { runs } from '../arbitraries/runs.js';
import { inputOf, someWorld, type World } from '../arbitraries/world.js';
import { converge, idleSlots } from './model.js';

const often = runs(80);

function under(policy: SyncPolicy, { actual, desired, settings }: World) {
  const input = inputOf(desired, actual, {
    ...settings,
    sync: { ...settings.sync, policy },
  });
  return { ...input, idle: idleSlots(actual) };
}

const holding = fc.constantFrom('upsert-only', 'create-only');

/** What each of them matches in each frontend, with its backend. */
function routesIn(
  world: World,
  actual: ActualState,
  isFit = ({ backend, mode }: StandingRoute) => actual.backends[backend]?.mode === mode,
): ReadonlyMap<string, string> {
  const operators = world.actual.maps['hosts']?.entries ?? {};
  const input = withBareRecords(under('sync', { ...world, actual }));
  return new Map(
    standingRoutes(input)
      .filter(isFit)
      // A shared map may have the operator's own entry for it.
      .filter(({ host }) => operators[host] === undefined)
      .flatMap((route) =>
        route.frontends.map((name) => [
          `${name} ${routeKey({ ...route, service: '' })}`,
          route.backend,
        ]),
      ),
  );
}

function groupsIn({ backends }: ActualState): readonly string[] {
  return Object.values(backends)
    .flatMap(({ name, ours, slots }) =>
      ours ? [name] : [...new Set(slots.map(({ service }) => `${name} ${service}`))],
    )
    .sort();
}

function isRemoval(step: Step): boolean {
  switch (step.kind) {
    case 'delete-backend':
    case 'delete-server':
      return true;
    case 'delete-entry':
      return !/_(check_path|check_host|canary)$/.test(step.map);
    default:
      return false;
  }
}

describe('sync.policy', () => {
  it('routes are read back from maps and rules as they were desired', () => {
    fc.assert(
      fc.property(someWorld, (world) => {
        const after = converge(under('sync', world));
        const found = routesIn(world, after, () => true);
        const operators = world.actual.maps['hosts']?.entries ?? {};
        for (const route of world.desired.routes) {
          // A shared map may have the operator's own entry for it.
          if (operators[route.host] !== undefined) continue;
          const there = route.frontends.filter((name) => {
            const { mode } = after.frontends[name] ?? {};
            return mode === route.mode;
          });
          for (const name of there) {
            expect(found.get(`${name} ${routeKey(route)}`), routeKey(route)).to.equal(
              route.backend,
            );
          }
        }
      }),
      often,
    );
  });

  it('upsert-only and create-only: no backend, route or group of servers goes', () => {
    fc.assert(
      fc.property(someWorld, holding, (world, policy) => {
        const before = routesIn(world, world.actual);
        const after = converge(under(policy, world));
        expect([...routesIn(world, after).keys()]).to.include.members([...before.keys()]);
        expect(groupsIn(after)).to.include.members([...groupsIn(world.actual)]);
      }),
      often,
    );
  });

  it('upsert-only and create-only: no step removes one', () => {
    fc.assert(
      fc.property(someWorld, holding, (world, policy) => {
        const { steps } = plan(under(policy, world));
        expect(steps.filter(isRemoval)).to.deep.equal([]);
      }),
      often,
    );
  });

  it('create-only: routes lead where they led, and sections stay', () => {
    fc.assert(
      fc.property(someWorld, (world) => {
        const before = routesIn(world, world.actual);
        const after = converge(under('create-only', world));
        const found = routesIn(world, after);
        for (const [route, backend] of before) expect(found.get(route), route).to.equal(backend);
        for (const { name, ours, section } of Object.values(world.actual.backends)) {
          if (ours) expect(after.backends[name]?.section).to.deep.equal(section);
        }
      }),
      often,
    );
  });

  it('a plan that was applied leaves nothing to do, and shows what is kept', () => {
    fc.assert(
      fc.property(someWorld, holding, (world, policy) => {
        const actual = converge(under(policy, world));
        const { steps, kept } = plan(under(policy, { ...world, actual }));
        expect(steps).to.deep.equal([]);
        const synced = plan(under('sync', { ...world, actual }));
        expect(synced).not.to.have.property('kept');
        const removed = synced.steps.filter((step) => step.kind === 'delete-backend');
        expect(kept?.filter((step) => step.kind === 'delete-backend')).to.deep.equal(removed);
      }),
      often,
    );
  });

  it('back to sync, all goes that sync would have removed', () => {
    fc.assert(
      fc.property(someWorld, (world) => {
        const actual = converge(under('upsert-only', world));
        const after = converge(under('sync', { ...world, actual }));
        const names = new Set(world.desired.backends.map(({ name }) => name));
        const ours = Object.values(after.backends).filter((one) => one.ours);
        expect(ours.map(({ name }) => name).filter((name) => !names.has(name))).to.deep.equal([]);
      }),
      often,
    );
  });
});
