import { expect } from 'chai';
import fc from 'fast-check';

import { editSections, sectionsOf } from '../../src/apply/render/sections.js';

const ours = `backend nomad_a # {"nomad-connector":{"service":"default/a"}}
  mode http
  # a comment in it
  server nomad_a_1 127.0.0.1:9 disabled # {"nomad-connector":{"service":"default/a"}}`;

const text = `# _version=2
# The operator's own file

global
  maxconn 4000

defaults web
  mode http

${ours}

# What the world sees
frontend front
  bind :80

backend nomad_ab
  mode http
`;

function edited(given: string, edits: Readonly<Record<string, string>>): string {
  return editSections(given, sectionsOf(given), new Map(Object.entries(edits)));
}

describe('sections of a file', () => {
  it('end with their last directive: a comment after it is the next section’s', () => {
    const { backends, defaults } = sectionsOf(text);
    expect([...backends]).to.deep.equal([
      ['nomad_a', { first: 9, last: 12 }],
      ['nomad_ab', { first: 18, last: 19 }],
    ]);
    expect(defaults).to.deep.equal(['web']);
  });

  const unfit: readonly (readonly [string, string])[] = [
    ['twice', 'backend nomad_a\n  mode http\nbackend nomad_a\n'],
    ['edited by hand', 'backend nomad_a\n  mode http\n  errorfile 503 /a\n'],
    ['before a condition', 'backend nomad_a\n  mode http\n\n.if defined(X)\nfrontend a\n.endif\n'],
    ['in a condition', '.if defined(X)\nbackend nomad_a\n  mode http\nfrontend a\n.endif\n'],
    [
      'before a section of a kind we do not know',
      'backend nomad_a\n  mode http\nnew a\n  mode x\n',
    ],
    ['with quotes in its directives', 'backend nomad_a\n  "mode" http\n'],
  ];
  for (const [title, given] of unfit) {
    it(`one that is ${title} is not for us to edit`, () => {
      const { backends } = sectionsOf(given);
      expect(backends.has('nomad_a')).to.equal(true);
      expect(backends.get('nomad_a')).to.equal(undefined);
    });
  }

  it('begin at any depth, and their keyword is a word of its own', () => {
    const given = 'backend nomad_a\n  option httpchk\n\tfrontend f\n    mode http\n  backend-x y\n';
    expect([...sectionsOf(given).backends]).to.deep.equal([['nomad_a', { first: 0, last: 1 }]]);
  });
});

describe('editSections', () => {
  it('changes a section where it stands', () => {
    const section = 'backend nomad_a\n  mode tcp';
    expect(edited(text, { nomad_a: section })).to.equal(text.replace(ours, section));
  });

  it('removes it with the blank line before it', () => {
    expect(edited(text, { nomad_a: '' })).to.equal(text.replace(`\n${ours}\n`, ''));
  });

  it('adds new ones at the end', () => {
    expect(edited(text, { b: 'backend b\n  mode http', c: 'backend c' })).to.equal(
      `${text}\nbackend b\n  mode http\n\nbackend c\n`,
    );
  });

  it('ends the last line first where it has no end', () => {
    expect(edited('global', { b: 'backend b' })).to.equal('global\n\nbackend b\n');
  });
});

/** Whatever an operator's file may hold: other writers' sections, comments, blank and odd lines. */
const line = fc.constantFrom(
  ...['', '  ', '\t', '# a comment', '  # indented', '\r', '  mode http\r', '.if defined(A)'],
  ...['.endif', 'global', 'defaults', 'defaults web', 'frontend f', '  frontend g', 'listen l'],
  ...['backend theirs', 'backend theirs from web # {"a":1}', 'backend other_a', '\tbackend tabbed'],
  ...['  mode http', '  server s 127.0.0.1:1', '  use_backend nomad_a if TRUE', 'unindented x'],
  ...['  errorfile 503 "/a b"', 'a-section-of-the-future x', 'backend', 'cache c', '  é ü'],
);
const operator = fc
  .tuple(fc.array(line, { maxLength: 25 }), fc.constantFrom('', '\n', '\n\n', '\r\n'))
  .map(([lines, end]) => withConditionsClosed(lines).join('\n') + end);

/** HAProxy refuses a file that leaves one open. */
function withConditionsClosed(lines: readonly string[]): readonly string[] {
  const depth = lines.reduce((open, one) => {
    if (one.startsWith('.if')) return open + 1;
    return one === '.endif' ? Math.max(0, open - 1) : open;
  }, 0);
  return [...lines, ...Array<string>(depth).fill('.endif')];
}

const name = fc.constantFrom('nomad_a', 'nomad_b', 'nomad_c');
const section = fc
  .tuple(name, fc.constantFrom('mode http', 'mode tcp', 'server nomad_1 127.0.0.1:9 disabled'))
  .map(([one, directive]) => [one, `backend ${one}\n  ${directive}`] as const);
const sections = fc
  .uniqueArray(section, { selector: ([one]) => one })
  .map((all) => Object.fromEntries(all));

describe('the bytes of others', () => {
  it('stay as they are when sections of ours come, change and go', () => {
    fc.assert(
      fc.property(operator, sections, sections, (start, first, second) => {
        const removals = Object.fromEntries(
          Object.keys({ ...first, ...second }).map((n) => [n, '']),
        );
        const there = edited(start, first);
        const ended = start === '' || start.endsWith('\n') ? start : `${start}\n`;
        const end = Object.keys(first).length === 0 ? start : ended;
        expect(there.startsWith(end)).to.equal(true);
        expect(edited(edited(there, second), removals)).to.be.oneOf([start, ended]);
      }),
    );
  });

  it('stay as they are around sections of ours in the middle', () => {
    const begins = fc.constantFrom('', '\n\n# above\n', '  # above\n', '\r\n');
    const between = fc
      .tuple(begins, operator)
      .map(([first, lines]) => `${first}frontend theirs\n${lines}`);
    const parts = fc.array(fc.tuple(between, section), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(parts, between, sections, (given, last, edits) => {
        const fileWith = (now: Readonly<Record<string, string>>): string =>
          given.map(([their, [one, own]]) => `${their}\n${now[one] ?? own}\n`).join('') + last;
        const file = fileWith({});
        const { backends } = sectionsOf(file);
        const fit = Object.fromEntries(
          Object.entries(edits).filter(([one]) => backends.get(one) !== undefined),
        );
        expect(edited(file, fit)).to.equal(fileWith(fit));
      }),
    );
  });
});
