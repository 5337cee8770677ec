import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';

import { freePort } from '../../fixtures/ports.js';
import { waitFor } from '../../fixtures/process.js';
import { runCommand, startCommand } from '../../fixtures/stack/command.js';

const token = 'b0a8a1e2-4e06-4bdc-97b0-6d7c0cf2a4b5';
const password = 'pa&ss  w"ord/1';
const basic = Buffer.from(`admin:${password}`).toString('base64');
const secrets = [token, password, 'w"ord/1', basic, basic.slice(0, 20), token.slice(0, 20)];

type Say = (request: IncomingMessage) => string;

/** Answers 500 with what the request told it, and controls for the terminal. */
async function echoing(say: Say): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    response.writeHead(500, { 'content-type': 'text/plain' });
    response.end(`\u001b[2K\u009b31m\nFORGED ${say(request)}`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const auth = (request: IncomingMessage): string => request.headers.authorization ?? '';
/** 200 characters of an error's body are told: half of the token would be the last of them. */
const filler = 'x'.repeat(158);

/** What a server or a proxy may echo, by who it is. */
const echoes: Readonly<Record<string, { nomad?: Say; dataplane?: Say }>> = {
  'Nomad, the token': {
    nomad: ({ headers }) => `${String(headers['x-nomad-token'])} ${JSON.stringify(headers)}`,
  },
  'Nomad, the token where the text is cut': {
    nomad: ({ headers }) => `${filler}${String(headers['x-nomad-token'])}`,
  },
  'the Data Plane API, header and password': {
    dataplane: (request) =>
      `${auth(request)} ${Buffer.from(auth(request).slice(6), 'base64').toString()}`,
  },
};

describe('a credential that a server echoes', function () {
  this.timeout(60_000);
  let folder: string;
  const servers: Server[] = [];
  const start = async (say: Say | undefined): Promise<string> => {
    const listing: Say = () => '';
    const { server, url } = await echoing(say ?? listing);
    servers.push(server);
    if (say !== undefined) return url;
    // An empty cluster.
    server.removeAllListeners('request');
    server.on('request', (_request, response) => {
      response.writeHead(200, { 'x-nomad-index': '5', 'x-nomad-knownleader': 'true' }).end('[]');
    });
    return url;
  };
  before(() => (folder = mkdtempSync(join(tmpdir(), 'leaks-'))));
  after(() => rmSync(folder, { recursive: true }));
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });
  const expectClean = (text: string): void => {
    for (const secret of secrets) expect(text, text).not.to.include(secret);
    // eslint-disable-next-line no-control-regex
    expect(text).not.to.match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    for (const line of text.split('\n')) expect(line).not.to.match(/^FORGED/);
  };

  it('reaches no log: an error that nobody caught', async () => {
    const thrower = `process.on('SIGUSR2', () => {
      throw Object.assign(new Error('no ' + process.env.NOMAD_TOKEN), { of: process.env });
    })`;
    const url = await start(undefined);
    const daemon = await startCommand(['--http-listen', 'off'], {
      ...{ NOMAD_ADDR: url, NOMAD_TOKEN: token },
      ...{ HAPROXY_DATAPLANE_URL: url, HAPROXY_PASSWORD: password },
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(thrower)}`,
    });
    await waitFor('its start', () => daemon.output().includes('"started"'));
    process.kill(daemon.pid, 'SIGUSR2');
    await waitFor('the end', () => !daemon.running());
    const output = daemon.output();
    expectClean(output);
    expect(output).to.match(/"message":"crashed"/);
    expect(output).to.include('"stack"');
  });

  for (const [what, { nomad, dataplane }] of Object.entries(echoes)) {
    it(`reaches no log, answer or metric: ${what}`, async () => {
      const env = {
        ...{ NOMAD_ADDR: await start(nomad), NOMAD_TOKEN: token },
        ...{ HAPROXY_DATAPLANE_URL: await start(dataplane), HAPROXY_PASSWORD: password },
      };
      const listen = `127.0.0.1:${await freePort()}`;
      const daemon = await startCommand(['--http-listen', listen, '--log-level', 'debug'], env);
      const ready = async (): Promise<string> => (await fetch(`http://${listen}/readyz`)).text();
      const reason = await waitFor(
        'a reason',
        async () => ((await ready()).includes('FORGED') ? await ready() : undefined),
        { process: daemon },
      );
      expectClean(reason);
      expectClean(await (await fetch(`http://${listen}/metrics`)).text());
      await daemon.stop();
      expectClean(daemon.output());
      expect(daemon.output()).to.include('FORGED');
      const { stdout, stderr, code } = await runCommand(['--dry-run'], env);
      expect(code).to.equal(1);
      expect(stderr).to.include('FORGED');
      expectClean(stdout + stderr);
    });
  }

  it('is told of, where the operator takes a risk', async () => {
    const file = join(folder, 'token');
    writeFileSync(file, token, { mode: 0o644 });
    const env = { NOMAD_ADDR: await start(() => ''), NOMAD_TOKEN_FILE: file };
    const address = ['--haproxy-address', 'http://dataplane.invalid:5555'];
    const { stderr } = await runCommand(['--dry-run', ...address], env);
    const told = stderr
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]))
      .filter(({ level }) => level === 'warn');
    expect(told.map(({ message }) => message)).to.deep.equal([
      'plain http to another host',
      'the default password is in use',
      'others can access a secret file',
    ]);
    expect(told[2]).to.include({ path: file, mode: '0644', key: 'nomad.token_file' });
    expectClean(stderr);
  });
});
