import fc from 'fast-check';

import { readDomains } from '../../src/desired/domains.js';
import { parseTags } from '../../src/desired/tags.js';
import { tagNames, tagRows } from '../../src/desired/vocabulary.js';

/** Values that come near to what each key takes, and those that would do harm. */
const near: Readonly<Record<string, readonly string[]>> = {
  domain: ['www.example.com', '*.x.io', 'api.', '^a\\.b$', 'x.io use_backend'],
  'domain.type': ['exact', 'prefix', 'regex', 'wildcard'],
  path: ['/api', '/a.b/c', '/a/../b'],
  frontend: ['http_front', '-f'],
  'canary.header': ['X-Canary', 'X-Canary:always', 'X-A:if', 'X-A:-f', 'X-A:b }', 'X-A):b'],
  cookie: ['SRV', 'SRV insert'],
  'backend.name': ['pool', 'nomad__connector'],
  'request-header.set': ['X-A: b', 'X-A: \'b\' "c"', 'X-A: if', 'X-A: %[src]', "X-A: it's"],
  'response-header.set': ['X-A: b c', 'X-A: unless TRUE', 'X-A: a\\', 'X-A:', 'X-A: $HOME ${HOME}'],
  'allow-list': ['10.0.0.0/8', '::1,127.0.0.1', '-f /etc/passwd'],
  'rate-limit': ['100/s', '1/24h', '1/0s'],
  'load-balance': ['leastconn', 'hdr(X-A)', 'hdr(%[src])'],
  'check.path': ['/health?a=%20', '/x y', '/x#y', "/x'y", '/x\\ny', '/%[src]'],
  'check.host': ['a.b:80', 'a b', '[::1]'],
  'check.expect': [
    '200',
    '200-299,301',
    'string:all is well',
    "string:it's",
    'string:or else',
    'string:',
  ],
  'check.port': ['9000', '0', '99999'],
};

const syntax = fc.constantFrom(
  '\n',
  '\r',
  '\0',
  '"',
  "'",
  '\\',
  ' ',
  '\t',
  '#',
  '%[',
  '%',
  '$',
  '{',
  '}',
  'if',
  '\u2028',
  'é',
);
const harmful = fc.array(fc.oneof(fc.string({ maxLength: 4 }), syntax), { maxLength: 6 });

const usual = [
  'true',
  'false',
  'h2',
  'v2',
  '10',
  '5s',
  'tcp',
  'https',
  'grpc',
  'http',
  'HEAD',
  'create_new',
  'x',
];

/** Good values of a key, and for some keys others that are nearly good. */
export function seedsOf(key: string): readonly string[] {
  return (
    near[key] ?? usual.filter((value) => parseTags('x', [`x.${key}=${value}`]).invalid.length === 0)
  );
}

function valueOf(key: string): fc.Arbitrary<string> {
  const seeds = seedsOf(key);
  const mutated = fc
    .tuple(fc.constantFrom(...seeds), harmful, fc.nat(20))
    .map(([seed, junk, at]) => seed.slice(0, at) + junk.join('') + seed.slice(at));
  const long = fc.constantFrom(...seeds).map((seed) => seed.repeat(2000));
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...seeds) },
    { weight: 6, arbitrary: mutated },
    { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
    { weight: 1, arbitrary: long },
  );
}

/** Keys without the prefix. Static services have no configuration to look at. */
const keys = tagNames
  .map((name) => tagRows[name].key)
  .filter((key) => !/^(?:enable|backend)$/.test(key));

const tag = fc.constantFrom(...keys).chain((key) => valueOf(key).map((value) => `${key}=${value}`));

/** Tags without their prefix, good and bad. */
export const tagList = fc.array(tag, { minLength: 1, maxLength: 5 });

/** Only those that are taken, each key that may stand once once: they get as far as HAProxy. */
export const acceptedTagList = fc.array(tag, { minLength: 5, maxLength: 40 }).map((tags) => {
  const keysSeen = new Set<string>();
  return tags.filter((one) => {
    const { invalid, tags: parsed } = parseTags('x', [`x.${one}`]);
    const key = one.slice(0, one.indexOf('='));
    if (invalid.length > 0 || readDomains(parsed, 'x').invalid.length > 0) return false;
    if (key === 'domain.type' || keysSeen.has(key)) return false;
    if (!key.endsWith('.set') && key !== 'domain' && key !== 'path') keysSeen.add(key);
    return true;
  });
});
