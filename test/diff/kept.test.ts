import { expect } from 'chai';
import fc from 'fast-check';

import { openPolicy } from '../../src/config/policy.js';
import type { ActualState } from '../../src/actual/types.js';
import type { DesiredState, KeptService, SkipCode } from '../../src/desired/types.js';
import { guard } from '../../src/diff/plan/guard.js';
import type { Plan } from '../../src/diff/types.js';
import {
  actualBackend,
  actualState,
  allocations,
  backend,
  catalog,
  checkedSection,
  customBackend,
  desiredState,
  endpoint,
  frontend,
  idOf,
  input,
  kindsOf,
  operatorBackend,
  planFor,
  route,
  slot,
  stepsOf,
  withSettings,
} from './given.js';
import { converge } from './model.js';

const service = 'default/web';

/** The service is skipped, with these instances; its tags name `where`, whether or not that is there. */
function skippedWith(
  endpoints: KeptService['endpoints'],
  given: { readonly code?: SkipCode; readonly where?: string } & Partial<KeptService> = {},
): DesiredState {
  const { code = 'invalid-tag', where, ...more } = given;
  const named = where === undefined ? {} : { backend: where };
  const skipped = [{ service, code, reason: 'tag haproxy.maxconn=1k is invalid', ...named }];
  return desiredState([], [], { skipped, kept: [{ service, endpoints, ...more }] });
}

const names = ['a', 'b', 'c', 'd'] as const;
const [a, b, c, d] = names.map((name) => endpoint(name));
const old = [a!, b!];
const next = [c!, d!];
const stopped = catalog({
  allocations: allocations({
    a: { desiredStatus: 'stop', clientStatus: 'complete' },
    b: { desiredStatus: 'stop', clientStatus: 'complete' },
  }),
});

/** As a good version of the service left it. */
const ownBefore = converge(
  input(
    desiredState([backend('web', { endpoints: old })], [route('web.example.com')]),
    actualState(),
  ),
);

function poolBefore(given = actualState([operatorBackend('pool')])): ActualState {
  const before = desiredState(
    [customBackend('web', { endpoints: old })],
    [route('web.example.com', { backend: 'pool' })],
  );
  return converge(input(before, given));
}

function boundIn({ backends }: ActualState, name: string): string[] {
  const ids = (backends[name]?.slots ?? []).flatMap(({ binding }) => binding?.id ?? []);
  return ids.sort();
}

function reloads({ steps }: Plan): string[] {
  return steps.filter(({ route: how }) => how === 'transaction').map(({ kind }) => kind);
}

