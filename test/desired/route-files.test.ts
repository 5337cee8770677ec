import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { Ajv } from 'ajv';
import { expect } from 'chai';

import { parseRouteFile, routeFileSchema } from '../../src/desired/route-files.js';
import { tagNames, tagRows } from '../../src/desired/vocabulary.js';
import { seedsOf } from './arbitraries.js';

const good = {
  domains: ['a.example.com', '*.b.example.com'],
  targets: ['10.0.0.5:8080', '[2001:db8::1]:80', { address: '10.0.0.6', port: 80, weight: 5 }],
  check: { path: '/health', interval: '5s', rise: 2 },
  'load-balance': 'leastconn',
  timeout: { server: '30s' },
  'ssl-redirect': true,
};

const bad: readonly (readonly [unknown, string])[] = [
  [[], 'the file must be a mapping of keys to values'],
  [{ ...good, targets: undefined }, 'targets: at least one is required'],
  [{ ...good, targets: ['example.com:80'] }, 'targets: allowed: an IP address'],
  [{ ...good, targets: ['10.0.0.5'] }, 'targets: allowed: an IP address'],
  [{ ...good, domains: [] }, 'domains: at least one is required'],
  [{ ...good, domains: 'no good' }, 'domain: no good: allowed: a host name'],
  [{ ...good, check: { path: 'x y' } }, 'check.path: x y: allowed: a path'],
  [{ ...good, check: { pth: '/x' } }, 'check.pth: unknown key'],
  [{ ...good, enable: true }, 'enable: unknown key'],
  [{ ...good, cookie: ['a', 'b'] }, 'cookie: only one value is allowed'],
  [{ ...good, cookie: { a: 1 } }, 'cookie: allowed: a cookie name'],
];

describe('a file of the routes folder', () => {
  it('holds targets, and tags without their prefix', () => {
    expect(parseRouteFile('legacy', good)).to.deep.equal({
      file: {
        name: 'legacy',
        targets: [
          { address: '10.0.0.5', port: 8080 },
          { address: '2001:db8::1', port: 80 },
          { address: '10.0.0.6', port: 80, weight: 5 },
        ],
        tags: [
          'domain=a.example.com',
          'domain=*.b.example.com',
          'check.path=/health',
          'check.interval=5s',
          'check.rise=2',
          'load-balance=leastconn',
          'timeout.server=30s',
          'ssl-redirect=true',
        ],
      },
    });
  });

  for (const [content, problem] of bad) {
    it(`is refused: ${problem}`, () => {
      const parsed = parseRouteFile('legacy', content);
      expect('problems' in parsed && parsed.problems[0])
        .to.be.a('string')
        .that.contains(problem);
    });
  }

  it('has a name that can become one of HAProxy', () => {
    expect(parseRouteFile('../x', good)).to.have.property('problems');
  });

  describe('its JSON schema', () => {
    const schema = routeFileSchema();
    const validate = new Ajv({ strict: true, allowUnionTypes: true, strictTypes: false }).compile(
      schema,
    );

    it('is the one in docs/route-file.schema.json', async () => {
      const path = resolve(import.meta.dirname, '..', '..', 'docs', 'route-file.schema.json');
      expect(JSON.parse(await readFile(path, 'utf8'))).to.deep.equal(schema);
    });

    it('is made from the same table', () => {
      expect(validate(good), JSON.stringify(validate.errors)).to.be.true;
      for (const content of [[], { ...good, targets: undefined }, { ...good, enable: true }]) {
        expect(validate(content)).to.be.false;
      }
      for (const [key, value] of [
        ['cookie', 'a b'],
        ['maxconn', 0],
        ['timeout.server', 'soon'],
      ] as const) {
        expect(validate({ ...good, [key]: value }), key).to.be.false;
      }
    });

    it('refuses nothing that is taken', () => {
      expect(validate({ ...good, check: { expect: 200, disabled: true } })).to.be.true;
      for (const key of tagNames.map((name) => tagRows[name].key)) {
        const taken = seedsOf(key).filter(
          (value) => 'file' in parseRouteFile('x', fileWith(key, value)),
        );
        for (const value of taken) {
          expect(validate(fileWith(key, value)), `${key}: ${value}`).to.be.true;
        }
      }
    });
  });
});

function fileWith(key: string, value: string): object {
  const domain = key === 'domain' ? {} : { domains: 'a.example.com' };
  return { targets: '10.0.0.5:8080', ...domain, [key]: value };
}
