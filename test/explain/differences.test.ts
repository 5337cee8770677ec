import { expect } from 'chai';

import { differencesText, differing } from '../../src/explain/differences.js';

const answers = (...texts: readonly string[]) =>
  texts.map((text, at) => ({ target: `edge-${at + 1}`, text }));

describe('the differences between explanations of several HAProxies', () => {
  it('are none where all answer alike, or one answers', () => {
    expect(differing(answers('x', 'x'))).to.deep.equal([]);
    expect(differencesText(answers('x', 'x'))).to.equal('all 2 HAProxies answer alike');
    expect(differencesText(answers('x'))).to.equal('');
    expect(differencesText([])).to.equal('');
  });

  it('name those that most differ from', () => {
    const given = answers('no', 'yes', 'yes');
    expect(differing(given).map(({ target }) => target)).to.deep.equal(['edge-1']);
    expect(differencesText(given)).to.equal('edge-1 differs from edge-2, edge-3: no');
  });

  it('compare with the first where none are more', () => {
    expect(differencesText(answers('a', 'b', 'c'))).to.equal(
      'edge-2 differs from edge-1: b\nedge-3 differs from edge-1: c',
    );
  });
});
