import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect } from 'chai';

import { findHaproxy } from '../../fixtures/haproxy/find.js';
import { makePki } from '../../fixtures/pki.js';
import { blocks, nameOf } from './pages.js';

const section = /^(global|defaults|frontend|backend|listen|peers|userlist)\b[ \t]*(\S*)/gm;

/** What the snippets name and leave to the reader; a snippet that has it itself goes first. */
const frame: Readonly<Record<string, string>> = {
  'global ': 'global\n  server-state-file /etc/haproxy/server-state\n',
  'defaults web':
    'defaults web\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n',
  'defaults tcp':
    'defaults tcp\n  mode tcp\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n',
};

/** The operator's own, which README.md and the pages send requests to. */
const backend = (name: string): string =>
  `backend ${name} from web\n  http-request return status 404\n`;
const own = ['not_found', 'your_own'];
/** Without a listener, `haproxy -c` exits with 2. */
const listener = 'frontend listener from web\n  bind :8080\n';

/** The snippet with the sections of the frame that it lacks, and files and users that there are. */
function complete(snippet: string, folder: string): string {
  const there = [...snippet.matchAll(section)].map(([, kind = '', name = '']) => `${kind} ${name}`);
  const before = Object.entries(frame).filter(([name]) => !there.includes(name));
  const after = own.filter((name) => !there.includes(`backend ${name}`));
  return [...before.map(([, text]) => text), snippet, ...after.map(backend), listener]
    .join('\n')
    .replaceAll(/^ *(?:user|group) haproxy\n/gm, '')
    .replaceAll('/etc/haproxy/certs/', `${folder}/certs/`)
    .replaceAll('/etc/haproxy/', `${folder}/`);
}

describe('snippets of haproxy.cfg in the documentation', function () {
  this.timeout(120_000);
  const snippets = blocks.filter(({ language }) => language === 'haproxy');
  let folder = '';
  let bin = '';

  before(async function () {
    ({ bin } = await findHaproxy());
    folder = mkdtempSync(join(tmpdir(), 'docs-haproxy-'));
    mkdirSync(join(folder, 'certs'));
    const pki = makePki(join(folder, 'pki'), 'www.example.com');
    if (pki === undefined) return this.skip();
    const pem = readFileSync(pki.cert, 'utf8') + readFileSync(pki.key, 'utf8');
    writeFileSync(join(folder, 'certs', 'www.example.com.pem'), pem);
    writeFileSync(join(folder, 'server-state'), '1\n');
    mkdirSync(join(folder, 'maps'));
    writeFileSync(join(folder, 'maps', 'nomad_ready.map'), '');
    writeFileSync(join(folder, 'cdn.lst'), '198.51.100.0/24\n');
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('are found', () => expect(snippets).not.to.be.empty);

  for (const snippet of snippets) {
    it(`${nameOf(snippet)} is accepted`, async () => {
      const config = join(folder, 'haproxy.cfg');
      writeFileSync(config, complete(snippet.text, folder));
      const { stderr } = await promisify(execFile)(bin, ['-c', '-f', config]);
      const warnings = stderr.split('\n').filter((line) => line.startsWith('[WARNING]'));
      expect(warnings.join('\n')).to.equal('');
    });
  }
});
