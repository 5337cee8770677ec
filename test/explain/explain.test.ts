import { readFileSync } from 'node:fs';

import { expect } from 'chai';
import fc from 'fast-check';

import { plan } from '../../src/diff/plan/plan.js';
import { explain } from '../../src/explain/explain.js';
import { explanationDocument, printExplanation } from '../../src/explain/print.js';
import { matchesRegex } from '../../src/explain/regex.js';
import { type Explanation, reasons, type Seen } from '../../src/explain/types.js';
import { inputOf, someWorld, type World } from '../arbitraries/world.js';
import { runs } from '../arbitraries/runs.js';
import { catalogOf, enabled, instance, service, settings } from '../desired/given.js';
import { picture } from '../pass/given-picture.js';
import { cluster } from '../server/status/given.js';

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
        const json = explanationDocument(explanation);
        expect(json.format_version).to.equal(1);
      }),
      runs(200),
    );
  });

  it('has each of its reasons in the docs', () => {
    const docs = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    for (const reason of reasons) expect(docs).to.contain(`\n| \`${reason}\` `);
  });

  /** What it says of a host that one service asks for, with any number of tags. */
  function askedBy(...tags: readonly string[]): Explanation {
    const asking = service('web', { instances: [instance({ tags: enabled(...tags) })] });
    return explain({ picture: picture({ catalog: catalogOf(asking) }), settings, now: 0 }, 'x.io');
  }

  it("isn't held by tags that multiply: each domain with each path", () => {
    const many = Array.from({ length: 5000 }, (_, at) => at);
    const { claims } = askedBy(
      'domain=x.io',
      ...many.map((at) => `path=/p${at}`),
      ...many.map((at) => `domain=h${at}.io`),
    );
    expect(claims).to.have.lengthOf(settings.limits.pathsPerService);
  });

  it('tries only as many regular expressions of a service as it may have', () => {
    const many = Array.from({ length: 500 }, (_, at) => `domain=x.*${'?'.repeat(at % 2)}io`);
    const different = many.map((tag, at) => `${tag}|y${at}`);
    const { claims } = askedBy('domain.type=regex', ...different);
    expect(claims).to.have.lengthOf(settings.limits.regexesPerService);
  });

  it('looks for names like an unknown one in long and in many names', () => {
    const { suggestions } = explain(
      { picture: cluster(200), settings, now: 0 },
      'shop-0.exmaple.com',
    );
    expect(suggestions[0]).to.equal('shop-0.example.com');
  });
});

describe('a regular expression in explain', () => {
  it('that begins with .* is begun once, as HAProxy does, and says the same', () => {
    const text = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', 'c', '.') });
    const pattern = fc.constantFrom('.*a*b', '.*a|b', '(?:.*a|b)c', '.*', 'a*b', '.*?c', '(');
    fc.assert(
      fc.property(text, pattern, (given, expression) => {
        const found = matchesRegex(given, expression);
        if (expression === '(') expect(found).to.equal(undefined);
        else expect(found).to.equal(new RegExp(expression).test(given));
      }),
    );
  });
});
