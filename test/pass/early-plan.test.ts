import { expect } from 'chai';
import fc from 'fast-check';

import { factsOf } from '../../src/actual/normalise/facts.js';
import type { ActualSlot, ActualState } from '../../src/actual/types.js';
import type { Settings } from '../../src/config/types.js';
import { plan, type PlanInput } from '../../src/diff/plan/plan.js';
import type { PlannedSlot, SlotStep, Step } from '../../src/diff/types.js';
import { desire } from '../../src/pass/desire.js';
import { planEarly } from '../../src/pass/early-plan.js';
import type { AllocationFacts, Catalog, CatalogInstance } from '../../src/observe/types.js';
import { runs } from '../arbitraries/runs.js';
import { catalogOf, declaration, enabled, instance, service } from '../desired/given.js';
import {
  actualState,
  allocation,
  allocId,
  idOf,
  now,
  operatorBackend,
  withSettings,
} from '../diff/given.js';
import { converge } from '../diff/model.js';

type Status = Partial<Pick<AllocationFacts, 'clientStatus' | 'desiredStatus'>>;

const running = { clientStatus: 'running', desiredStatus: 'run' };
const statuses: readonly Status[] = [
  ...[running, running, running],
  { clientStatus: 'pending' },
  { clientStatus: 'unknown' },
  ...[{ desiredStatus: 'stop' }, { desiredStatus: 'stop' }],
  { desiredStatus: 'evict' },
  { desiredStatus: 'stop', clientStatus: 'complete' },
  { clientStatus: 'failed' },
];

/** One instance at one moment. */
interface Moment {
  readonly name: string;
  readonly status: Status;
  readonly isRegistered: boolean;
  readonly isListed: boolean;
  readonly tags: readonly string[];
  readonly port: number;
  readonly createIndex: number;
}

const tagSets = [
  ...[[], [], []],
  ['cookie=SRV'],
  ['domain=other.io'],
  ['canary.weight=5'],
  ['backend=custom', 'backend.name=pool'],
  ['check.path=/x'],
  ['weight=odd'],
] as const;

function someMoment(name: string, isQuiet: boolean): fc.Arbitrary<Moment> {
  const tags = fc.constantFrom(...tagSets).map((some) => [`domain=${name[0]}.io`, ...some]);
  const rare = fc.integer({ min: 0, max: 9 }).map((one) => isQuiet || one > 1);
  return fc.record({
    name: fc.constant(name),
    status: isQuiet ? fc.constant({}) : fc.constantFrom(...statuses),
    isRegistered: rare,
    isListed: rare,
    tags: isQuiet ? tags : fc.oneof({ weight: 9, arbitrary: fc.constant([]) }, tags),
    port: fc.constantFrom(20_000 + name.charCodeAt(1), 30_000),
    createIndex: fc.constantFrom(100, 101),
  });
}

interface Service {
  readonly name: string;
  readonly count: number;
  readonly claimedAt: number;
  readonly isDeclared: boolean;
  readonly moments: readonly Moment[];
}

function someService(name: string, isQuiet: boolean): fc.Arbitrary<Service> {
  const instances = fc
    .subarray([1, 2, 3, 4])
    .chain((some) => fc.tuple(...some.map((one) => someMoment(`${name}${one}`, isQuiet))));
  return fc.record({
    name: fc.constant(name),
    count: fc.nat(3),
    claimedAt: fc.constantFrom(10, 20),
    isDeclared: fc.boolean(),
    moments: instances,
  });
}

const someTrust: fc.Arbitrary<Catalog['trust']> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ removals: 'allowed' } as const) },
  fc.constant({ removals: 'held', reason: 'torn read', torn: true } as const),
);

/** `before`: where an instance says no tags, it has those of its service then. */
function catalogOfServices(
  services: readonly Service[],
  trust: Catalog['trust'],
  before: readonly Service[] = [],
): Catalog {
  const old = before.flatMap(({ moments }) => moments);
  const moments = services.flatMap((one) => one.moments);
  const all = services.map(({ name, count, claimedAt, isDeclared, moments: some }) => {
    const known = old.find((one) => one.name.startsWith(name));
    const tagsOf = ({ tags }: Moment) => enabled(...(tags.length > 0 ? tags : (known?.tags ?? [])));
    const instances = some
      .filter((one) => one.isRegistered)
      .map((one) => instanceOf(one, tagsOf(one)));
    const [first] = some;
    const tags = first === undefined ? enabled() : tagsOf(first);
    const declarations = isDeclared ? [declaration({ count, tags })] : [];
    return service(name, { claimedAt, instances, declarations });
  });
  const listed = moments.filter(({ isListed }) => isListed);
  return {
    ...catalogOf(...all.filter((one) => one.instances.length + one.declarations.length > 0)),
    allocations: Object.fromEntries(
      listed.map(({ name, status }) => [allocId(name), allocation(status)]),
    ),
    trust,
  };
}