describe('a skipped service that stands in a backend of ours', () => {
  it('binds its new instances, gated on the standing check, and drains its old ones, without a reload', () => {
    const desired = skippedWith(next);
    const plan = planFor(desired, ownBefore, { catalog: stopped });
    expect(reloads(plan)).to.deep.equal([]);
    const bound = stepsOf(plan, 'bind-slot');
    expect(bound.map(({ slot: { binding }, gated }) => [binding?.id, gated])).to.deep.equal([
      [idOf('c'), true],
      [idOf('d'), true],
    ]);
    const after = converge(input(desired, ownBefore, { catalog: stopped }));
    expect(boundIn(after, 'nomad_web')).to.deep.equal([idOf('c'), idOf('d')]);
    expect(after.backends['nomad_web']?.section).to.deep.equal(checkedSection);
    expect(after.maps).to.deep.equal(ownBefore.maps);
  });

  it('gates without traffic what is pending, and drains what stops', () => {
    const desired = skippedWith([{ ...a!, phase: 'drain' }, b!, { ...c!, phase: 'gate' }]);
    const [drain] = stepsOf(planFor(desired, ownBefore), 'drain-slot');
    expect(drain?.slot.binding?.id).to.equal(idOf('a'));
    const [bind] = stepsOf(planFor(desired, ownBefore), 'bind-slot');
    expect(bind?.slot).to.deep.include({ admin: 'drain' });
  });

  it('gets more slots where it has too few, with the section that stands', () => {
    const many = 'cdefghijk'.split('').map((name) => endpoint(name));
    const plan = planFor(skippedWith([...old, ...many]), ownBefore);
    const [step] = stepsOf(plan, 'replace-backend');
    expect(step).to.deep.include({ section: checkedSection, changes: [] });
    expect(step?.slots.filter(({ binding }) => binding !== undefined)).to.have.length(11);
  });

  it('is at rest once its instances are bound', () => {
    const after = converge(input(skippedWith(next), ownBefore, { catalog: stopped }));
    const plan = planFor(skippedWith(next), after, { catalog: stopped });
    expect([plan.steps, plan.inMotion]).to.deep.equal([[], false]);
  });

  it('weighs as its tags say, where they say; else as its slot does, or its neighbours', () => {
    const slots = [
      slot('nomad_web_1', {
        binding: 'a',
        config: { address: '10.0.0.1', port: 20_097, disabled: false, weight: 40, checkPort: 9000 },
      }),
      slot('nomad_web_2'),
      slot('nomad_web_3'),
      slot('nomad_web_4'),
    ];
    const actual = actualState([actualBackend('web', { slots })]);
    const unread = ['weight', 'checkPort'] as const;
    const kept = [
      { ...a!, weight: 100, isUsualWeight: true as const, unread },
      { ...b!, unread },
      { ...c!, weight: 7 },
    ];
    const after = converge(input(skippedWith(kept), actual));
    const found = after.backends['nomad_web']?.slots.slice(0, 3).map(({ config }) => config);
    expect(found?.map(({ weight }) => weight)).to.deep.equal([40, 40, 7]);
    expect(found?.map(({ checkPort }) => checkPort)).to.deep.equal([9000, 9000, c!.port]);
  });

  it('has its new instances checked on their own paths where the section looks these up', () => {
    const paths = { [idOf('a')]: '/a', [idOf('b')]: '/b' };
    const looksUp = {
      ...checkedSection,
      http_check_list: [{ type: 'send', uri_log_format: '%[srv_name,map(<check-paths>,/)]' }],
    };
    const good = desiredState([
      backend('web', { section: looksUp, checkPaths: paths, endpoints: old }),
    ]);
    const before = converge(input(good, actualState()));
    const more = { [idOf('c')]: '/c', [idOf('d')]: '/d' };
    const desired = skippedWith(next, { checkPaths: more, checkHosts: more });
    const after = converge(input(desired, before, { catalog: stopped }));
    const values = Object.values(after.maps['nomad_check_path']?.entries ?? {});
    expect(values.sort()).to.deep.equal(['/c', '/d']);
    expect(Object.keys(after.maps)).to.deep.equal(Object.keys(before.maps));
  });

  it('its absent instances are held like those of any other', () => {
    const actual = ownBefore;
    const settings = { maxRemovalPercent: 30, tracelessHoldMs: 0, allowRemovals: false };
    const asked = { actual, settings, hidden: [], nowMs: 0 };
    const { held } = guard({ ...asked, desired: skippedWith([a!]), catalog: catalog() });
    expect(held?.instances).to.deep.equal([idOf('b')]);
    expect(held?.backends).to.deep.equal([]);
  });

  it('stays as it is where nothing is known of its instances', () => {
    const unknown = { ...skippedWith([]), kept: [] };
    const plan = planFor(unknown, ownBefore);
    expect([plan.steps, plan.held, plan.inMotion]).to.deep.equal([[], undefined, false]);
  });
});

