/** `doctor` on broken set-ups: each is named, with its fix, and nothing but GET is sent. */

import { readFileSync, statSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { dirname, join } from 'node:path';

import { expect } from 'chai';
import type { Context } from 'mocha';

import type { App } from '../../fixtures/apps/app.js';
import { baseHaproxyConfig } from '../../fixtures/dataplane/config.js';
import { grants } from '../../fixtures/nomad/acl.js';
import { nomadBin, startNomadAgent } from '../../fixtures/nomad/real.js';
import { makePki } from '../../fixtures/pki.js';
import { start, type Started, waitFor } from '../../fixtures/process.js';
import { domainOf, enabledTags, type Stack, startStack } from '../../fixtures/stack.js';
import { hazardsOf } from '../../src/config/hazards.js';
import { loadConfiguration } from '../../src/config/settings.js';
import { checks } from '../../src/doctor/checks/index.js';
import { examine } from '../../src/doctor/doctor.js';
import { gatherersOf } from '../../src/doctor/facts/gatherers.js';
import { factSource } from '../../src/doctor/facts/source.js';
import type { Line } from '../../src/doctor/types.js';
import { freePort } from '../../fixtures/ports.js';
import { at } from './helpers.js';

type Environment = Readonly<Record<string, string>>;

const read = (path: string): string => readFileSync(path, 'utf8');

/** What the command prints, without the process around it. `file`: more of the settings file. */
async function doctor(
  stack: Stack,
  env: Environment = {},
  file: object = {},
): Promise<readonly Line[]> {
  const configFile = join(stack.dp.dirs.root, 'doctor.json');
  const base = JSON.parse(read(join(stack.dp.dirs.root, 'connector.json'))) as object;
  await writeFile(configFile, JSON.stringify({ http: { listen: 'off' }, ...base, ...file }), {
    mode: 0o600,
  });
  const flags = { configFile };
  const all = { ...stack.environment, ...env };
  const { settings, secretFiles } = loadConfiguration({ flags, env: all, readFile: read });
  const modeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.mode;
  const hazards = hazardsOf(settings, secretFiles, modeOf);
  const signal = new AbortController().signal;
  return examine(checks, factSource(gatherersOf({ settings, hazards }), signal));
}

/** The check found this, and says to do that. */
function expectFound(
  lines: readonly Line[],
  check: string,
  level: 'warning' | 'error',
  says: RegExp,
  fix: RegExp,
): void {
  const own = lines.filter((line) => line.check === check && line.level === level);
  const text = own.map((line) => `${line.says} FIX ${'fix' in line ? line.fix : ''}`).join('\n');
  const all = lines.map((line) => `${line.level} ${line.check}: ${line.says}`).join('\n');
  expect(text, all).to.match(says).and.to.match(fix);
}

/** All that is wrong, by check. */
function wrong(lines: readonly Line[]): readonly string[] {
  return [...new Set(lines.filter(({ level }) => level !== 'ok').map(({ check }) => check))];
}

function unchecked(lines: readonly Line[]): readonly string[] {
  return lines.filter(({ level }) => level === 'not-checked').map(({ says }) => says);
}

async function listening(server: {
  listen(port: number, host: string, done: () => void): unknown;
  address(): unknown;
}): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** Passes on what it is asked, with the clock of a host that is ahead. */
function skewedProxy(target: string, aheadMs: number): Server {
  return createServer((incoming, outgoing) => {
    const { method, headers, url = '/' } = incoming;
    const onward = request(new URL(url, target), { method, headers, agent: false }, (answer) => {
      const date = new Date(Date.now() + aheadMs).toUTCString();
      outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, date });
      answer.on('error', () => outgoing.destroy()).pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
}

describe('doctor: a set-up that works, and settings that do not', function () {
  this.timeout(120_000);
  let stack: Stack;
  let app: App;
  const closers: (() => unknown)[] = [];

  before(async function () {
    this.timeout(300_000);
    stack = await startStack();
    app = await stack.app('a');
    stack.serve('web', [app]);
    await stack.run(['--once']);
    await stack.waitServed(domainOf('web'), [app]);
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
    stack.proxy.onRequest(undefined);
    stack.nomad.faults.clear();
    stack.nomad.acl.disable();
  });
  after(() => stack?.close());

  it('says ok in every line, exits with 0, and sends nothing but GET', async () => {
    stack.proxy.clear();
    const before = await stack.configuration();
    const http = ['--http-listen', `127.0.0.1:${await freePort()}`];
    const { code, stdout, stderr } = await stack.run(['doctor', ...http]);
    const lines = stdout.split('\n').filter((line) => line.startsWith('  '));
    expect(lines).to.have.length(checks.length);
    for (const line of lines) expect(line).to.match(/^ {2}ok {6}[a-z-]+ +\S/);
    expect(stdout).to.match(new RegExp(`\\n${checks.length} ok, 0 warnings, 0 errors\\.\\n$`));
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stack.proxy.writes()).to.deep.equal([]);
    expect(stack.nomad.requests.all.every(({ method }) => method === 'GET')).to.equal(true);
    expect(await stack.configuration()).to.equal(before);
  });

  it('says it as JSON too, with exit code 1 for an error, and no secret in it', async () => {
    const { code, stdout } = await stack.run(['doctor', '--output', 'json'], {
      HAPROXY_PASSWORD: 'not-the-password',
    });
    const { format_version, ok, counts, findings } = JSON.parse(stdout) as {
      format_version: number;
      ok: boolean;
      counts: Record<string, number>;
      findings: { check: string; level: string; fix?: string }[];
    };
    expect({ code, format_version, ok }).to.deep.equal({ code: 1, format_version: 1, ok: false });
    expect(counts['error']).to.equal(1);
    const errors = findings.filter(({ level }) => level === 'error');
    expect(errors.map(({ check }) => check)).to.deep.equal(['dataplane-reach']);
    expect(errors[0]?.fix).to.include('haproxy.password_file');
    expect(stdout).not.to.include('not-the-password');
  });

  it('settings that are not valid', async () => {
    const { code, stdout, stderr } = await stack.run(['doctor', '--routing-mode', 'maps']);
    expect(code).to.equal(1);
    expect(stdout).to.match(/error {3}settings .*--routing-mode.*\n +fix: correct the settings/);
    expect(stdout).to.include("not checked: the settings can't be used");
    expect(stderr).to.equal('');
  });

  it('a wrong password, and the default one', async () => {
    const lines = await doctor(stack, { HAPROXY_PASSWORD: 'adminpwd' });
    const refused = /refuses the password of user admin \(HTTP 401\)/;
    expectFound(lines, 'dataplane-reach', 'error', refused, /haproxy\.password_file/);
    expectFound(lines, 'password', 'warning', /default password/, /haproxy\.password_file/);
    expect(unchecked(lines)).to.include('not checked: the Data Plane API refuses the password');
    expect(lines.find(({ check }) => check === 'nomad-stream')?.level).to.equal('ok');
  });

  it('Nomad is down, or somewhere else, or silent', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const lines = await doctor(stack, { NOMAD_ADDR: nobody });
    expectFound(lines, 'nomad-reach', 'error', /nothing listens there \(ECONN/, /nomad\.address/);
    expect(unchecked(lines)).to.include("not checked: Nomad can't be reached");
    // All that HAProxy alone can tell is told.
    expect(lines.find(({ check }) => check === 'maps')?.level).to.equal('ok');
    expect(lines.filter(({ level }) => level === 'error')).to.have.length(1);
    const astray = await doctor(stack, { NOMAD_ADDR: 'http://no-such-host.invalid:4646' });
    expectFound(astray, 'nomad-reach', 'error', /DNS has no address/, /nomad\.address/);
    stack.nomad.faults.hang = true;
    const nomad = { request_timeout: '300ms' };
    const silent = await doctor(stack, {}, { nomad });
    expectFound(silent, 'nomad-reach', 'error', /no answer in 0\.3 s/, /firewall/);
  });

  it('Nomad has no leader', async () => {
    stack.nomad.faults.quorumLost = true;
    const lines = await doctor(stack);
    expectFound(lines, 'nomad-reach', 'error', /no leader answers/, /nomad server members/);
  });

  it('the Data Plane API is down', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const lines = await doctor(stack, { HAPROXY_DATAPLANE_URL: nobody });
    expectFound(lines, 'dataplane-reach', 'error', /nothing listens/, /start the Data Plane API/);
    expect(unchecked(lines)).to.include("not checked: the Data Plane API can't be reached");
  });

  it('TLS: http and https mixed up, and a certificate that nobody knows', async function () {
    const https = stack.nomadUrl.replace('http:', 'https:');
    const lines = await doctor(stack, { NOMAD_ADDR: https });
    expectFound(lines, 'nomad-reach', 'error', /TLS: it speaks plain http/, /http:\/\/ URL/);
    const pki = makePki(join(stack.dp.dirs.root, 'pki'), 'localhost');
    if (pki === undefined) return this.skip();
    const options = { cert: read(pki.cert), key: read(pki.key) };
    const server = createTlsServer(options, (_, answer) => answer.end('{}'));
    closers.push(() => server.close());
    const port = await listening(server);
    const unknown = await doctor(stack, { HAPROXY_DATAPLANE_URL: `https://127.0.0.1:${port}` });
    expectFound(unknown, 'dataplane-reach', 'error', /TLS: .*authority/, /haproxy\.ca_cert/);
    const known = { HAPROXY_CACERT: pki.ca, HAPROXY_DATAPLANE_URL: `https://127.0.0.1:${port}` };
    const misnamed = await doctor(stack, known);
    expectFound(misnamed, 'dataplane-reach', 'error', /isn't for 127/, /haproxy\.tls_server_name/);
  });

  it('plain http to another host', async () => {
    const haproxy = { request_timeout: '100ms', watch_interval: 'off' };
    const lines = await doctor(
      stack,
      { HAPROXY_DATAPLANE_URL: 'http://192.0.2.1:5555' },
      { haproxy },
    );
    expectFound(lines, 'transport', 'warning', /plain http.*192/, /haproxy\.address: https:\/\//);
  });

  it('others can read the file with the password', async () => {
    const file = join(stack.dp.dirs.root, 'password');
    await writeFile(file, stack.dp.password);
    await chmod(file, 0o644);
    const lines = await doctor(stack, { HAPROXY_PASSWORD_FILE: file, HAPROXY_PASSWORD: '' });
    expectFound(lines, 'secret-files', 'warning', /0644/, /chmod 0600 \S+\/password/);
    expect(wrong(lines)).to.deep.equal(['secret-files']);
  });

  it('another program has the port for health and metrics; a connector may have it', async () => {
    const other = createTcpServer((socket) => socket.destroy());
    closers.push(() => other.close());
    const port = await listening(other);
    const taken = await doctor(stack, {}, { http: { listen: `127.0.0.1:${port}` } });
    expectFound(taken, 'http-port', 'error', /another program \(EADDRINUSE\)/, /http\.listen/);
    const daemon = await freePort();
    const connector = await stack.spawnConnector(['--http-listen', `127.0.0.1:${daemon}`]);
    closers.push(() => connector.stop('SIGKILL'));
    await waitFor('the daemon', () => /"message":"started"/.test(connector.output()));
    const own = await doctor(stack, {}, { http: { listen: `127.0.0.1:${daemon}` } });
    expect(wrong(own)).to.deep.equal([]);
  });

  it('clocks that differ', async () => {
    for (const [variable, target, check] of [
      ['NOMAD_ADDR', stack.nomadUrl, 'nomad-clock'],
      ['HAPROXY_DATAPLANE_URL', stack.proxy.url, 'dataplane-clock'],
    ] as const) {
      const server = skewedProxy(target, -90_000);
      closers.push(() => server.closeAllConnections());
      closers.push(() => server.close());
      const url = `http://127.0.0.1:${await listening(server)}`;
      const lines = await doctor(stack, { [variable]: url });
      expectFound(lines, check, 'warning', /(89|90|91) s behind/, /timedatectl set-ntp true/);
      expect(wrong(lines)).to.deep.equal([check]);
    }
  });

  it('versions: too old, and not tested', async () => {
    const answering = (path: string, pattern: RegExp, version: string): void =>
      stack.proxy.onRequest((seen) =>
        seen.path.endsWith(path)
          ? { rewrite: (text) => text.replace(pattern, `$1${version}`) }
          : undefined,
      );
    answering('/runtime/info', /("version": ?")[\d.]+/, '2.8.5');
    const old = await doctor(stack);
    expectFound(old, 'haproxy-version', 'error', /2\.8\.5.* too old/, /install HAProxy 3\.0/);
    answering('/runtime/info', /("version": ?")[\d.]+/, '3.9.1');
    const next = await doctor(stack);
    expectFound(next, 'haproxy-version', 'warning', /3\.9\.1.* not tested/, /3\.0 to 3\.2/);
    answering('/v3/info', /("version": ?"v)[\d.]+/, '2.9.1');
    const api = await doctor(stack);
    expectFound(api, 'dataplane-version', 'error', /2\.9\.1 .*too old/, /Data Plane API 3\.0/);
  });

  it('a namespace that does not exist', async () => {
    const lines = await doctor(stack, { NOMAD_NAMESPACE: 'nowhere' });
    const fix = /nomad\.namespace to one of default/;
    expectFound(lines, 'nomad-namespaces', 'error', /nowhere doesn't exist/, fix);
  });

  it('two namespaces under an open policy', async () => {
    const [red] = [await stack.app('red')];
    stack.serve('red', [red], { namespace: 'red' });
    const lines = await doctor(stack);
    expectFound(lines, 'policy', 'warning', /policy\.mode is open/, /policy\.mode: strict/);
    expect(wrong(lines)).to.deep.equal(['policy']);
    stack.nomad.removeService('red', 'red');
  });

  it('a service that is skipped', async () => {
    const tags = [...enabledTags('bad'), 'haproxy.backend=nonsense'];
    stack.serve('bad', [app], { tags });
    const lines = await doctor(stack);
    expectFound(lines, 'services', 'warning', /bad is skipped: .*nonsense/, /invalid-tag/);
    stack.nomad.removeService('bad');
  });

  it('a token that Nomad does not know, and one of management', async () => {
    const { acl } = stack.nomad;
    acl.enable();
    const unknown = await doctor(stack, { NOMAD_TOKEN: 'expired' });
    expectFound(unknown, 'nomad-token', 'error', /refuses the token/, /nomad\.token_file/);
    acl.grant('root', grants.management);
    const root = await doctor(stack, { NOMAD_TOKEN: 'root' });
    expectFound(root, 'nomad-token', 'warning', /management token/, /nomad-policy\.hcl/);
    acl.grant('good', grants.readEverything);
    expect(wrong(await doctor(stack, { NOMAD_TOKEN: 'good' }))).to.deep.equal([]);
  });

  it('another connector of another namespace has the prefix', async () => {
    const lines = await doctor(stack, { NOMAD_NAMESPACE: 'default' });
    const said = /nomad__connector belongs to a connector of scope global\/\*\/haproxy/;
    expectFound(lines, 'other-connector', 'error', said, /ownership\.prefix: .*routing\.map_name:/);
    expect(lines.filter(({ level }) => level === 'error')).to.have.length(1);
  });

  it('a frontend that haproxy.cfg does not have', async () => {
    const lines = await doctor(stack, { HAPROXY_FRONTEND: 'https' });
    expectFound(lines, 'frontend', 'error', /frontend https does not exist/, /: http_front$/m);
  });

  it('a guard that is off', async () => {
    const guard = { allow_removals: true, traceless_hold: 0 };
    const lines = await doctor(stack, {}, { guard });
    expectFound(lines, 'guard', 'warning', /allow_removals/, /guard\.traceless_hold: 5m/);
    expect(wrong(lines)).to.deep.equal(['guard']);
  });
});

describe('doctor: the rights of the token', function () {
  this.timeout(120_000);
  let stack: Stack;
  let nomad: {
    url: string;
    token(name: string, rules: string): Promise<string>;
    variable(path: string, Items: Readonly<Record<string, string>>): Promise<unknown>;
  };
  const closers: (() => Promise<unknown>)[] = [];

  before(async function () {
    this.timeout(300_000);
    if (nomadBin() === undefined) {
      process.stderr.write('SKIPPED: doctor and the rights of a token: NOMAD_BIN is not set\n');
      return this.skip();
    }
    stack = await startStack();
    closers.push(() => stack.close());
    const agent = await startNomadAgent({ acl: true });
    closers.push(() => agent.close());
    await agent.createNamespace('red');
    nomad = {
      url: agent.url,
      token: (name, rules) => agent.mintToken(name, rules),
      variable: (Path, Items) => agent.request('PUT', `/v1/var/${Path}`, { Path, Items }),
    };
  });
  after(async () => {
    for (const close of closers.reverse()) await close();
  });

  async function withPolicy(name: string, rules: string, env: Environment = {}, file: object = {}) {
    const token = await nomad.token(name, rules);
    return doctor(stack, { NOMAD_ADDR: nomad.url, NOMAD_TOKEN: token, ...env }, file);
  }
  const all = /namespace "\*" \{ capabilities = \["list-jobs", "read-job"\] \}/;
  const shipped = read(new URL('../../deploy/nomad-policy.hcl', import.meta.url).pathname);

  it('are enough with the policy that is shipped', async () => {
    expect(wrong(await withPolicy('shipped', shipped))).to.deep.equal([]);
  });

  it('without list-jobs', async () => {
    const lines = await withPolicy('no-list', shipped.replace('"list-jobs", ', ''));
    expectFound(lines, 'nomad-list-jobs', 'error', /lacks list-jobs/, all);
    expect(lines.find(({ check }) => check === 'nomad-read-jobs')?.level).to.equal('ok');
  });

  it('without read-job: each thing that needs it', async () => {
    const lines = await withPolicy('no-read', shipped.replace(', "read-job"', ''));
    for (const check of ['nomad-read-jobs', 'nomad-read-services', 'nomad-read-allocations']) {
      expectFound(lines, check, 'error', /lacks read-job/, all);
    }
    expectFound(lines, 'nomad-stream', 'error', /silent: the token lacks read-job/, all);
    expect(lines.find(({ check }) => check === 'nomad-list-jobs')?.level).to.equal('ok');
  });

  it('without any namespace', async () => {
    const lines = await withPolicy('no-namespace', 'node { policy = "read" }');
    expectFound(lines, 'nomad-namespaces', 'error', /shows no namespace/, all);
  });

  it('in one namespace, where the settings name another', async () => {
    const rules = 'namespace "default" { capabilities = ["list-jobs", "read-job"] }';
    const lines = await withPolicy('one', rules, { NOMAD_NAMESPACE: 'red' });
    const red = /namespace "red" \{ capabilities/;
    expectFound(lines, 'nomad-namespaces', 'error', /namespace red doesn't exist, or/, red);
    expectFound(lines, 'nomad-read-services', 'error', /in red: it lacks read-job/, red);
  });

  it('the lock: neither right, one of two, both, and a variable of others', async () => {
    const path = 'connectors/leader';
    const file = { leader: { lock_path: path } };
    const withLock = (name: string, rules: string) => withPolicy(name, rules, {}, file);
    const may = (rights: string, spec = path) =>
      shipped.replace(/^\}/m, `variables { path "${spec}" { capabilities = [${rights}] } } }`);
    const line =
      /add variables \{ path "connectors\/leader" \{ capabilities = \["read", "write"\] \} \}/;
    const none = await withLock('lock-none', shipped);
    expectFound(none, 'nomad-lock', 'error', /may not read the lock/, line);
    const half = await withLock('lock-read', may('"read"'));
    expectFound(half, 'nomad-lock', 'error', /may read the lock.* and not write it/, line);
    expect(wrong(await withLock('lock', may('"read", "write"')))).to.deep.equal([]);
    expect(wrong(await withLock('locks', may('"read", "write"', 'connectors/*')))).to.deep.equal(
      [],
    );
    await nomad.variable(path, { password: 'x' });
    const taken = await withLock('lock', may('"read", "write"'));
    expectFound(taken, 'nomad-lock', 'error', /holds something else/, /a path of its own/);
  });

  it('in one namespace, where the settings name all: the event stream needs all', async () => {
    const rules = 'namespace "default" { capabilities = ["list-jobs", "read-job"] }';
    const lines = await withPolicy('single', rules);
    expect(wrong(lines)).to.deep.equal(['nomad-stream']);
    expectFound(lines, 'nomad-stream', 'warning', /silent.* on "\*"/, /or name one namespace/);
  });

  it('a token that Nomad does not know', async () => {
    const token = '11111111-2222-3333-4444-555555555555';
    const lines = await doctor(stack, { NOMAD_ADDR: nomad.url, NOMAD_TOKEN: token });
    expectFound(
      lines,
      'nomad-token',
      'error',
      /refuses the token \(403\)/,
      /nomad acl token create/,
    );
    expect(unchecked(lines)).to.include('not checked: Nomad refuses the token');
    expect(JSON.stringify(lines)).not.to.include(token);
  });
});

describe('doctor: HAProxy and its configuration', function () {
  this.timeout(120_000);
  let stack: Stack;
  const processes: Started[] = [];

  async function begin(config?: (text: string) => string): Promise<void> {
    stack = await startStack(
      config === undefined
        ? {}
        : { haproxyConfig: (dirs, port) => config(baseHaproxyConfig(dirs, port)) },
    );
  }
  afterEach(async function () {
    this.timeout(60_000);
    for (const one of processes.splice(0)) await one.stop('SIGKILL');
    await stack?.close();
  });

  /** A change of dataplaneapi.yaml. */
  async function reconfigure(change: (yaml: string) => string): Promise<void> {
    const file = join(stack.dp.dirs.root, 'dataplaneapi.yaml');
    await stack.dp.killDataPlane();
    await writeFile(file, change(await readFile(file, 'utf8')));
    await stack.dp.startDataPlane();
  }

  /** The stand-in knows the master socket only. */
  function needRealDataPlane(test: Context): void {
    if (stack.dp.isReal) return;
    process.stderr.write('SKIPPED: doctor without a master socket: needs DATAPLANEAPI_BIN\n');
    test.skip();
  }

  it('HAProxy is down', async () => {
    await begin();
    await stack.dp.stopHaproxy();
    const lines = await doctor(stack);
    const fix = /-W -S \/run\/haproxy\/master\.sock.*master_runtime/;
    expectFound(lines, 'haproxy-reach', 'error', /doesn't reach HAProxy/, fix);
    expect(lines.filter(({ level }) => level === 'error')).to.have.length(1);
    expect(unchecked(lines)).to.include("not checked: the Data Plane API doesn't reach HAProxy");
    // The file can still be read.
    expect(lines.find(({ check }) => check === 'frontend-binds')?.level).to.equal('ok');
  });

  it('no master socket: reloads are not verified, and one that failed is told', async function () {
    await begin();
    needRealDataPlane(this);
    await reconfigure((yaml) => yaml.replace(/ *master_runtime:.*\n/, ''));
    const lines = await doctor(stack);
    const fix = /master_worker_mode: true and master_runtime/;
    expectFound(lines, 'reload-strategy', 'error', /stats socket \S+: it reloads with/, fix);
    const text = await stack.configuration();
    const path = '/v3/services/haproxy/configuration/raw?skip_version=true';
    await stack.dp.send('POST', path, text);
    await waitFor('a failed reload', async () => {
      const { body } = await stack.dp.send('GET', '/v3/services/haproxy/reloads');
      return JSON.stringify(body).includes('"failed"');
    });
    expectFound(await doctor(stack), 'last-reload', 'error', /reload \S+ failed/, fix);
  });

  it('HAProxy without a master process', async function () {
    await begin();
    needRealDataPlane(this);
    await stack.dp.stopHaproxy();
    const { bin, files } = stack.dp.haproxy;
    processes.push(await start(bin, ['-f', files.config], { name: 'haproxy' }));
    await reconfigure((yaml) => yaml.replace(/ *master_runtime:.*\n/, ''));
    const lines = await doctor(stack);
    expectFound(lines, 'master-worker', 'error', /no master process/, /start HAProxy with -W -S/);
  });

  it('options that are missing', async () => {
    await begin((text) =>
      text
        .replace(/ *hard-stop-after.*\n/, '')
        .replace(/ *server-state-file.*\n/, '')
        .replace(/ *option idle-close-on-response\n/, '')
        .replace(/ *default_backend operator_default\n/, '')
        .replace('  timeout server 30s\n', '  retries 0\n  http-reuse always\n'),
    );
    const lines = await doctor(stack);
    const global = /in global: server-state-file /;
    expectFound(lines, 'server-state-file', 'warning', /no server-state-file/, global);
    expectFound(
      lines,
      'hard-stop-after',
      'warning',
      /no hard-stop/,
      /in global: hard-stop-after 5m/,
    );
    const idle = /option idle-close-on-response$/m;
    expectFound(lines, 'idle-close', 'warning', /http_front has no/, idle);
    expectFound(lines, 'frontend-binds', 'warning', /503/, /in it: default_backend/);
    expectFound(lines, 'defaults', 'warning', /no timeout server/, /in it: timeout server 30s/);
    expectFound(lines, 'defaults', 'warning', /retries 0/, /in it: retries 3/);
    expectFound(lines, 'defaults', 'warning', /http-reuse always/, /in it: http-reuse safe/);
    expect(lines.filter(({ level }) => level === 'error')).to.deep.equal([]);
  });

  it('a server-state-file where the Data Plane API does not write', async () => {
    await begin((text) => text.replace(/\/general\/server-state/, '/server-state'));
    await stack.passes().run();
    await writeFile(join(stack.dp.dirs.general, 'server-state'), '1\n');
    const lines = await doctor(stack);
    const fix = /is elsewhere\. in global: server-state-file/;
    expectFound(lines, 'server-state-file', 'warning', /general storage/, fix);
  });

  it("your own backend with the connector's servers", async () => {
    await begin((text) =>
      text
        .replace('  option redispatch 1\n', '')
        .replace(
          'backend operator_api\n',
          'backend custom\n  balance roundrobin\n  retry-on none\n\nbackend operator_api\n',
        ),
    );
    const app = await stack.app('a');
    const tags = ['haproxy.enable=true', 'haproxy.backend=custom', 'haproxy.backend.name=custom'];
    stack.nomad.addService({ name: 'web', tags, instances: [at(app)] });
    await stack.passes().run();
    const lines = await doctor(stack);
    const fix = /option redispatch 1/;
    expectFound(lines, 'custom-backends', 'warning', /backend \S+ has no "option redisp/, fix);
    const retry = /retry-on conn-failure$/m;
    expectFound(lines, 'custom-retries', 'warning', /custom has retry-on none/, retry);
  });

  it('a frontend without a bind', async () => {
    await begin((text) => `${text}\nfrontend lonely\n  default_backend operator_default\n`);
    const lines = await doctor(stack, { HAPROXY_FRONTEND: 'lonely' });
    expectFound(lines, 'frontend-binds', 'error', /lonely has no bind/, /in it: bind :443/);
  });

  it('a maps folder that HAProxy does not read', async () => {
    await begin();
    const app = await stack.app('a');
    stack.serve('web', [app]);
    await stack.passes().run();
    const { maps, general } = stack.dp.dirs;
    await reconfigure((yaml) => yaml.replace(/maps_dir: .*/, `maps_dir: ${general}`));
    const lines = await doctor(stack);
    const fix = new RegExp(`resources: maps_dir: ${maps}`);
    expectFound(lines, 'maps', 'error', /is not in the maps folder/, fix);
  });

  it('a process that is older than the file, and one of another file', async () => {
    await begin();
    await stack.editConfiguration((text) => `${text}\nbackend later\n  server one 127.0.0.1:9\n`);
    const lines = await doctor(stack);
    const lacks = /older configuration than the file: it lacks backend later/;
    expectFound(lines, 'loaded-configuration', 'warning', lacks, /systemctl reload haproxy/);
    const { config, root } = stack.dp.dirs;
    const copy = join(root, 'other.cfg');
    const names = /^(frontend|backend) (\S+)/gm;
    const text = (await readFile(config, 'utf8')).replace(names, '$1 other_$2');
    await writeFile(copy, text.replace(/(use|default)_backend (\S+)/g, '$1_backend other_$2'));
    await reconfigure((yaml) => yaml.replace(`config_file: ${config}`, `config_file: ${copy}`));
    const other = await doctor(stack, { HAPROXY_FRONTEND: 'other_http_front' });
    const fix = /config_file: the file that HAProxy is started with/;
    expectFound(other, 'loaded-configuration', 'error', /runs another file/, fix);
    expect(dirname(copy)).to.equal(root);
  });

  it('too few file descriptors', async () => {
    await begin((text) =>
      text.replace(/ *maxconn 4000\n/, '  maxconn 4000\n  fd-hard-limit 8300\n'),
    );
    const app = await stack.app('a');
    for (let i = 0; i < 30; i++) {
      const instances = Array.from({ length: 4 }, () => at(app));
      stack.serve(`svc${i}`, [], { instances });
    }
    const lines = await doctor(stack);
    const fix = /LimitNOFILE=.*fd-hard-limit above 8300.*lower maxconn 4000/;
    expectFound(lines, 'descriptors', 'warning', /its limit is 8300/, fix);
  });

  it('a daemon logs what it found after its first pass, and goes on', async () => {
    await begin((text) => text.replace(/ *default_backend operator_default\n/, ''));
    const app = await stack.app('a');
    stack.serve('web', [app]);
    const http = ['--http-listen', `127.0.0.1:${await freePort()}`];
    const connector = await stack.spawnConnector(http);
    const line = await waitFor(
      'a line of the doctor',
      () => /^.*"message":"doctor".*$/m.exec(connector.output())?.[0],
    );
    expect(line).to.include('"check":"frontend-binds"').and.to.include('default_backend NAME');
    await stack.waitServed(domainOf('web'), [app]);
    await connector.stop('SIGTERM');
  });
});