function instanceOf(moment: Moment, tags: readonly string[]): CatalogInstance {
  const { name, status, isListed, port, createIndex } = moment;
  return instance({
    ...{ id: idOf(name), allocId: allocId(name), tags, port, createIndex },
    allocation: isListed ? { ...running, ...status } : null,
  });
}

const guarded = withSettings({ routing: { mode: 'rules' } });

function inputFor(catalog: Catalog, actual: ActualState, settings: Settings = guarded): PlanInput {
  const desired = desire({
    ...{ catalog, settings, rejected: {}, endpoints: [], claims: {}, now: now * 1000 },
    routes: { files: [], bad: [] },
    facts: factsOf(actual, settings.ownership),
  });
  const nothing = { idle: new Set<string>(), hidden: [], unstable: {} };
  return { ...nothing, catalog, desired, actual, settings, now };
}

function early(catalog: Catalog, actual: ActualState, settings = guarded): readonly SlotStep[] {
  const nothing = { endpoints: [], rejected: {}, unstable: {} };
  return planEarly({ ...nothing, catalog, actual, settings, now });
}

/** HAProxy after it has served that catalog for a while, with the operator's backend beside. */
function serving(catalog: Catalog, settings = guarded): ActualState {
  const open = { ...settings, guard: { ...settings.guard, allowRemovals: true } };
  return converge(inputFor(catalog, actualState([operatorBackend('pool')]), open));
}

function mapSlots(actual: ActualState, edit: (slot: ActualSlot) => ActualSlot): ActualState {
  const backends = Object.entries(actual.backends).map(([name, one]) => [
    name,
    { ...one, slots: one.slots.map(edit) },
  ]);
  return { ...actual, backends: Object.fromEntries(backends) as ActualState['backends'] };
}

const runtimes = [
  ...[undefined, undefined, undefined, undefined],
  { operational: 'down' },
  { admin: 'drain' },
  { admin: 'maint' },
  { address: '10.9.9.9' },
] as const;

/** What checks and hands make of the servers. */
const someHealth = fc.array(fc.constantFrom(...runtimes), { minLength: 40, maxLength: 40 });

function withHealth(
  actual: ActualState,
  health: readonly (typeof runtimes)[number][],
): ActualState {
  let at = 0;
  return mapSlots(actual, (slot) => {
    const runtime = slot.runtime && { ...slot.runtime, ...health[at++ % health.length] };
    return { ...slot, ...(runtime === undefined ? {} : { runtime }) };
  });
}

/** What the plan does to the server of that step, whether by itself or with its backend. */
function fateOf({ backend, slot }: SlotStep, steps: readonly Step[]): string {
  const drainOf = (planned: PlannedSlot | undefined): string =>
    planned?.binding?.id === slot.binding?.id && planned?.binding?.drainingSince !== undefined
      ? planned.admin
      : 'other';
  for (const step of steps) {
    if (!('backend' in step) || step.backend !== backend) continue;
    if (step.kind === 'delete-backend') return slot.admin;
    if (step.kind === 'delete-server' && step.before.name === slot.name) return slot.admin;
    if ('slots' in step) return drainOf(step.slots.find(({ name }) => name === slot.name));
    if ('slot' in step && step.slot.name === slot.name) return drainOf(step.slot);
  }
  return 'none';
}

