import { expect } from 'chai';

import type { Echo } from './echo.js';
import { type Change, inRules, startWorld, until, type World } from './world.js';

/** Routes of several services side by side: who gets which request. */
for (const mode of ['map', 'rules'] as const) {
  describe(`routes of several services, in ${mode} mode`, function () {
    this.timeout(60_000);
    const change: Change = (settings) => (mode === 'rules' ? inRules(settings) : settings);
    let world: World;
    let app: Echo;

    before(async function () {
      this.timeout(300_000);
      world = await startWorld();
      app = await world.app('app');
    });
    after(() => world.close());
    afterEach(async () => {
      for (const { ID, Namespace } of [...world.stack.nomad.state.read.jobs.values()]) {
        world.stack.nomad.stopJob({ ID, Namespace }, { purge: true });
      }
      await world.converge(change);
    });

    /** Each service tells itself by a header, so that one app will do. */
    const serve = (name: string, ...tags: readonly string[]) =>
      world.serve(
        name,
        [...tags, 'check.disabled=true', `response-header.set=X-Service: ${name}`],
        {
          instances: [{ address: app.address, port: app.port }],
        },
      );
    const who = async (host: string, path = '/'): Promise<string> => {
      const { headers, status } = await world.ask(host, { path });
      return String(headers['x-service'] ?? status);
    };
    const all = async (wanted: Readonly<Record<string, string>>): Promise<void> => {
      const found: Record<string, string> = {};
      for (const url of Object.keys(wanted)) {
        const [host = '', ...path] = url.split('/');
        found[url] = await who(host, `/${path.join('/')}`);
      }
      expect(found).to.deep.equal(wanted);
    };

    it('the longest path wins, whoever is older', async () => {
      serve('root', 'domain=p.io');
      serve('long', 'domain=p.io', 'path=/api/v1');
      serve('short', 'domain=p.io', 'path=/api');
      serve('any', 'path=/api/v1/deep');
      await world.converge(change);
      await all({
        'p.io/': 'root',
        'p.io/apix': 'root',
        'p.io/api': 'short',
        'p.io/api/v2': 'short',
        'p.io/api/v1': 'long',
        'p.io/api/v1/deep': 'long',
        'p.io/api/v10': 'short',
        'other.io/api/v1/deep/er': 'any',
      });
    });

    it('the longest path wins on wildcards, prefixes and regular expressions too', async () => {
      serve('wild-a', 'domain=*.w.io', 'path=/a');
      serve('wild-ab', 'domain=*.w.io', 'path=/a/b');
      serve('pre-a', 'domain.type=prefix', 'domain=pre-', 'path=/a');
      serve('pre-ab', 'domain.type=prefix', 'domain=pre-', 'path=/a/b');
      serve('rx-a', 'domain.type=regex', 'domain=^rx\\d\\.io$', 'path=/a');
      serve('rx-ab', 'domain.type=regex', 'domain=^rx\\d\\.io$', 'path=/a/b');
      await world.converge(change);
      await all({
        'x.w.io/a/c': 'wild-a',
        'x.w.io/a/b/c': 'wild-ab',
        'pre-1.io/a/c': 'pre-a',
        'pre-1.io/a/b': 'pre-ab',
        'rx1.io/a': 'rx-a',
        'rx1.io/a/b/c': 'rx-ab',
        'rx1.io/': '404',
      });
    });

    it('a regular expression with a path is matched against the host alone', async () => {
      serve('choice', 'domain.type=regex', 'domain=^c\\.io$|^d\\.io$', 'path=/a');
      serve('open', 'domain.type=regex', 'domain=open', 'path=/a');
      serve('dots', 'domain.type=regex', 'domain=^e.*\\.[^x]+$', 'path=/a');
      await world.converge(change);
      await all({
        'c.io/a/b': 'choice',
        'd.io/a': 'choice',
        'xd.io/a': '404',
        'y.io/d.io/a': '404',
        'an.open.io/a/b': 'open',
        'y.io/open/a': '404',
        'e.io/a': 'dots',
        'e.x/a': '404',
        'e/y.io/a': '404',
      });
    });

    it('a host longer than any is not compared with a regular expression, which could take minutes', async () => {
      serve('slow', 'domain.type=regex', 'domain=^.*.*slow$');
      serve('slow-path', 'domain.type=regex', 'domain=^.*.*slow$', 'path=/a');
      await world.converge(change);
      const long = `${'a'.repeat(4000)}slow-`;
      const pid = await world.stack.dp.haproxy.workerPid();
      await all({ [`${long}/`]: '404', [`${long}/a`]: '404' });
      await all({ 'a.slow/': 'slow', 'a.slow/a': 'slow-path' });
      expect(await world.stack.dp.haproxy.workerPid()).to.equal(pid);
    });

    it('names that every object in JavaScript has are hosts like any other', async () => {
      serve('constructor', 'domain=constructor', 'domain=constructor.io', 'path=/valueof');
      serve('proto', 'domain.type=regex', 'domain=__proto__', 'domain=constructor$');
      await world.converge(change);
      expect((await world.pass(change)).steps).to.deep.equal([]);
      await all({
        'constructor/valueof': 'constructor',
        'constructor.io/valueof/a': 'constructor',
        'a__proto__b.io/': 'proto',
        'a.constructor/': 'proto',
      });
      world.stack.nomad.removeService('proto');
      await world.converge(change);
      await all({ 'a__proto__b.io/': '404', 'constructor/valueof': 'constructor' });
    });

    it('exact before wildcard before prefix before regex', async () => {
      serve('regex', 'domain.type=regex', 'domain=^.*\\.o\\.io$');
      serve('prefix', 'domain.type=prefix', 'domain=a');
      serve('wildcard', 'domain=*.o.io');
      serve('exact', 'domain=a.o.io');
      await world.converge(change);
      await all({
        'a.o.io': 'exact',
        'ab.o.io': 'wildcard',
        'abc.io': 'prefix',
        'a.b.o.io': 'wildcard',
      });
      world.stack.nomad.removeService('wildcard');
      await world.converge(change);
      await all({ 'a.o.io': 'exact', 'ab.o.io': 'prefix', 'b.o.io': 'regex' });
    });

    it('the longest wildcard wins, four labels deep', async () => {
      serve('short', 'domain=*.d.io');
      serve('long', 'domain=*.x.d.io');
      serve('short-path', 'domain=*.d.io', 'path=/p');
      serve('long-prefix', 'domain.type=prefix', 'domain=pre-long-');
      serve('short-prefix', 'domain.type=prefix', 'domain=pre-');
      await world.converge(change);
      await all({
        'a.d.io': 'short',
        'x.d.io': 'short',
        'a.x.d.io': 'long',
        'b.a.x.d.io': 'long',
        'c.b.a.x.d.io': 'long',
        'd.c.b.a.x.d.io': 'long',
        'd.c.b.a.d.io': 'short',
        'a.d.io/p': 'short-path',
        'a.x.d.io/p': 'long',
        'pre-long-1.io': 'long-prefix',
        'pre-1.io': 'short-prefix',
      });
    });

    it('the older claim keeps a domain, and a deploy flips nothing', async () => {
      const old = serve('z-old', 'domain=claim.io');
      serve('a-new', 'domain=claim.io', 'domain=new.io');
      const { rest, desired } = await world.converge(change);
      await all({ 'claim.io': 'z-old', 'new.io': 'a-new' });
      const told = desired.warnings.map(({ service, message }) => `${service}: ${message}`);
      expect([rest.skipped, told]).to.deep.equal([
        [],
        ['default/a-new: domain claim.io belongs to z-old'],
      ]);
      old.update((group) => ({ ...group, Meta: { deployed: 'again' } }));
      old.replaceInstance(old.allocs[0]!.ID, { address: app.address, port: app.port });
      expect((await world.converge(change)).reloads).to.deep.equal([]);
      await all({ 'claim.io': 'z-old' });
      world.stack.nomad.removeService('z-old');
      await world.converge(change);
      await all({ 'claim.io': 'a-new' });
    });

    it('a domain moves to another service without a lost request', async () => {
      serve('from', 'domain=move.io');
      serve('to', 'domain=stays.io', 'domain=move.io');
      await world.converge(change);
      await all({ 'move.io': 'from', 'stays.io': 'to' });
      const seen: string[] = [];
      let done = false;
      const load = (async () => {
        while (!done) seen.push(await who('move.io'));
      })();
      world.stack.nomad.removeService('from');
      await world.converge(change);
      done = true;
      await load;
      expect([...new Set(seen)].filter((one) => one !== 'from' && one !== 'to')).to.deep.equal([]);
      await all({ 'move.io': 'to' });
    });

    it('an edited regular expression takes effect', async () => {
      const rx = serve('rx', 'domain.type=regex', 'domain=^e\\d\\.io$');
      await world.converge(change);
      await all({ 'e1.io': 'rx', 'f1.io': '404' });
      const edit = async (...tags: readonly string[]): Promise<void> => {
        const Tags = [
          ...['haproxy.enable=true', 'haproxy.check.disabled=true', 'haproxy.domain.type=regex'],
          ...['haproxy.response-header.set=X-Service: rx', ...tags],
        ];
        rx.update((group) => ({ ...group, Services: [{ ...group.Services![0]!, Tags }] }));
        rx.replaceInstance(rx.allocs[0]!.ID, { address: app.address, port: app.port });
        await world.converge(change);
      };
      await edit('haproxy.domain=^f\\d\\.io$');
      await all({ 'e1.io': '404', 'f1.io': 'rx' });
      await edit('haproxy.domain=^f\\d\\.io$', 'haproxy.path=/p');
      await all({ 'f1.io': '404', 'f1.io/p/x': 'rx' });
      await edit('haproxy.domain=^f\\d\\.io$', 'haproxy.domain=^g[12]{1,2}\\.io$');
      await all({ 'f1.io': 'rx', 'g12.io': 'rx', 'g3.io': '404' });
    });

    it("what is not found is the operator's: rules and default_backend", async () => {
      serve('web', 'domain=web.io');
      await world.converge(change);
      expect((await world.ask('nobody.io')).body).to.equal('operator default');
      expect((await world.ask('nobody.io', { path: '/operator' })).body).to.equal('operator api');
      // Ours stand before the operator's, unless they are told to stand after.
      expect(await who('web.io', '/operator')).to.equal('web');
      await world.converge((settings) => {
        const ours = change(settings);
        return { ...ours, routing: { ...ours.routing, position: 'after' } };
      });
      expect((await world.ask('web.io', { path: '/operator' })).body).to.equal('operator api');
      expect(await who('web.io')).to.equal('web');
    });

    it("routing.position: after exempts the operator's paths, such as ACME's, from ssl-redirect", async () => {
      serve('tls', 'domain=tls.io', 'ssl-redirect=true');
      await world.converge(change);
      expect((await world.ask('tls.io', { path: '/operator' })).status).to.equal(301);
      await world.converge((settings) => {
        const ours = change(settings);
        return { ...ours, routing: { ...ours.routing, position: 'after' } };
      });
      expect((await world.ask('tls.io', { path: '/operator' })).body).to.equal('operator api');
      expect((await world.ask('tls.io')).status).to.equal(301);
    });

    describe('orphans', () => {
      const ours = async (): Promise<string[]> =>
        (await world.stack.configuration())
          .split('\n')
          .filter((line) =>
            /^backend nomad_|use_backend nomad_|acl nomad_|server nomad_/.test(line.trim()),
          )
          .filter((line) => !line.includes('nomad__'));

      it('of services that went while nobody looked are cleaned', async () => {
        await world.converge(change);
        const before = await world.stack.configuration();
        serve('gone', 'domain=gone.io');
        serve('renamed', 'domain=renamed.io');
        await world.converge(change);
        world.stack.nomad.removeService('gone');
        world.stack.nomad.removeService('renamed');
        serve('renamed-2', 'domain=renamed.io');
        await world.converge(change);
        await all({ 'gone.io': '404', 'renamed.io': 'renamed-2' });
        expect((await ours()).join('\n')).not.to.match(/nomad_gone|nomad_renamed(?!-2)/);
        world.stack.nomad.removeService('renamed-2');
        await world.converge(change);
        const plain = (text: string): string =>
          text.replace(/^# _.*\n/gm, '').replace(/^.*nomad_.*\n/gm, '');
        expect(plain(await world.stack.configuration())).to.equal(plain(before));
      });

      it('of a service whose backend turned custom and back are cleaned', async () => {
        const { dp } = world.stack;
        const { body } = await dp.send('GET', '/v3/services/haproxy/configuration/version');
        await dp.send(
          'POST',
          `/v3/services/haproxy/configuration/backends?version=${body as number}&force_reload=true`,
          { name: `theirs-${mode}`, mode: 'http' },
        );
        const kind = serve('kind', 'domain=kind.io');
        await world.converge(change);
        const turn = async (...tags: readonly string[]): Promise<void> => {
          const Tags = ['enable=true', 'check.disabled=true', 'domain=kind.io', ...tags];
          kind.update((group) => ({
            ...group,
            Services: [{ ...group.Services![0]!, Tags: Tags.map((tag) => `haproxy.${tag}`) }],
          }));
          kind.replaceInstance(kind.allocs[0]!.ID, { address: app.address, port: app.port });
          await world.converge(change);
          await until('served', async () => (await world.ask('kind.io')).got?.app === 'app');
        };
        await turn('backend=custom', `backend.name=theirs-${mode}`);
        expect(await world.section('backend', 'nomad_kind')).to.deep.equal(['']);
        expect((await world.section('backend', `theirs-${mode}`)).join()).to.include('nomad_kind_');
        await turn();
        expect((await world.section('backend', `theirs-${mode}`)).join()).not.to.include('nomad_');
        expect((await world.section('backend', 'nomad_kind')).join()).to.include('nomad_kind_');
      });
    });
  });
}
