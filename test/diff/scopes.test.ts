import { expect } from 'chai';
import fc from 'fast-check';

import type { ActualBackend, ActualState, Neighbour } from '../../src/actual/types.js';
import type { DesiredState } from '../../src/desired/types.js';
import { plan } from '../../src/diff/plan/plan.js';
import { aclPrefix } from '../../src/diff/plan/routes.js';
import { lookupMap, switchingRule } from '../../src/haproxy/lookup-rules.js';
import { lookups, pathVariable } from '../../src/haproxy/expressions.js';
import { type JsonObject, textAt } from '../../src/shared/json.js';
import { runs } from '../arbitraries/runs.js';
import { inputOf, someWorld, type World } from '../arbitraries/world.js';
import {
  actualBackend,
  actualState,
  backend,
  desiredState,
  endpoint,
  frontend,
  planFor,
  route,
  slot,
  stepsOf,
  withSettings,
} from './given.js';
import { applyToModel, converge, idleSlots } from './model.js';

const some = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `default/${name}`);

/** As the reader sees it once the namespace of these services has left the settings. */
function leaving(one: ActualBackend, left: ReadonlySet<string>): ActualBackend {
  const { service = '', slots } = one;
  const foreign = slots.filter((each) => left.has(each.service));
  const isWhole = one.ours && left.has(service);
  if (foreign.length === 0 && !isWhole) return one;
  return {
    ...one,
    ...(isWhole ? { ours: false, section: {}, foreignService: service } : {}),
    slots: slots.filter((each) => !left.has(each.service)),
    ...(foreign.length === 0 ? {} : { foreign }),
    outOfScope: [...new Set([...(isWhole ? [service] : []), ...foreign.map((f) => f.service)])],
  };
}

function without({ backends, routes, ...rest }: DesiredState, left: ReadonlySet<string>) {
  const stays = ({ service }: { readonly service: string }): boolean => !left.has(service);
  return { ...rest, backends: backends.filter(stays), routes: routes.filter(stays) };
}

interface Left {
  readonly backends: readonly ActualBackend[];
  readonly routed: readonly string[];
  readonly rules: readonly string[];
  readonly foreign: readonly string[];
}

/** All of theirs: backends, servers, and what leads to them, in the process and on disk. */
function leftIn({ backends, maps, frontends }: ActualState): Left {
  const outside = Object.values(backends).filter((one) => one.outOfScope !== undefined);
  const whole = outside.filter((one) => one.foreignService !== undefined);
  const names = new Set(whole.map(({ name }) => name));
  const routed = Object.entries(maps).flatMap(([map, { entries = {}, stored = {} }]) =>
    [...Object.entries(entries), ...Object.entries(stored)]
      .filter(([, value]) => names.has(value))
      .map((entry) => [map, ...entry].join(' ')),
  );
  const rules = Object.values(frontends).flatMap((front) =>
    front.rules
      .filter((rule) => names.has(textAt(rule, 'name')))
      .map((rule) => ruleText(front.name, rule)),
  );
  return {
    backends: whole,
    routed: routed.sort(),
    rules: rules.sort(),
    foreign: outside.flatMap(({ name, foreign = [] }) => foreign.map((f) => `${name} ${f.name}`)),
  };
}

function ruleText(front: string, rule: JsonObject): string {
  return [front, textAt(rule, 'name'), textAt(rule, 'cond_test')].join(' ');
}

interface Split extends World {
  readonly left: ReadonlySet<string>;
}

const someSplit: fc.Arbitrary<Split> = fc
  .tuple(someWorld, fc.subarray(some, { minLength: 1 }))
  .map(([{ actual, desired, settings }, names]) => {
    const left = new Set(names);
    const backends = Object.entries(actual.backends).map(([name, one]) => [
      name,
      leaving(one, left),
    ]);
    return {
      settings,
      left,
      desired: without(desired, left),
      actual: { ...actual, backends: Object.fromEntries(backends) as ActualState['backends'] },
    };
  });

