import { expect } from 'chai';

import { orphanedRules } from '../../src/diff/plan/orphans.js';
import { lookupMap } from '../../src/haproxy/lookup-rules.js';
import { lookups } from '../../src/haproxy/expressions.js';
import { planRouting } from '../../src/diff/plan/routes.js';
import type { JsonObject } from '../../src/shared/json.js';
import {
  actualBackend,
  actualState,
  frontend,
  operatorBackend,
  route,
  slot,
  withSettings,
} from './given.js';

const old = withSettings({ routing: { mapName: 'old' } });
const settings = withSettings({});
const routes = [
  route('x.io'),
  route('x.io', { path: '/a' }),
  route('x.io', { match: 'wildcard' }),
  route('x', { match: 'prefix' }),
  route('^x$', { match: 'regex' }),
];

function rulesOf(given: typeof old): readonly JsonObject[] {
  const http_front = frontend('http_front');
  const { frontends } = planRouting(routes, { maps: {}, frontends: { http_front } }, given);
  return frontends['http_front']?.rules ?? [];
}

/** Of the rules that the earlier name left, those that are taken for ours. */
function orphaned(entries: Record<string, string>, rules = rulesOf(old)): number {
  const names = rules.flatMap((rule) => lookupMap(rule) ?? []);
  const maps = Object.fromEntries(
    names.map(({ name, file }) => [name, { file, entries: name === 'old_exact' ? entries : {} }]),
  );
  const http_front = frontend('http_front', { rules });
  const shop = operatorBackend('shop', [slot('nomad_shop_1', { binding: 'a' })]);
  const backends = [actualBackend('web'), operatorBackend('pool'), shop];
  const actual = actualState(backends, { maps, frontends: { http_front } });
  return rules.filter(orphanedRules(actual, settings)).length;
}

describe('rules that an earlier routing.map_name left', () => {
  it('are known by their form, to the letter', () => {
    const rules = rulesOf(old);
    expect(rules.length).to.be.at.least(lookups.length / 2);
    for (const rule of rules) {
      expect(lookupMap(rule)?.base, JSON.stringify(rule)).to.equal('old');
      expect(lookupMap({ ...rule, cond: 'unless' })).to.equal(undefined);
      expect(lookupMap({ ...rule, cond_test: 'is_admin' })).to.equal(undefined);
      expect(lookupMap({ ...rule, name: 'nomad_web' })).to.equal(undefined);
    }
  });

  it('are ours where all that their maps hold leads to ours', () => {
    const all = rulesOf(old).length;
    expect(orphaned({ 'x.io': 'nomad_web' })).to.equal(all);
    expect(orphaned({ 'x.io': 'nomad_web', 'y.io': 'shop' })).to.equal(all);
  });

  it("are not ours where one entry leads to the operator's, or to nothing, or none proves it", () => {
    expect(orphaned({ 'x.io': 'nomad_web', 'y.io': 'pool' })).to.equal(0);
    expect(orphaned({ 'x.io': 'other_web' })).to.equal(0);
    expect(orphaned({})).to.equal(0);
  });

  it('nothing of the present name is one', () => {
    expect(orphaned({ 'x.io': 'nomad_web' }, rulesOf(settings))).to.equal(0);
  });
});
