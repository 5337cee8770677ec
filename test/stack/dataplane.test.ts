import { createServer, type Server } from 'node:net';
import { readFile, writeFile } from 'node:fs/promises';

import { expect } from 'chai';

import type { App } from '../../fixtures/apps/app.js';
import { globalSection } from '../../fixtures/dataplane/config.js';
import { freePort } from '../../fixtures/ports.js';
import type { SeenRequest } from '../../fixtures/stack/interceptor.js';
import { type Stack, domainOf, enabledTags } from '../../fixtures/stack.js';
import { at, until } from './helpers.js';
import { useStack } from './stack.js';

const isCommit = ({ method, path }: SeenRequest): boolean =>
  method === 'PUT' && path.includes('/transactions/');
const root = '/v3/services/haproxy';

async function askFor({ dp }: Stack, path: string): Promise<unknown> {
  return (await dp.send('GET', `${root}/configuration/${path}`)).body;
}

/** R6.3: the next passes repair it, without a person. */
describe('the loop, when the data plane misbehaves', () => {
  const stack = useStack({ maxOpenTransactions: 5 });
  let app: App;

  beforeEach(async () => {
    app = await stack().app('a');
  });

  const ask = (path: string): Promise<unknown> => askFor(stack(), path);

  /** Another writer's change, in one request. */
  const otherWriter = async (name: string): Promise<void> => {
    const version = (await ask('version')) as number;
    const path = `${root}/configuration/backends?version=${version}&force_reload=true`;
    const answer = await stack().dp.send('POST', path, { name, mode: 'http' });
    expect(answer.status).to.be.within(200, 299);
  };

  it('it was killed, and comes back', async () => {
    stack().serve('web', [app]);
    const connector = stack().connector();
    await connector.waitSettled();
    await stack().dp.killDataPlane();
    stack().serve('late', [app]);
    connector.wake();
    await until(() => connector.failures.length > 0);
    expect(connector.failures[0]?.code).to.equal('haproxy-unreachable');
    await stack().waitServed(domainOf('web'), [app]);
    await stack().dp.startDataPlane();
    await stack().waitServed(domainOf('late'), [app]);
  });

  for (const when of ['before', 'after'] as const) {
    it(`it is killed ${when} the commit: converges, and no transaction is left`, async () => {
      const { proxy, dp } = stack();
      stack().serve('web', [app]);
      proxy.onRequest(async (seen) => {
        if (!isCommit(seen)) return undefined;
        proxy.onRequest(undefined);
        if (when === 'after') await dp.send('PUT', `${seen.path}?${seen.query}`);
        await dp.killDataPlane();
        return 'cut';
      });
      const connector = stack().connector();
      await until(() => connector.failures.length > 0);
      await dp.startDataPlane();
      await stack().waitServed(domainOf('web'), [app]);
      await connector.waitConverged();
      expect(await stack().openTransactions()).to.deep.equal([]);
    });
  }

  it('the answer to the commit is lost: what was done is not done again', async () => {
    const { proxy } = stack();
    stack().serve('web', [app]);
    proxy.onRequest((seen) => {
      if (!isCommit(seen)) return undefined;
      proxy.onRequest(undefined);
      return 'cut-answer';
    });
    const connector = stack().connector();
    await until(() => connector.failures.length > 0);
    await connector.waitConverged();
    await stack().waitServed(domainOf('web'), [app]);
    expect(proxy.writes().filter(isCommit)).to.have.lengthOf(1);
    expect(await stack().openTransactions()).to.deep.equal([]);
  });

  it('S21, S23: another writer is faster, again and again: nothing is dropped, none left open', async () => {
    const { proxy } = stack();
    for (const name of ['one', 'two', 'three']) stack().serve(name, [app]);
    let conflicts = 0;
    proxy.onRequest(async (seen) => {
      if (isCommit(seen) && conflicts < 6) await otherWriter(`theirs_${++conflicts}`);
      return undefined;
    });
    const connector = stack().connector();
    stack().serve('four', [app]);
    for (const name of ['one', 'two', 'three', 'four']) {
      await stack().waitServed(domainOf(name), [app]);
    }
    await connector.waitConverged();
    expect(conflicts).to.equal(6);
    expect(connector.failures.map(({ code }) => code)).to.include('haproxy-conflict');
    expect(await stack().openTransactions()).to.deep.equal([]);
    const configuration = await stack().configuration();
    for (let count = 1; count <= 6; count++) {
      expect(configuration).to.include(`backend theirs_${count}`);
    }
  });

  it('S21: another writer is faster when slots are filled', async () => {
    const { proxy } = stack();
    const web = stack().serve('web', [app]);
    const connector = stack().connector();
    await connector.waitSettled();
    let conflicts = 0;
    proxy.onRequest(async ({ method, path }) => {
      const posts = method === 'POST' && path.endsWith('/configuration/raw');
      if (posts && conflicts < 3) await otherWriter(`theirs_${++conflicts}`);
      return undefined;
    });
    const late = await stack().app('late');
    web.addInstance(at(late));
    await stack().waitBalanced(domainOf('web'), [app, late]);
    expect(conflicts).to.equal(3);
    await connector.waitConverged();
    expect(await stack().openTransactions()).to.deep.equal([]);
    for (let count = 1; count <= 3; count++) {
      expect(await stack().configuration()).to.include(`backend theirs_${count}`);
    }
  });

  it('S23: transactions that a killed writer left are deleted', async () => {
    const { dp } = stack();
    for (let count = 0; count < 4; count++) {
      await dp.send('POST', `${root}/transactions?version=1`);
    }
    await otherWriter('theirs');
    expect(await stack().openTransactions()).to.have.lengthOf(4);
    stack().serve('web', [app]);
    const connector = stack().connector();
    await stack().waitServed(domainOf('web'), [app]);
    await connector.waitConverged();
    expect(await stack().openTransactions()).to.deep.equal([]);
  });

  it('S23: killed writers left as many open as there may be: they are deleted', async () => {
    const { dp } = stack();
    const connector = stack().connector();
    await connector.waitSettled();
    const version = (await ask('version')) as number;
    for (let count = 0; count < 5; count++) {
      await dp.send('POST', `${root}/transactions?version=${version}`);
    }
    expect(await stack().openTransactions()).to.have.lengthOf(5);
    stack().serve('web', [app]);
    await stack().waitServed(domainOf('web'), [app]);
    await connector.waitConverged();
    expect(await stack().openTransactions()).to.deep.equal([]);
  });

  it('S23: a transaction that the Data Plane API was killed in is deleted once a pass succeeds', async () => {
    const { dp, proxy } = stack();
    const web = stack().serve('web', [app]);
    const connector = stack().connector();
    await connector.waitSettled();
    const version = (await ask('version')) as number;
    proxy.onRequest(async ({ method, path }) => {
      if (method !== 'POST' || !path.endsWith('/configuration/raw')) return undefined;
      proxy.onRequest(undefined);
      await dp.send('POST', `${root}/transactions?version=${version}`);
      return 'cut';
    });
    const late = await stack().app('late');
    web.addInstance(at(late));
    await stack().waitBalanced(domainOf('web'), [app, late]);
    await connector.waitConverged();
    expect(await stack().openTransactions()).to.deep.equal([]);
  });

  it('S14: a rule that could not be written is an error, and written later', async () => {
    const { proxy } = stack();
    stack().serve('web', [app]);
    let refused = 0;
    proxy.onRequest(({ method, path }) => {
      const isRule = method === 'POST' && path.includes('/backend_switching_rules');
      if (!isRule || ++refused > 2) return undefined;
      return { answer: { status: 500, body: { code: 500, message: 'no space left on device' } } };
    });
    const connector = stack().connector();
    await stack().waitServed(domainOf('web'), [app]);
    expect(connector.failures.map(({ code }) => code)).to.deep.equal([
      'haproxy-failed',
      'haproxy-failed',
    ]);
    expect(connector.failures[0]?.message).to.include('no space left on device');
    await connector.waitConverged();
    expect(await stack().openTransactions()).to.deep.equal([]);
  });

  /** Another writer's frontend on a port that is in use: HAProxy doesn't load it. */
  const poison = async (): Promise<void> => {
    const { dp } = stack();
    const taken = await occupy();
    const version = (await ask('version')) as number;
    const path = `${root}/configuration/frontends?version=${version}&force_reload=true&full_section=true`;
    const answer = await dp.send('POST', path, {
      name: 'theirs',
      mode: 'http',
      binds: { one: { name: 'one', address: '127.0.0.1', port: taken.port } },
    });
    taken.server.close();
    expect(answer.status).to.equal(400);
  };

  it('the view of the API is poisoned by a failed reload of another writer', async () => {
    stack().serve('web', [app]);
    const passes = stack().passes();
    await passes.run();
    stack().serve('late', [app]);
    await poison();
    await passes.run();
    await stack().waitServed(domainOf('late'), [app]);
    expect(await stack().configuration()).not.to.include('frontend theirs');
  });

  it('the same, before the API has ever written the file', async () => {
    stack().serve('web', [app]);
    await poison();
    stack().connector();
    await stack().waitServed(domainOf('web'), [app]);
    expect(await stack().configuration()).not.to.include('frontend theirs');
  });

  it('a reload fails for what another wrote: no service is blamed for it', async () => {
    stack().serve('web', [app]);
    const connector = stack().connector();
    await connector.waitSettled();
    const taken = await occupy();
    const frontend = `\nfrontend theirs\n  mode http\n  bind 127.0.0.1:${taken.port}\n`;
    await stack().editConfiguration((text) => text + frontend);
    stack().serve('late', [app]);
    // The Data Plane API itself goes back to the last file that HAProxy took.
    await stack().waitServed(domainOf('late'), [app]);
    await stack().waitServed(domainOf('web'), [app]);
    taken.server.close();
    expect((await connector.waitConverged()).rest.skipped).to.deep.equal([]);
    expect(await stack().openTransactions()).to.deep.equal([]);
  });

  it('a reload that was pending got lost', async () => {
    const { dp } = stack();
    stack().serve('web', [app]);
    const first = stack().passes();
    await first.run();
    const before = await readFile(dp.dirs.config, 'utf8');
    stack().serve('late', [app]);
    await first.run();
    const after = await readFile(dp.dirs.config, 'utf8');
    // HAProxy runs what was before, and the file has what came after: so an API leaves it that was
    // killed between a write and its reload.
    await Promise.all([dp.killDataPlane(), dp.stopHaproxy()]);
    await writeFile(dp.dirs.config, before);
    await dp.startHaproxy();
    await writeFile(dp.dirs.config, after);
    await dp.startDataPlane();
    expect((await stack().request(domainOf('late'))).status).to.equal(404);
    stack().connector();
    await stack().waitServed(domainOf('late'), [app]);
  });

  it('the list of servers comes cut short: that is no lost reload, and is read again', async () => {
    const { proxy, dp } = stack();
    for (const name of ['one', 'two', 'three']) stack().serve(name, [app]);
    const passes = stack().passes();
    await passes.run();
    for (const name of ['one', 'two', 'three']) await stack().waitServed(domainOf(name), [app]);
    await passes.run();
    const worker = await dp.haproxy.workerPid();
    let cuts = 0;
    const cutShort = (times: number) => (seen: SeenRequest) =>
      seen.path.endsWith('/runtime/backends/%20/servers') && cuts++ < times
        ? { rewrite: (body: string) => JSON.stringify((JSON.parse(body) as object[]).slice(0, 1)) }
        : undefined;
    proxy.clear();
    proxy.onRequest(cutShort(1));
    expect((await passes.run()).plan.steps).to.deep.equal([]);
    expect(cuts).to.equal(2);
    proxy.onRequest(cutShort(100));
    const error = await passes.run().catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'haproxy-failed' });
    expect(proxy.writes()).to.deep.equal([]);
    expect(await dp.haproxy.workerPid()).to.equal(worker);
  });

  it('one service is refused by HAProxy: it alone is skipped, and named', async () => {
    stack().serve('first', [app]);
    const connector = stack().connector();
    await connector.waitSettled();
    // Nobody but HAProxy itself can know that two tables may not have one name.
    const table = 'frontend nomad_bad\n  mode http\n  stick-table type ip size 1k\n';
    await stack().editConfiguration((text) => `${text}\n${table}`);
    const limited = [...enabledTags('bad'), 'haproxy.rate-limit=100/1m'];
    stack().serve('bad', [app], { tags: limited });
    for (const name of ['good', 'fine']) stack().serve(name, [app]);
    await stack().waitServed(domainOf('good'), [app]);
    await stack().waitServed(domainOf('fine'), [app]);
    const { rest } = await connector.waitConverged();
    expect(rest.skipped.map(({ service, code }) => [service, code])).to.deep.equal([
      ['default/bad', 'rejected-by-haproxy'],
    ]);
    expect(await stack().openTransactions()).to.deep.equal([]);
  });
});

