import { readFileSync } from 'node:fs';

import { expect } from 'chai';
import fc from 'fast-check';

import { plan } from '../../src/diff/plan/plan.js';
import { explain } from '../../src/explain/explain.js';
import { explanationAsJson, printExplanation } from '../../src/explain/print.js';
import { type Explanation, reasons, type Seen } from '../../src/explain/types.js';
import { inputOf, someWorld, type World } from '../arbitraries/world.js';
import { runs } from '../arbitraries/runs.js';
import { picture } from '../pass/given-picture.js';

/** What a dry run of this world leaves. */
function seenIn({ actual, desired, settings }: World): Seen {
  const input = inputOf(desired, actual, settings);
  const made = plan(input);
  const catalog = { ...picture().catalog, ...input.catalog, services: [], warnings: [] };
  return {
    picture: picture({ catalog, desired, actual, plan: made, rest: made }),
    settings,
    now: 1_700_000_000_000,
  };
}

const someQuery = fc.oneof(
  fc.constantFrom('x.io', 'X.io:443/api', 'www.x.io/api/v1/x', 'y.example.com', 'q.y.example.com'),
  fc.constantFrom('a', 'default/a', 'nomad_a', 'pool', 'static', 's.io', '', ' ', '/', '*', 'zz'),
  fc.constantFrom('toString', '__proto__', 'constructor', 'x.io/\u001b[31m', 'default/toString'),
  fc.string(),
);

function expectSound({ text, reason, subjects, backends }: Explanation): void {
  expect(text).to.match(/^\P{Cc}+$/u);
  expect(reasons).to.include(reason);
  expect(new Set(backends.map(({ name }) => name)).size).to.equal(backends.length);
  for (const subject of subjects) expect(subject.text).to.match(/^\P{Cc}+$/u);
}

describe('explain', () => {
  it('gives one sentence on any query about any world, and never throws', () => {
    fc.assert(
      fc.property(someWorld, someQuery, (world, query) => {
        const seen = seenIn(world);
        const explanation = explain(seen, query);
        expectSound(explanation);
        expect(printExplanation(explanation))
          .to.match(/\n$/)
          .and.not.match(/(?!\n)\p{Cc}/u);
        const json = JSON.parse(explanationAsJson(explanation)) as Record<string, unknown>;
        expect(json['format_version']).to.equal(1);
      }),
      runs(200),
    );
  });

  it('has each of its reasons in the docs', () => {
    const docs = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    for (const reason of reasons) expect(docs).to.contain(`\n| \`${reason}\` `);
  });
});
