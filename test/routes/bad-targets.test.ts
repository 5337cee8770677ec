import { expect } from 'chai';

import { desire } from '../../src/pass/desire.js';
import { parseRouteFile } from '../../src/desired/route-files.js';
import { catalogOf, settings } from '../desired/given.js';
import { actualState, input } from '../diff/given.js';
import { converge } from '../diff/model.js';

const good = { domains: ['legacy.example.com'], targets: ['10.0.0.5:80'] };

function desiredOf(content: unknown) {
  const parsed = parseRouteFile('legacy', content);
  const reason = 'a slip';
  const { targets } = 'problems' in parsed ? parsed : {};
  const bad = [{ name: 'legacy', reason, ...(targets === undefined ? {} : { targets }) }];
  const routes = 'file' in parsed ? { files: [parsed.file], bad: [] } : { files: [], bad };
  return desire({ catalog: catalogOf(), settings, routes, rejected: {} });
}

describe('a bad route file whose last good state is not known', () => {
  const before = converge(input(desiredOf(good), actualState()));
  const servers = (content: unknown): string[] => {
    const after = converge(input(desiredOf(content), before));
    expect(after.maps).to.deep.equal(before.maps);
    const slots = after.backends['nomad_route.file_legacy']?.slots ?? [];
    return slots.flatMap(({ binding }) => binding?.id ?? []).sort();
  };

  for (const slip of [{ maxconn: '1k' }, { domains: ['a b'] }, { nonsense: 1 }]) {
    it(`goes on with the targets that it names, with ${JSON.stringify(slip)}`, () => {
      const targets = ['10.0.0.5:80', '10.0.0.6:80'];
      expect(servers({ ...good, ...slip, targets })).to.deep.equal(targets);
    });
  }

  it('keeps its servers where these can not be read', () => {
    expect(servers({ ...good, targets: ['10.0.0.6'] })).to.deep.equal(['10.0.0.5:80']);
    expect(servers('no keys')).to.deep.equal(['10.0.0.5:80']);
  });
});
