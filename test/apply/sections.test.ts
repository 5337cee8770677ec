import { expect } from 'chai';

import { appendSections, sectionsOf } from '../../src/apply/render/sections.js';

const text = `# _version=2
# The operator's own file

global
  maxconn 4000

backend nomad_a # {"nomad-connector":{"service":"default/a"}}
  mode http
  # a comment of ours
  server nomad_a_1 127.0.0.1:9 disabled # {"nomad-connector":{"service":"default/a"}}

# What the world sees
frontend front
  bind :80

backend nomad_ab
  mode http

`;

describe('sections of a rendered file', () => {
  it('are those that are asked for, each to its own last line', () => {
    expect(sectionsOf(text, new Set(['nomad_a']))).to.deep.equal([
      `backend nomad_a # {"nomad-connector":{"service":"default/a"}}
  mode http
  # a comment of ours
  server nomad_a_1 127.0.0.1:9 disabled # {"nomad-connector":{"service":"default/a"}}`,
    ]);
    expect(sectionsOf(text, new Set(['nomad_ab']))).to.deep.equal([
      'backend nomad_ab\n  mode http',
    ]);
  });

  it('must all be there', () => {
    expect(() => sectionsOf(text, new Set(['nomad_b']))).to.throw('0 of 1 new backends');
  });

  it('are appended with a blank line between them', () => {
    expect(appendSections('global\n\n', ['backend a\n  mode http', 'backend b'])).to.equal(
      'global\n\nbackend a\n  mode http\n\nbackend b\n',
    );
  });
});
