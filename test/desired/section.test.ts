import { expect } from 'chai';
import fc from 'fast-check';

import { mergeChecks, type MergedCheck } from '../../src/desired/check-merge.js';
import { resolveCheck } from '../../src/desired/checks.js';
import { dynamicSection, wholeSection } from '../../src/desired/section.js';
import { parseTags } from '../../src/desired/tags.js';
import type { Tags } from '../../src/desired/vocabulary.js';
import { runs } from '../arbitraries/runs.js';
import { acceptedTagList } from './arbitraries.js';
import { checkSpec, settings } from './given.js';

const names = fc.constantFrom('nomad_web', 'nomad_api');
const hosts = fc.constantFrom('web.example.com', 'api.example.com');
const paths = fc.constantFrom('/', '/health');
const types = fc.constantFrom('http', 'grpc', 'tcp');
const tagsOfAll = acceptedTagList.map(
  (tags) =>
    parseTags(
      'x',
      tags.map((tag) => `x.${tag}`),
    ).tags,
);

/** A service with two instances, whose checks may differ. */
const service = fc.record({ tags: tagsOfAll, name: names, type: types });

function checkOf(tags: Tags, type: string, host: string, path: string) {
  const { checks: defaults } = settings;
  const specs = [checkSpec(type, { path })];
  return resolveCheck({ specs, tags, defaults, leastIntervalMs: 500, host });
}

describe('a section that is made of what is known', () => {
  it('is the one that would be made anew, whatever else was made before', () => {
    const ends = fc.tuple(hosts, hosts, paths, paths);
    fc.assert(
      fc.property(service, ends, ends, ({ tags, name, type }, ...both) => {
        for (const [host, otherHost, path, otherPath] of both) {
          const first = { id: 'a', check: checkOf(tags, type, host, path) };
          const other = { id: 'b', check: checkOf(tags, type, otherHost, otherPath) };
          const merged: MergedCheck = mergeChecks([first, other]);
          const section = dynamicSection(name, tags, merged);
          expect(JSON.stringify(section)).to.equal(
            JSON.stringify(wholeSection(name, tags, merged)),
          );
        }
      }),
      runs(300),
    );
  });
});