describe('what is not in the scope', () => {
  it('is in no step, stays where it is, and goes on being routed', () => {
    fc.assert(
      fc.property(someSplit, ({ actual, desired, settings }) => {
        const before = leftIn(actual);
        const input = { ...inputOf(desired, actual, settings), idle: idleSlots(actual) };
        const { steps } = plan(input);
        const names = new Set(before.backends.map(({ name }) => name));
        for (const step of steps) {
          if (!('backend' in step)) continue;
          expect(names.has(step.backend), `${step.kind} ${step.backend}`).to.equal(false);
          const server = 'before' in step && 'name' in step.before ? step.before.name : '';
          expect(before.foreign).to.not.include(`${step.backend} ${server}`);
        }
        const after = leftIn(converge(input));
        expect(after.backends).to.deep.equal(before.backends);
        expect(after.foreign).to.deep.equal(before.foreign);
        for (const one of before.rules) expect(after.rules).to.include(one);
        for (const one of before.routed) expect(after.routed).to.include(one);
      }),
      runs(80),
    );
  });

  it('keeps its entries where one of ours wants the same domain, and that is reported', () => {
    const theirs = leaving(actualBackend('api', { service: 'blue/api' }), new Set(['blue/api']));
    const maps = {
      nomad_exact: { file: '/maps/nomad_exact.map', entries: { 'x.io': 'nomad_api' }, stored: {} },
    };
    const actual = actualState([theirs], { maps });
    const desired = desiredState([backend('web', { endpoints: [endpoint('a')] })], [route('x.io')]);
    const { steps, problems } = planFor(desired, actual);
    expect(steps.filter((step) => 'key' in step)).to.deep.equal([]);
    expect(problems.map(({ code }) => code)).to.deep.equal(['foreign-entry']);
  });

  it('keeps what the maps of checks say of its servers', () => {
    const slots = [slot('nomad_api_1', { binding: 'a', service: 'blue/api' })];
    const theirs = leaving(
      actualBackend('api', { service: 'blue/api', slots }),
      new Set(['blue/api']),
    );
    const entries = { nomad_api_1: '/theirs', nomad_gone_1: '/ours' };
    const maps = {
      nomad_check_path: { file: '/maps/nomad_check_path.map', entries, stored: entries },
    };
    const found = planFor(desiredState(), actualState([theirs], { maps }));
    expect(stepsOf(found, 'delete-entry').map(({ key }) => key)).to.deep.equal(['nomad_gone_1']);
  });

  it('is no place for a service of ours, whatever the strategy and --adopt say', () => {
    const theirs = { ...actualBackend('web'), ours: false, foreignService: 'blue/web' };
    for (const adopt of [false, true]) {
      for (const kind of ['dynamic', 'custom'] as const) {
        const wanted = backend('web', { kind, endpoints: [endpoint('a')] });
        const settings = withSettings({ ownership: { adopt } });
        const found = planFor(desiredState([wanted]), actualState([theirs]), { settings });
        expect(found.steps).to.deep.equal([]);
        expect(found.skipped.map(({ code }) => code)).to.deep.equal(['backend-conflict']);
      }
    }
  });
});

describe('rules of a connector with another prefix', () => {
  const neighbours: readonly Neighbour[] = [
    { prefix: 'other_', serves: true, stamp: { scope: 'global/*/other', maps: ['other'] } },
  ];
  const theirs: readonly JsonObject[] = [
    ...lookups
      .filter(({ kind }) => kind === 'exact' || kind === 'exact-path')
      .map(({ kind, sample }) =>
        switchingRule(sample(`/maps/other_${kind.replace('-', '_')}.map`), false),
      ),
    { name: 'other_web', cond: 'if', cond_test: `${aclPrefix('other_')}0123456789ab` },
  ];
  const operators: readonly JsonObject[] = [{ name: 'static', cond: 'if', cond_test: 'is_static' }];
  const setVar = { type: 'set-var', var_name: pathVariable, var_scope: 'txn', var_expr: 'x' };
  const desired = desiredState(
    [backend('web', { endpoints: [endpoint('a')] })],
    [route('x.io'), route('y.io', { match: 'wildcard' })],
  );

  for (const mode of ['map', 'rules'] as const) {
    for (const position of ['before', 'after'] as const) {
      it(`${mode}, ${position}: may stand on either side of ours, and never move`, () => {
        const settings = withSettings({ routing: { mode, position } });
        const given = { ...inputOf(desired, actualState(), settings) };
        const own = converge(given).frontends['http_front']?.rules ?? [];
        expect(own.length).to.be.at.least(2);
        const state = converge(given);
        const [lead, tail] = position === 'before' ? [[], operators] : [operators, []];
        for (const rules of [
          [...lead, ...theirs, ...own, ...tail],
          [...lead, ...own, ...theirs, ...tail],
          [...lead, ...theirs.slice(1), ...own, ...theirs.slice(0, 1), ...tail],
        ]) {
          const http_front = { ...state.frontends['http_front']!, rules };
          const actual = { ...state, neighbours, frontends: { http_front } };
          expect(plan({ ...given, actual }).steps).to.deep.equal([]);
          const none = plan({ ...inputOf(desiredState(), actual, settings), actual });
          const left = applyToModel(actual, none).frontends['http_front']?.rules ?? [];
          for (const rule of [...theirs, ...operators]) expect(left).to.deep.include(rule);
        }
        // The operator's come where the setting says.
        const rules = position === 'before' ? [...operators, ...own] : [...own, ...operators];
        const http_front = { ...state.frontends['http_front']!, rules };
        const actual = { ...state, neighbours, frontends: { http_front } };
        expect(stepsOf(plan({ ...given, actual }), 'insert-rule')).to.not.deep.equal([]);
      });
    }
  }

  it('are not taken for those of an earlier map name of ours, even to our own servers', () => {
    const entries = { 'x.io': 'nomad_web' };
    const maps = { other_exact: { file: '/maps/other_exact.map', entries, stored: entries } };
    const rules = theirs.filter((rule) => lookupMap(rule)?.name === 'other_exact');
    const http_front = frontend('http_front', { rules });
    const given = { maps, frontends: { http_front } };
    const backends = [actualBackend('web')];
    const deleted = (state: ActualState): number =>
      stepsOf(planFor(desiredState(), state), 'delete-rule').length;
    expect(deleted(actualState(backends, given))).to.equal(1);
    expect(deleted(actualState(backends, { ...given, neighbours }))).to.equal(0);
  });

  it('keep the variable that holds the path', () => {
    const http_front = frontend('http_front', { rules: theirs, httpRequestRules: [setVar] });
    const frontends = { http_front };
    const alone = planFor(desiredState(), actualState([], { frontends }));
    const beside = planFor(desiredState(), actualState([], { frontends, neighbours }));
    const edits = (found: typeof alone): number =>
      stepsOf(found, 'delete-rule').filter(({ list }) => list === 'http_request_rules').length;
    expect([edits(alone), edits(beside)]).to.deep.equal([1, 0]);
  });
});
