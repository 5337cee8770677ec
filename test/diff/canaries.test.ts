import { expect } from 'chai';

import { canaryPlaces, canaryRules } from '../../src/desired/canary.js';
import type { EntryStep } from '../../src/diff/types.js';
import {
  actualState,
  backend,
  checkedSection,
  desiredState,
  endpoint,
  idOf,
  input,
  planFor,
  route,
} from './given.js';
import { converge } from './model.js';

const rules = canaryRules('nomad_web', { name: 'X-Canary' });
const section = {
  ...checkedSection,
  http_request_rule_list: rules.requestRules,
  server_switching_rule_list: rules.serverRules,
};

function web(stable: readonly string[], canaries: readonly string[], given = {}) {
  const endpoints = [...stable, ...canaries].map((name) => endpoint(name));
  const one = backend('web', { section, endpoints, canaries: canaries.map(idOf), ...given });
  return desiredState([one], [route('x.io')]);
}

const alone = converge(input(web(['a'], []), actualState()));
const withB = converge(input(web(['a'], ['b']), alone));

function entries(steps: readonly { route: string }[]): string[] {
  const own = steps.filter((step): step is EntryStep => step.route === 'runtime');
  const texts = own.map(({ kind, value, when }) => [kind, value, when].join(' ').trim());
  return [...new Set(texts)];
}

describe('the map of canaries', () => {
  it('has to be there as soon as a backend looks canaries up, and may be empty', () => {
    expect(alone.maps['nomad_canary']?.entries).to.deep.equal({});
    expect(JSON.stringify(alone.backends['nomad_web']?.section)).to.include('/nomad_canary.map');
  });

  it('names a new canary once its slot is filled, and costs no reload', () => {
    const { steps } = planFor(web(['a'], ['b']), alone);
    expect(steps.map(({ kind }) => kind).slice(0, 2)).to.deep.equal(['bind-slot', 'add-entry']);
    expect(entries(steps)).to.deep.equal(['add-entry nomad_web_2 last']);
    expect(steps.filter(({ route }) => route === 'runtime')).to.have.length(canaryPlaces);
  });

  it('names each canary in as many places as the others', () => {
    const { steps } = planFor(web(['a'], ['b', 'c']), withB);
    expect(entries(steps)).to.deep.equal(['delete-entry  first', 'add-entry nomad_web_3 last']);
    expect(steps.filter(({ kind }) => kind === 'add-entry')).to.have.length(canaryPlaces / 2);
  });

  it('forgets one before it drains; those that stay take its places', () => {
    const both = converge(input(web(['a'], ['b', 'c']), withB));
    const leaves = web(['a', 'b'], ['c']);
    const { steps } = planFor(leaves, both);
    expect(entries(steps)).to.deep.equal(['set-entry nomad_web_3 first']);
    const leaving = ['b', 'c'].map((name) => endpoint(name, { phase: 'drain' }));
    const gone = planFor(web(['a'], [], { endpoints: [endpoint('a'), ...leaving] }), both).steps;
    expect(gone.map(({ kind }) => kind).slice(0, canaryPlaces + 1)).to.deep.equal([
      ...Array<string>(canaryPlaces).fill('delete-entry'),
      'drain-slot',
    ]);
  });

  it('keeps one whose removal is held', () => {
    const both = converge(input(web(['a'], ['b', 'c']), withB));
    const { held, steps } = planFor(web(['a'], []), both);
    expect(held?.instances).to.deep.equal(['b', 'c'].map(idOf));
    expect(entries(steps)).to.deep.equal([]);
  });

  it('stays as it is for a service that is skipped', () => {
    const reason = { service: 'default/web', code: 'invalid-tag', reason: 'x' } as const;
    const skipped = desiredState([], [], { skipped: [{ ...reason, backend: 'nomad_web' }] });
    expect(planFor(skipped, withB).steps).to.deep.equal([]);
  });
});