describe("a skipped service that stands in the operator's backend", () => {
  const wheres = [undefined, 'pool', 'nomad_web', 'costum', 'po ol'];
  for (const where of wheres) {
    it(`goes on there though its tags name ${where ?? 'none'}`, () => {
      const desired = skippedWith(next, where === undefined ? {} : { where });
      const before = poolBefore();
      const plan = planFor(desired, before, { catalog: stopped });
      expect(reloads(plan)).to.deep.equal([]);
      const after = converge(input(desired, before, { catalog: stopped }));
      expect(boundIn(after, 'pool')).to.deep.equal([idOf('c'), idOf('d')]);
      expect(after.maps, 'its routes').to.deep.equal(before.maps);
    });
  }

  it('keeps its routes in rules mode', () => {
    const settings = withSettings({ routing: { mode: 'rules' } });
    const before = converge(
      input(
        desiredState(
          [customBackend('web', { endpoints: old })],
          [route('web.example.com', { backend: 'pool' })],
        ),
        actualState([operatorBackend('pool')]),
        { settings },
      ),
    );
    expect(before.frontends['http_front']?.rules).to.have.length(1);
    const after = converge(input(skippedWith(next), before, { settings, catalog: stopped }));
    expect(after.frontends).to.deep.equal(before.frontends);
  });

  it('new instances weigh what HAProxy gives a server', () => {
    const usual = next.map((one) => ({ ...one, isUsualWeight: true as const }));
    const after = converge(input(skippedWith(usual), poolBefore(), { catalog: stopped }));
    const bound = after.backends['pool']?.slots.filter(({ binding }) => binding !== undefined);
    expect(bound?.map(({ config }) => config.weight)).to.deep.equal([1, 1]);
  });

  it('leaves the servers of others there alone', () => {
    const other = { ...slot('nomad_api_1', { binding: 'x' }), service: 'default/api' };
    const pool = operatorBackend('pool', [other]);
    const api = customBackend('api', { endpoints: [endpoint('x')] });
    const desired = skippedWith(next);
    const both = { ...desired, backends: [api] };
    const after = converge(input(both, poolBefore(actualState([pool])), { catalog: stopped }));
    expect(boundIn(after, 'pool')).to.deep.equal([idOf('c'), idOf('d'), idOf('x')]);
  });

  const conflicts = [
    ['a backend that is not there', customBackend('web', { name: 'pol', endpoints: next })],
    ['a backend of mode tcp', customBackend('web', { name: 'tcp', endpoints: next })],
    [
      "one of its own, which is the operator's",
      backend('web', { strategy: 'create_new', endpoints: next }),
    ],
  ] as const;
  for (const [title, wanted] of conflicts) {
    it(`goes on there while its tags name ${title}`, () => {
      const others = [
        operatorBackend('pool'),
        operatorBackend('tcp', [], 'tcp'),
        operatorBackend('nomad_web'),
      ];
      const before = poolBefore(actualState(others));
      const desired = desiredState([wanted], [route('x.example.com', { backend: wanted.name })]);
      const plan = planFor(desired, before, { catalog: stopped });
      expect(plan.skipped.map(({ code }) => code)).to.deep.equal(['backend-conflict']);
      expect(kindsOf(plan)).to.deep.equal(['drain-slot', 'bind-slot']);
      const after = converge(input(desired, before, { catalog: stopped }));
      expect(boundIn(after, 'pool')).to.deep.equal([idOf('c'), idOf('d')]);
      expect(after.maps).to.deep.equal(before.maps);
    });
  }

  it('goes on in its own backend while its tags name one that is not there', () => {
    const desired = desiredState([customBackend('web', { name: 'pol', endpoints: next })]);
    const after = converge(input(desired, ownBefore, { catalog: stopped }));
    expect(boundIn(after, 'nomad_web')).to.deep.equal([idOf('c'), idOf('d')]);
  });
});

describe('whatever the reason', () => {
  const codes = [
    'invalid-tag',
    'domain-claimed',
    'name-conflict',
    'rejected-by-haproxy',
    'backend-conflict',
    'invalid-route-file',
  ] as const;

  it('nothing that a skipped service stands in is removed, and all its instances are bound', () => {
    const someEndpoints = fc
      .subarray(['a', 'b', 'c', 'd', 'e', 'f', 'g'])
      .map((names) => names.map((name) => endpoint(name)));
    fc.assert(
      fc.property(
        fc.constantFrom(...codes),
        fc.constantFrom(undefined, 'pool', 'nomad_web', 'none'),
        fc.constantFrom(ownBefore, poolBefore()),
        someEndpoints,
        (code, where, before, endpoints) => {
          const desired = skippedWith(endpoints, {
            code,
            ...(where === undefined ? {} : { where }),
          });
          const open = withSettings({ guard: { allowRemovals: true } });
          const given = { settings: open, catalog: stopped };
          const plan = planFor(desired, before, given);
          expect(stepsOf(plan, 'delete-server', 'delete-backend')).to.deep.equal([]);
          const after = converge(input(desired, before, given));
          const ids = [...boundIn(after, 'nomad_web'), ...boundIn(after, 'pool')];
          expect(ids).to.include.members(endpoints.map(({ id }) => id));
        },
      ),
    );
  });

  it("a service that lost its domains keeps its servers, and its routes are the other's", () => {
    for (const mode of ['map', 'rules'] as const) {
      const settings = withSettings({ routing: { mode } });
      const good = desiredState(
        [backend('web', { endpoints: old })],
        [route('web.example.com'), route('old.example.com')],
      );
      const before = converge(input(good, actualState(), { settings }));
      const older = route('web.example.com', { backend: 'nomad_api', service: 'default/api' });
      const desired = {
        ...skippedWith(old, { code: 'domain-claimed' }),
        backends: [backend('api')],
        routes: [older],
      };
      const after = converge(input(desired, before, { settings }));
      expect(boundIn(after, 'nomad_web')).to.deep.equal([idOf('a'), idOf('b')]);
      const entries = Object.values(after.maps['nomad_exact']?.entries ?? {});
      const rules = (after.frontends['http_front']?.rules ?? []).map(({ name }) => name);
      expect(mode === 'map' ? entries : rules).to.deep.equal(['nomad_api']);
    }
  });
});

