import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { Ajv } from 'ajv';
import { expect } from 'chai';
import fc from 'fast-check';

import { plan as makePlan } from '../../src/diff/plan/plan.js';
import { planDocument } from '../../src/diff/print/print.js';
import { stepKinds } from '../../src/diff/steps.js';
import type { Plan } from '../../src/diff/types.js';
import { savedPlan } from '../../src/plans/document.js';
import { planSchema } from '../../src/plans/schema.js';
import type { Json } from '../../src/shared/json.js';
import { inputOf, someWorld } from '../arbitraries/world.js';
import { settings } from '../desired/given.js';
import { heldRemoval, nothing } from '../pass/given-picture.js';
import { idleSlots } from '../diff/model.js';
import { freeingPlan, openingPlan, reloadPlan, repairPlan } from './given.js';

const somePlan = someWorld.map(({ desired, actual, settings: some }) =>
  makePlan({ ...inputOf(desired, actual, some), idle: idleSlots(actual) }),
);

/** No key may be there that the schema doesn't name. */
function strict(schema: Json | undefined): Json | undefined {
  if (Array.isArray(schema)) return (schema as Json[]).map((one) => strict(one)!);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.entries(schema).map(([key, one]) => [key, strict(one)]);
  const closed = 'properties' in schema ? { additionalProperties: false } : {};
  return { ...(Object.fromEntries(inner) as object), ...closed };
}

describe('the JSON schema of a plan', () => {
  const validate = new Ajv({ strict: true }).compile(strict({ ...planSchema() }) as object);
  const requireValid = (document: unknown): void => {
    expect(validate(document), JSON.stringify(validate.errors)).to.equal(true);
  };
  const redact = (text: string): string => text;
  const saved = (plan: Plan) =>
    savedPlan({ target: 'default', plan, actual: { raw: '# _version=1\n' } }, settings, redact);

  it('is the one in docs/plan.schema.json', async () => {
    const path = resolve(import.meta.dirname, '..', '..', 'docs', 'plan.schema.json');
    expect(JSON.parse(await readFile(path, 'utf8'))).to.deep.equal(planSchema());
  });

  it('holds for plans with steps of every kind, printed and saved', () => {
    const plans = [
      ...[freeingPlan(), openingPlan(), repairPlan(), reloadPlan()],
      ...fc.sample(somePlan, { seed: 7, numRuns: 200 }),
    ];
    for (const plan of plans) {
      requireValid(planDocument(plan));
      requireValid(saved(plan));
    }
    const seen = new Set(plans.flatMap(({ steps }) => steps.map(({ kind }) => kind)));
    expect([...seen].sort()).to.deep.equal([...stepKinds].sort());
  });

  it('holds for what is held, skipped or a problem', () => {
    const lasting = { since: 1, until: 2, remainingMs: 10.5 };
    requireValid(
      saved({
        ...nothing,
        held: { ...heldRemoval, untrusted: true, lasting },
        skipped: [{ service: 'default/a', code: 'policy', reason: 'no', backend: 'nomad_a' }],
        problems: [{ code: 'frontend-missing', message: 'none' }],
      }),
    );
  });

  it('refuses another version and what is no plan', () => {
    const document = saved(nothing);
    for (const other of [{ ...document, format_version: 2 }, { ...document, changes: {} }, [], 1]) {
      expect(validate(other)).to.equal(false);
    }
  });
});
