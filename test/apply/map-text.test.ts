import { expect } from 'chai';
import fc from 'fast-check';

import { parseMapFile } from '../../src/actual/normalise/parse.js';
import { editMap, renderMap } from '../../src/apply/render/map-text.js';
import type { EntryStep } from '../../src/diff/types.js';

function step(kind: EntryStep['kind'], key: string, value = ''): EntryStep {
  return { kind, route: 'runtime', map: 'domains', key, value, when: 'with-commit' };
}

describe('map files', () => {
  it('are never empty', () => {
    expect(renderMap({})).to.equal('# kept by haproxy-nomad-connector\n');
  });

  it('name the longest path first, whatever the length of the host', () => {
    const text = renderMap({
      '^a-very-long-host-name\\.example\\.com[^/]*/': 'short-path',
      '^a[^/]*/api/v1/': 'long-path',
      '^b[^/]*/api/': 'middle',
      '^[^/]*?(?:^c(?=/)|d[^/x])[^/]*/': 'none',
    });
    const values = text
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(' ')[1]);
    expect(values).to.deep.equal(['long-path', 'middle', 'short-path', 'none']);
  });
});

describe('a map file that the operator shares', () => {
  const text = '# by hand\nold.example.com legacy\n\nours.example.com nomad_web # note\n';
  const edit = (steps: readonly EntryStep[]): string =>
    editMap(text, steps, (_key, value) => value.startsWith('nomad_'));

  it('keeps every line that is not about our entries', () => {
    const edited = edit([step('add-entry', 'new.example.com', 'nomad_new')]);
    expect(edited).to.equal(`${text}new.example.com nomad_new\n`);
  });

  it('loses the line of an entry that goes, and has one line for one that changes', () => {
    const gone = edit([step('delete-entry', 'ours.example.com')]);
    expect(gone).to.equal('# by hand\nold.example.com legacy\n\n');
    const changed = edit([step('set-entry', 'ours.example.com', 'nomad_other')]);
    expect(changed).to.equal('# by hand\nold.example.com legacy\n\nours.example.com nomad_other\n');
  });

  it('keeps a line that somebody has written for the same key meanwhile', () => {
    const before = 'a.io theirs\n';
    const steps = [step('add-entry', 'a.io', 'nomad_a')];
    expect(editMap(before, steps, () => false)).to.equal('a.io theirs\na.io nomad_a\n');
    expect(editMap(before, [step('delete-entry', 'a.io')], () => false)).to.equal(before);
  });

  it('is read as HAProxy reads it, whatever was rendered', () => {
    const word = fc.stringMatching(/^[a-z0-9.^$_/-]{1,12}$/);
    fc.assert(
      fc.property(fc.dictionary(word, word), (entries) => {
        expect(parseMapFile(renderMap(entries))).to.deep.equal({ ...entries });
      }),
    );
    const odd = '#a b\n #a b\n\ta.io \t one two \t\r\na.io three\nbare\n\n';
    expect(parseMapFile(odd)).to.deep.equal({ '#a': 'b', 'a.io': 'one two', bare: '' });
  });
});
