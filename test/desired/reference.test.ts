import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { expect } from 'chai';

import { renderTagReference } from '../../src/desired/reference.js';
import { parseTags } from '../../src/desired/tags.js';

const docs = resolve(import.meta.dirname, '..', '..', 'docs');

describe('the documentation of the tags', () => {
  it('is what the table says', async () => {
    expect(await readFile(resolve(docs, 'tags.md'), 'utf8')).to.equal(renderTagReference());
  });

  it('for people who come from Traefik names tags that exist, with values that are allowed', async () => {
    const text = await readFile(resolve(docs, 'from-traefik.md'), 'utf8');
    const tags = [...text.matchAll(/`(haproxy\.[^`]+=[^`]+)`/g)].map(([, tag = '']) => tag);
    expect(tags.length).to.be.above(15);
    for (const tag of tags) {
      const { invalid, unknown } = parseTags('haproxy', [tag]);
      expect([tag, invalid, unknown]).to.deep.equal([tag, [], []]);
    }
  });
});