describe('a backend that reads back differently', () => {
  const section = { ...checkedSection, adv_check: 'httpchk' };
  const unstable = { nomad_web: 'backend nomad_web reads back differently from what was written' };
  const wanting = (endpoints = next) => desiredState([backend('web', { section, endpoints })]);

  it('goes on binding and draining by what stands, without a reload', () => {
    const written = converge(
      input(desiredState([backend('web', { section, endpoints: old })]), actualState()),
    );
    const stands = actualBackend('web', { slots: written.backends['nomad_web']!.slots });
    const before = { ...written, backends: { nomad_web: stands } };
    const given = { catalog: stopped, unstable };
    const plan = planFor(wanting(), before, given);
    expect(kindsOf(plan).sort()).to.deep.equal(['bind-slot', 'drain-slot']);
    const after = converge(input(wanting(), before, given));
    expect(boundIn(after, 'nomad_web')).to.deep.equal([idOf('c'), idOf('d')]);
    expect(after.backends['nomad_web']?.section).to.deep.equal(checkedSection);
    expect(planFor(wanting(), after, given).problems.map(({ code }) => code)).to.deep.equal([
      'unstable-backend',
    ]);
  });

  it('gets more slots by what stands', () => {
    const slots = [slot('nomad_web_1', { binding: 'a' }), slot('nomad_web_2', { binding: 'b' })];
    const actual = actualState([actualBackend('web', { slots })]);
    const plan = planFor(wanting([...old, ...next]), actual, { unstable });
    const [step] = stepsOf(plan, 'replace-backend');
    expect(step).to.deep.include({ section: checkedSection, changes: [] });
    const after = converge(input(wanting([...old, ...next]), actual, { unstable }));
    expect(boundIn(after, 'nomad_web')).to.have.length(4);
  });

  it('is gated only by a check that stands', () => {
    const { default_server: _, ...unchecked } = checkedSection;
    const written = converge(input(wanting([a!]), actualState()));
    const { slots } = written.backends['nomad_web']!;
    const stands = actualBackend('web', { section: unchecked, slots });
    const actual = { ...written, backends: { nomad_web: stands } };
    const plan = planFor(wanting([a!, c!]), actual, { unstable });
    expect(stepsOf(plan, 'bind-slot').map(({ gated }) => gated)).to.deep.equal([false]);
  });

  it('its routes to other frontends stay as well', () => {
    const fronts = { http_front: frontend('http_front') };
    const slots = [slot('nomad_web_1', { binding: 'a' })];
    const actual = actualState([actualBackend('web', { slots })], { frontends: fronts });
    const desired = { ...wanting(old), routes: [route('web.example.com')] };
    const after = converge(input(desired, actual, { unstable }));
    expect(after.maps['nomad_exact']?.entries).to.deep.equal({ 'web.example.com': 'nomad_web' });
  });
});

describe('what the policy reserves', () => {
  const hosts = ['login.corp.io', 'web.example.com'];
  const policy = { ...openPolicy, reservedDomains: ['login.corp.io'] };

  for (const mode of ['map', 'rules'] as const) {
    it(`leaves a skipped service, of which the rest stays: in mode ${mode}`, () => {
      const given = withSettings({ routing: { mode } });
      const before = converge(
        input(
          desiredState(
            [backend('web', { endpoints: old })],
            hosts.map((host) => route(host)),
          ),
          actualState(),
          { settings: given },
        ),
      );
      const desired = skippedWith(old);
      const routed = (state: ActualState): string[] => {
        const front = state.frontends['http_front'];
        const text = JSON.stringify([state.maps, front?.acls, front?.rules]);
        return hosts.filter((host) => text.includes(host));
      };
      expect(routed(converge(input(desired, before, { settings: given })))).to.deep.equal(hosts);
      const after = converge(input(desired, before, { settings: { ...given, policy } }));
      expect(routed(after)).to.deep.equal(['web.example.com']);
      expect(boundIn(after, 'nomad_web')).to.deep.equal([idOf('a'), idOf('b')]);
    });
  }
});
