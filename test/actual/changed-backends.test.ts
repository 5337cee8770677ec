import { expect } from 'chai';
import fc from 'fast-check';

import { changedBackends } from '../../src/actual/normalise/changed-backends.js';
import { runs } from '../arbitraries/runs.js';

const text = `# _md5hash=aa
# _version=2
# The operator's own file

global
  maxconn 4000

defaults one
  mode http

backend a
  mode http
  server a_1 127.0.0.1:9

# What the world sees
frontend front
  bind :80

# the second
backend b from one # {"x":1}
  mode http
`;

const same = { changed: [], gone: [] };

describe('backends that differ between two texts', () => {
  const cases: readonly (readonly [string, string, ReturnType<typeof changedBackends>])[] = [
    ['nothing', text, same],
    ['the stamps', text.replace('=aa', '=bb').replace('=2', '=3'), same],
    ['a server', text.replace(':9', ':10'), { changed: ['a'], gone: [] }],
    ['metadata', text.replace('{"x":1}', '{"x":2}'), { changed: ['b'], gone: [] }],
    ['a comment before it', text.replace('the second', 'second'), { changed: ['b'], gone: [] }],
    ['a new one', `${text}\nbackend c\n  mode tcp\n`, { changed: ['c'], gone: [] }],
    ['one less', text.slice(0, text.indexOf('# the second')), { changed: [], gone: ['b'] }],
    [
      'one that is now after other defaults',
      text.replace('backend a\n', 'defaults two\n\nbackend a\n'),
      undefined,
    ],
    ['a frontend', text.replace(':80', ':81'), undefined],
    ['global', text.replace('4000', '4001'), undefined],
    ['defaults', text.replace('defaults one\n  mode http', 'defaults one\n  mode tcp'), undefined],
    ['a condition', `${text}\n.if defined(X)\nbackend c\n.endif\n`, undefined],
    ['a second section of a name', `${text}\nbackend a\n  mode http\n`, undefined],
  ];
  for (const [title, other, expected] of cases) {
    it(`${title}: ${expected === undefined ? 'all is to be read' : JSON.stringify(expected)}`, () => {
      expect(changedBackends(text, other)).to.deep.equal(expected);
    });
  }

  it('one that moves behind other defaults has changed, its text or not', () => {
    const [d1, d2, a] = [
      'defaults one\n  mode http\n',
      'defaults two\n  mode tcp\n',
      'backend a\n',
    ];
    expect(changedBackends(d1 + a + d2, d1 + d2 + a)).to.deep.equal({ changed: ['a'], gone: [] });
  });

  it('are those that come, go or change, in whatever order they stand', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const lines = fc.constantFrom(
      '  mode http\n',
      '  mode tcp\n',
      '',
      '  mode http\n  retries 1\n',
    );
    const some = fc
      .uniqueArray(fc.tuple(name, lines), { selector: ([one]) => one })
      .map((all): ReadonlyMap<string, string> => new Map(all));
    const textOf = (all: ReadonlyMap<string, string>): string =>
      `global\n${[...all].map(([one, own]) => `backend ${one}\n${own}`).join('')}`;
    fc.assert(
      fc.property(some, some, (before, after) => {
        expect(changedBackends(textOf(before), textOf(after))).to.deep.equal({
          changed: [...after.keys()].filter((one) => before.get(one) !== after.get(one)),
          gone: [...before.keys()].filter((one) => !after.has(one)),
        });
      }),
      runs(300),
    );
  });
});
