import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect } from 'chai';
import fc from 'fast-check';

import { findHaproxy } from '../../fixtures/haproxy/find.js';
import { isSafeRegex } from '../../src/desired/regex.js';

const count = 500;

const piece = fc.oneof(
  fc.constantFrom('a', 'b1', '.', '\\.', '\\d', '\\w', '^', '$', '|', '-', '_', '[a-z]', '[^.]'),
  fc.constantFrom(
    '*',
    '+',
    '?',
    '*?',
    '{2}',
    '{1,3}',
    '{2,}',
    '(',
    '(?:',
    ')',
    '[',
    ']',
    '[\\w.-]',
  ),
);
const pattern = fc.array(piece, { minLength: 1, maxLength: 12 }).map((pieces) => pieces.join(''));

describe('regular expressions that are taken', function () {
  this.timeout(60_000);

  it('are taken by HAProxy too, from a map file and from an ACL', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'hnc-regex-'));
    try {
      const taken = fc.sample(pattern.filter(isSafeRegex), { seed: 1, numRuns: count });
      expect(new Set(taken).size).to.be.above(count / 2);
      const map = join(dir, 'regex.map');
      await writeFile(map, taken.map((text) => `${text} nomad_web\n`).join(''));
      const config = join(dir, 'haproxy.cfg');
      await writeFile(config, configuration(map, taken));
      const { bin } = await findHaproxy();
      await promisify(execFile)(bin, ['-c', '-f', config]);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});

function configuration(map: string, patterns: readonly string[]): string {
  const acls = patterns.map((text, number) => `  acl is_${number} req.hdr(host) -m reg ${text}`);
  return `defaults
  mode http
  timeout connect 1s
  timeout client 1s
  timeout server 1s
frontend f
  bind 127.0.0.1:1
${acls.join('\n')}
  use_backend %[req.hdr(host),map_reg(${map})] if { req.hdr(host),map_reg(${map}) -m found }
  default_backend b
backend b
`;
}