describe('early drains', () => {
  const web = (...instances: readonly CatalogInstance[]) => service('web', { instances });
  const one = (name: string, status: Status = {}, tags: readonly string[] = []) =>
    instanceOf(
      {
        ...{ name, status, port: 20_000 + name.charCodeAt(0), createIndex: 100 },
        ...{ isRegistered: true, isListed: true, tags: [] },
      },
      enabled('domain=web.io', ...tags),
    );
  const listed = (statusOf: Readonly<Record<string, Status>>) =>
    Object.fromEntries(
      Object.entries(statusOf).map(([name, status]) => [allocId(name), allocation(status)]),
    );
  const both = { ...catalogOf(web(one('a'), one('b'))), allocations: listed({ a: {}, b: {} }) };
  const drains = (steps: readonly SlotStep[]) =>
    steps.map(({ kind, before, slot }) => [kind, before.binding?.id, slot.admin]);

  it('an instance whose allocation stops, registered or not', () => {
    const stop = { desiredStatus: 'stop' };
    for (const instances of [[one('b')], [one('a', stop), one('b')]]) {
      const catalog = { ...catalogOf(web(...instances)), allocations: listed({ a: stop, b: {} }) };
      expect(drains(early(catalog, serving(both)))).to.deep.equal([
        ['drain-slot', idOf('a'), 'drain'],
      ]);
    }
  });

  it('into maintenance where clients hold cookies', () => {
    const sticky = ['cookie=SRV'];
    const before = { ...both, ...catalogOf(web(one('a', {}, sticky), one('b', {}, sticky))) };
    const catalog = {
      ...catalogOf(web(one('b', {}, sticky))),
      allocations: listed({ a: { clientStatus: 'complete' }, b: {} }),
    };
    expect(
      drains(early(catalog, serving({ ...before, allocations: both.allocations }))),
    ).to.deep.equal([['drain-slot', idOf('a'), 'maint']]);
  });

  it('none for an absence without evidence, whatever its share', () => {
    for (const allocations of [listed({ b: {} }), listed({ a: {}, b: {} })]) {
      const catalog = { ...catalogOf(web(one('b'))), allocations };
      expect(early(catalog, serving(both))).to.deep.equal([]);
    }
  });

  it('S8: not the last that serves while its replacement has yet to pass its check', () => {
    const catalog = {
      ...catalogOf(web(one('b'))),
      allocations: listed({ a: { desiredStatus: 'stop' }, b: {} }),
    };
    const actual = mapSlots(serving(both), (slot) =>
      slot.binding?.id === idOf('b') && slot.runtime !== undefined
        ? { ...slot, runtime: { ...slot.runtime, operational: 'down' } }
        : slot,
    );
    expect(early(catalog, actual)).to.deep.equal([]);
  });

  it('none where the service changes besides, or leaves Nomad: those cost a reload', () => {
    const allocations = listed({ a: { desiredStatus: 'stop' }, b: {} });
    const changed = catalogOf(web(one('b', {}, ['cookie=SRV'])));
    for (const some of [changed, catalogOf()]) {
      expect(early({ ...some, allocations }, serving(both))).to.deep.equal([]);
    }
  });

  it('none while --adopt takes over what another connector made', () => {
    const catalog = {
      ...catalogOf(web(one('b'))),
      allocations: listed({ a: { desiredStatus: 'stop' }, b: {} }),
    };
    const settings = { ...guarded, ownership: { ...guarded.ownership, adopt: true } };
    expect(early(catalog, serving(both), settings)).to.deep.equal([]);
  });

  it('every one is in the plan that a whole pass makes of the same catalog', () => {
    let found = 0;
    const world = someCatalogs();
    fc.assert(
      fc.property(world, someHealth, fc.boolean(), ([before, catalog], health, reloadWaits) => {
        const actual = withHealth(serving(before), health);
        const steps = early(catalog, actual);
        found += steps.length;
        const whole = plan({ ...inputFor(catalog, actual), reloadWaits });
        for (const step of steps) expect(fateOf(step, whole.steps)).to.equal(step.slot.admin);
      }),
      runs(400),
    );
    expect(found).to.be.greaterThan(50);
  });

  it('the plan stays the same once they were sent', () => {
    fc.assert(
      fc.property(someCatalogs(), someHealth, ([before, catalog], health) => {
        const actual = withHealth(serving(before), health);
        const steps = early(catalog, actual);
        const sent = new Map(steps.map(({ slot }) => [slot.name, slot.admin]));
        const after = mapSlots(actual, (slot) => {
          const admin = sent.get(slot.name);
          if (admin === undefined || slot.runtime === undefined) return slot;
          return { ...slot, runtime: { ...slot.runtime, admin } };
        });
        // Alone, an instance that restarted in place isn't gated: its drained neighbours no longer serve.
        const kept = (state: ActualState) =>
          plan(inputFor(catalog, state)).steps.map((step) => ({ ...step, gated: false }));
        expect(kept(after)).to.deep.equal(kept(actual));
      }),
      runs(150),
    );
  });
});

/** A catalog, and one read a little later. */
function someCatalogs(): fc.Arbitrary<readonly [Catalog, Catalog]> {
  const names = ['a', 'b', 'c'];
  return fc
    .tuple(
      fc.tuple(...names.map((name) => someService(name, true))),
      fc.tuple(...names.map((name) => someService(name, false))),
      someTrust,
    )
    .map(([before, later, trust]) => [
      catalogOfServices(before, { removals: 'allowed' }),
      catalogOfServices(later, trust, before),
    ]);
}
