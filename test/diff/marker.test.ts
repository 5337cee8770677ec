import { expect } from 'chai';
import fc from 'fast-check';

import { structuralHash } from '../../src/diff/plan/marker.js';
import type { JsonObject } from '../../src/shared/json.js';
import {
  actualState,
  backend,
  checkedSection,
  desiredState,
  endpoint,
  input,
  operatorBackend,
  planFor,
  route,
  slot,
  stepsOf,
  withSettings,
} from './given.js';
import { converge } from './model.js';

const rules = withSettings({ routing: { mode: 'rules' } });
const desired = desiredState([backend('web', { endpoints: [endpoint('a')] })], [route('x.io')]);
const actual = converge(input(desired, actualState(), { settings: rules }));

function planOf(given: Parameters<typeof backend>[1], routes = [route('x.io')]) {
  return planFor(desiredState([backend('web', given)], routes), actual, { settings: rules });
}

describe('the generation marker', () => {
  it('is named after the generation and a hash, and loaded with its reload', () => {
    expect(actual.marker.onDisk).to.match(/^nomad__g58-[0-9a-f]{12}$/);
    expect(actual.marker.loaded).to.equal(actual.marker.onDisk);
  });

  it('stays for all that changes without a reload', () => {
    const variants = [
      { address: '10.0.0.9' },
      { port: 30_000 },
      { weight: 20 },
      { checkPort: 9000 },
      { createIndex: 130 },
      { phase: 'gate' },
      { phase: 'drain' },
    ] as const;
    for (const one of variants) {
      const plan = planOf({ endpoints: [endpoint('a', one)] });
      expect(
        plan.steps.map(({ route: by }) => by),
        JSON.stringify(one),
      ).to.deep.equal(['no-reload']);
    }
  });

  it('moves with the section, the names of slots and the rules', () => {
    const endpoints = [endpoint('a')];
    const four = ['a', 'b', 'c', 'd', 'e'].map((name) => endpoint(name));
    const plans = [
      planOf({ endpoints, section: { ...checkedSection, balance: { algorithm: 'source' } } }),
      planOf({ endpoints: four }),
      planOf({ endpoints }, [route('y.io')]),
      planOf({ endpoints }, []),
    ];
    const hashes = plans.flatMap((plan) => stepsOf(plan, 'set-marker').map(({ hash }) => hash));
    expect(new Set(hashes).size).to.equal(4);
    expect(hashes.some((hash) => actual.marker.onDisk?.endsWith(hash))).to.equal(false);
  });

  it('S7: HAProxy that runs another generation than the one on disk reloads', () => {
    const older = { ...actual, marker: { ...actual.marker, loaded: 'nomad__g57-0123456789ab' } };
    const { steps } = planFor(desired, older, { settings: rules });
    expect(steps).to.deep.equal([
      {
        kind: 'reload',
        route: 'transaction',
        reload: 'lost-reload',
        reason: 'HAProxy runs an older configuration than the one on disk',
      },
    ]);
    const none = { ...actual, marker: { onDisk: actual.marker.onDisk ?? '' } };
    expect(planFor(desired, none, { settings: rules }).steps).to.deep.equal(steps);
  });

  it('one that is gone from disk, or has another hash, is set again', () => {
    const [lost] = planFor(desired, { ...actual, marker: {} }, { settings: rules }).steps;
    expect(lost).to.deep.include({ kind: 'set-marker', exists: false });
    const other = { onDisk: 'nomad__g58-0123456789ab', loaded: 'nomad__g58-0123456789ab' };
    const [wrong] = planFor(desired, { ...actual, marker: other }, { settings: rules }).steps;
    expect(wrong).to.deep.include({ kind: 'set-marker', exists: true });
  });

  it('whose server was deleted by hand is set again in the backend that is left', () => {
    const backends = { ...actual.backends, nomad__connector: operatorBackend('nomad__connector') };
    const [emptied] = planFor(
      desired,
      { ...actual, backends, marker: {} },
      { settings: rules },
    ).steps;
    expect(emptied).to.deep.include({ kind: 'set-marker', exists: true });
  });

  it('is not made where there is nothing to mark', () => {
    expect(planFor(desiredState(), actualState()).steps).to.deep.equal([]);
  });

  it('a write by hand that HAProxy has not loaded shows, by its servers', () => {
    const one = actual.backends['nomad_web'];
    if (one === undefined) throw new Error('no backend');
    const { runtime: _, ...unloaded } = slot('nomad_web_3');
    const backends = { nomad_web: { ...one, slots: [...one.slots.slice(0, 2), unloaded] } };
    const { steps } = planFor(desired, { ...actual, backends }, { settings: rules });
    expect(steps.map(({ kind }) => kind)).to.deep.equal(['reload']);
  });

  describe('its hash', () => {
    const some = fc.object({
      key: fc.stringMatching(/^[a-z]{1,3}$/),
      values: [fc.string(), fc.integer(), fc.boolean(), fc.constant(null)],
      maxDepth: 3,
    });

    it('does not depend on the order of keys, nor on what is undefined', () => {
      fc.assert(
        fc.property(some, (object) => {
          const hash = structuralHash(object as JsonObject);
          expect(structuralHash(reversed(object) as JsonObject)).to.equal(hash);
          expect(structuralHash({ ...(object as JsonObject), zzzz: undefined })).to.equal(hash);
          expect(structuralHash({ ...(object as JsonObject), zzzz: 1 })).not.to.equal(hash);
        }),
      );
    });

    it('depends on the order of lists', () => {
      expect(structuralHash(['a', 'b'])).not.to.equal(structuralHash(['b', 'a']));
    });
  });
});

function reversed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, inner]) => [key, reversed(inner)]));
}