async function occupy(): Promise<{ port: number; server: Server }> {
  const port = await freePort();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { port, server };
}

/** R2.4: drift is mended, and what is the operator's stays as it is. */
describe('the loop, beside an operator', () => {
  const stack = useStack({
    haproxyConfig: (dirs, port) => `# Kept by hand
${globalSection(dirs)}
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s

frontend http_front
  # do not touch
  bind 127.0.0.1:${port} name public
  option idle-close-on-response
  acl is_admin path_beg /admin # for us only
  acl from_home src 127.0.0.0/8
  http-request deny if is_admin !from_home
  http-request set-header X-Operator yes
  # first the shop, then the rest
  use_backend shop if { hdr(host) -i shop.example.com }
  use_backend admin if is_admin
  default_backend operator_default

backend shop
  # a comment of the operator's
  balance leastconn
  server s1 127.0.0.1:9 weight 10 # the old machine
  server s2 127.0.0.1:10 backup

backend admin
  http-request return status 200 content-type text/plain string "admin"

backend operator_default
  http-request return status 404 content-type text/plain string "operator default"
`,
  });
  let app: App;
  beforeEach(async () => {
    app = await stack().app('a');
  });

  const ask = (path: string): Promise<unknown> => askFor(stack(), path);
  const theirs = async (): Promise<unknown> => {
    const frontend = 'frontends/http_front';
    const isOurs = (rule: object): boolean => JSON.stringify(rule).includes('nomad_');
    const rules = (await ask(`${frontend}/backend_switching_rules`)) as object[];
    return {
      acls: await ask(`${frontend}/acls`),
      rules: rules.filter((rule) => !isOurs(rule)),
      requestRules: await ask(`${frontend}/http_request_rules`),
      shop: await ask('backends/shop?full_section=true'),
      admin: await ask('backends/admin?full_section=true'),
    };
  };

  it('S22: their text and objects are what an empty commit of the API leaves', async () => {
    const { dp } = stack();
    const version = (await ask('version')) as number;
    const { body } = await dp.send('POST', `${root}/transactions?version=${version}`);
    await dp.send('PUT', `${root}/transactions/${(body as { id: string }).id}?force_reload=true`);
    const [text, objects] = [withoutOurs(await stack().configuration()), await theirs()];

    const web = stack().serve('web', [app]);
    const connector = stack().connector();
    await stack().waitServed(domainOf('web'), [app]);
    web.addInstance(at(await stack().app('b')));
    stack().serve('other', [app]);
    await stack().waitServed(domainOf('other'), [app]);
    await connector.waitSettled();
    expect(withoutOurs(await stack().configuration())).to.equal(text);
    expect(await theirs()).to.deep.equal(objects);

    stack().nomad.removeService('other');
    stack().nomad.removeService('web');
    await until(async () => (await stack().request(domainOf('web'))).status === 404);
    await connector.waitConverged();
    expect(withoutOurs(await stack().configuration())).to.equal(text);
    expect(await theirs()).to.deep.equal(objects);
    expect((await stack().request('any.example.com', '/admin')).body).to.equal('admin');
  });

  it('a server of ours was dropped by hand, and a backend of theirs added: each is as it should be', async () => {
    const { dp } = stack();
    const apps = [app, await stack().app('b')];
    stack().serve('web', apps);
    const connector = stack().connector();
    await stack().waitBalanced(domainOf('web'), apps);
    await connector.waitSettled();
    const backend =
      '\n# by hand\nbackend by_hand\n  # a note\n  mode http\n  http-request return status 200 content-type text/plain string "by hand" # really\n';
    await stack().editConfiguration(
      (text) => text.replace(/^ {2}server nomad_web_1 .*\n/m, '') + backend,
    );
    await until(async () => {
      connector.wake();
      return (
        (await stack().loadedServers('nomad_web')).length > 0 &&
        /^ {2}server nomad_web_1 /m.test(await stack().configuration())
      );
    });
    await stack().waitBalanced(domainOf('web'), apps);
    await connector.waitConverged();
    const now = withoutOurs(await stack().configuration());
    const { body } = await dp.send(
      'POST',
      `${root}/transactions?version=${(await ask('version')) as number}`,
    );
    await dp.send('PUT', `${root}/transactions/${(body as { id: string }).id}`);
    expect(now).to.equal(withoutOurs(await stack().configuration()));
    for (const line of ['# by hand', 'backend by_hand', '  # a note', '"by hand" # really']) {
      expect(now).to.include(line);
    }
  });

  it('S3: a rule, a map entry or a backend is missing: each is made again by itself', async () => {
    const { dp } = stack();
    stack().serve('web', [app]);
    stack().serve('other', [app]);
    const connector = stack().connector();
    await stack().waitServed(domainOf('web'), [app]);
    await connector.waitSettled();
    const change = async (method: string, path: string): Promise<void> => {
      const version = (await ask('version')) as number;
      const glue = path.includes('?') ? '&' : '?';
      const answer = await dp.send(
        method,
        `${root}${path}${glue}version=${version}&force_reload=true`,
      );
      expect(answer.status).to.be.within(200, 299);
      expect((await stack().request(domainOf('web'))).status).not.to.equal(200);
      connector.wake();
      await stack().waitServed(domainOf('web'), [app]);
      await connector.waitConverged();
    };
    await change('DELETE', '/configuration/frontends/http_front/backend_switching_rules/0');
    await dp.send(
      'DELETE',
      `${root}/runtime/maps/nomad_exact.map/entries/${domainOf('web')}?force_sync=true`,
    );
    connector.wake();
    await stack().waitServed(domainOf('web'), [app]);
    const { body } = await dp.send(
      'POST',
      `${root}/transactions?version=${(await ask('version')) as number}`,
    );
    const { id } = body as { id: string };
    await dp.send('DELETE', `${root}/configuration/backends/nomad_web?transaction_id=${id}`);
    await dp.send('PUT', `${root}/transactions/${id}?force_reload=true`);
    connector.wake();
    await stack().waitServed(domainOf('web'), [app]);
    await stack().waitServed(domainOf('other'), [app]);
    await connector.waitConverged();
  });

  it('S7: HAProxy and the API are restarted on their base configuration', async () => {
    const { dp } = stack();
    const base = await stack().configuration();
    stack().serve('web', [app]);
    const connector = stack().connector();
    await stack().waitServed(domainOf('web'), [app]);
    await connector.waitSettled();
    await Promise.all([dp.killDataPlane(), dp.stopHaproxy('SIGTERM')]);
    await writeFile(dp.dirs.config, base);
    await dp.startHaproxy();
    await dp.startDataPlane();
    connector.wake();
    await stack().waitServed(domainOf('web'), [app]);
  });

  it('S7: HAProxy alone is restarted', async function () {
    this.timeout(120_000);
    const { dp } = stack();
    stack().serve('web', [app]);
    const connector = stack().connector();
    await stack().waitServed(domainOf('web'), [app]);
    await connector.waitSettled();
    await dp.stopHaproxy('SIGTERM');
    connector.wake();
    await until(() => connector.failures.length > 0);
    expect(connector.failures[0]?.code).to.equal('haproxy-down');
    await dp.startHaproxy();
    await stack().waitServed(domainOf('web'), [app]);
    // What the API asks while HAProxy 3.2 starts is answered late: it gives up after 30 s, and so
    // the passes until then fail.
    const before = connector.results.length;
    await until(() => connector.results.length > before, { timeoutMs: 60_000 });
    await connector.waitConverged();
  });
});

/** Everything that isn't the connector's: its backends and rules cut out, and the API's own lines. */
function withoutOurs(configuration: string): string {
  return configuration
    .split(/^(?=(?:backend|frontend|defaults|global|listen)\b)/m)
    .filter((section) => !/^backend nomad_/.test(section))
    .join('')
    .replace(/^# _(md5hash|version)=.*\n/gm, '')
    .replace(/^.*nomad_.*\n/gm, '')
    .replace(/\n{2,}/g, '\n\n');
}
