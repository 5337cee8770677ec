import { expect } from 'chai';

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

  it('keeps every line that is not about our entries', () => {
    const edited = editMap(text, [step('add-entry', 'new.example.com', 'nomad_new')]);
    expect(edited).to.equal(`${text}new.example.com nomad_new\n`);
  });

  it('loses the line of an entry that goes, and has one line for one that changes', () => {
    const gone = editMap(text, [step('delete-entry', 'ours.example.com')]);
    expect(gone).to.equal('# by hand\nold.example.com legacy\n\n');
    const changed = editMap(text, [step('set-entry', 'ours.example.com', 'nomad_other')]);
    expect(changed).to.equal('# by hand\nold.example.com legacy\n\nours.example.com nomad_other\n');
  });
});
