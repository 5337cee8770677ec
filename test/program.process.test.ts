import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Metafile } from 'esbuild';

import { freePort } from '../fixtures/ports.js';
import { start, waitFor } from '../fixtures/process.js';
import { type CommandResult, runNode } from '../fixtures/stack/command.js';
import { build } from '../scripts/build.js';
import { assetFiles } from '../src/server/status/assets.js';

const root = resolve(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly version: string;
};

/** The built program in a folder where no package is installed. */
describe('the built program', function () {
  this.timeout(60_000);
  let folder: string;
  let metafile: Metafile;
  const run = (
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<CommandResult> => runNode([join(folder, 'dist', 'main.js'), ...args], env);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'built-'));
    cpSync(join(root, 'package.json'), join(folder, 'package.json'));
    metafile = await build(join(folder, 'dist'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** The packages and sources in the files that node loads for these arguments. */
  async function loadedBy(...args: readonly string[]): Promise<readonly string[]> {
    const coverage = join(folder, `coverage${args.join('')}`);
    mkdirSync(coverage);
    const { code } = await run(args, { NODE_V8_COVERAGE: coverage });
    expect(code).to.equal(0);
    const urls = readdirSync(coverage).flatMap((file) => scriptsIn(join(coverage, file)));
    const files = urls.map((url) => fileURLToPath(url));
    const outputs = Object.entries(metafile.outputs).filter(([path]) =>
      files.includes(resolve(root, path)),
    );
    return outputs.flatMap(([, { inputs }]) => Object.keys(inputs));
  }

  for (const flag of ['--version', '--help']) {
    it(`loads neither clients nor logger for ${flag}`, async () => {
      const loaded = await loadedBy(flag);
      expect(loaded).to.include('src/cli/options.ts');
      expect(packagesOf(loaded)).to.deep.equal(['commander']);
    });
  }

  it('prints its version', async () => {
    const { stdout, stderr } = await run(['--version']);
    expect([stdout, stderr]).to.deep.equal([`${version}\n`, '']);
  });

  it('is free of the compiler of schemas', () => {
    const inputs = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs));
    expect(packagesOf(inputs)).to.include('got').and.not.include('ajv');
  });

  it('has the files of the status page beside it', () => {
    const files = readdirSync(join(folder, 'dist'));
    expect(files).to.include.members([...assetFiles]);
    const asset = readFileSync(join(folder, 'dist', 'status.js'), 'utf8');
    expect(asset).to.equal(readFileSync(join(root, 'src/server/status/status.js'), 'utf8'));
  });

  it('serves the status page', async () => {
    const port = await freePort();
    const listen = `127.0.0.1:${port}`;
    const program = [join(folder, 'dist', 'main.js'), '--http-listen', listen];
    const nowhere = { NOMAD_ADDR: 'http://127.0.0.1:9', HAPROXY_DATAPLANE_URL: '' };
    const running = await start(process.execPath, program, {
      ...{ name: 'connector', env: nowhere },
    });
    try {
      const page = await waitFor('the page', async () => {
        const answer = await fetch(`http://${listen}/`).catch(() => undefined);
        return answer?.text();
      });
      const [style = ''] = /\/assets\/status\.css[^"]*/.exec(page) ?? [];
      expect((await fetch(`http://${listen}${style}`)).status).to.equal(200);
    } finally {
      await running.stop();
    }
  });

  it('checks its settings', async () => {
    const env = { NOMAD_ADDR: 'foo', NOMAD_NAMESPACE: 'a b', HAPROXY_DRAIN_TIMEOUT_SEC: '-1' };
    const { code, stderr } = await run(['--once'], env);
    expect(code).to.equal(64);
    expect(stderr).to.include(String.raw`NOMAD_ADDR: \"foo\" is not allowed; expected an http(s)`);
    expect(stderr).to.include(String.raw`NOMAD_NAMESPACE: \"a b\" is not allowed`);
    expect(stderr).to.include('HAPROXY_DRAIN_TIMEOUT_SEC: -1 is not allowed');
  });

  it("checks Nomad's answers", async () => {
    const server = createServer((_request, response) => {
      const headers = { 'x-nomad-index': '5', 'x-nomad-knownleader': 'true' };
      response.writeHead(200, headers).end('[{"Namespace":7}]');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const env = { NOMAD_ADDR: `http://127.0.0.1:${port}`, HAPROXY_DATAPLANE_URL: '' };
    const { code, stderr } = await run(['--dry-run'], env);
    server.closeAllConnections();
    server.close();
    expect(code).to.equal(1);
    expect(stderr).to.match(/"errorCode":"nomad-untrusted".* has an unexpected shape: \/0/);
  });

  it('names the source in a stack trace', async () => {
    const preload = 'process.stdout.write=()=>{throw new Error("provoked")}';
    const node = [`--import=data:text/javascript,${preload}`, join(folder, 'dist', 'main.js')];
    const listing = ['route', 'list', '--output', 'json'];
    const { stderr } = await runNode([...node, ...listing, '--directory', folder], {});
    const { stack } = JSON.parse(stderr) as { readonly stack: string };
    const [, line = ''] = /src\/commands\/route\.ts:(\d+):/.exec(stack) ?? [];
    const source = readFileSync(join(root, 'src/commands/route.ts'), 'utf8').split('\n');
    expect(source[Number(line) - 1], stack).to.include('print(');
  });
});

function scriptsIn(file: string): string[] {
  const { result } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly result: readonly { readonly url: string }[];
  };
  return result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
}

function packagesOf(paths: readonly string[]): string[] {
  const names = paths.flatMap(
    (path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [],
  );
  return [...new Set(names)];
}
