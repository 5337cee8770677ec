/** The lock, by the simulator and by a real Nomad, both with ACLs. */

import { expect } from 'chai';

import { nomadBin, startNomadAgent } from '../../fixtures/nomad/real.js';
import { startNomadSimulator } from '../../fixtures/nomad/simulator.js';
import { createElector } from '../../src/leader/elector.js';
import { createVariableLock, type VariableLock } from '../../src/leader/lock.js';
import { createNomadClient } from '../../src/observe/nomad/client.js';
import { asConnectorError } from '../../src/shared/errors.js';
import { settingsFor } from '../observe/setup.js';

interface Subject {
  readonly url: string;
  readonly management: string;
  /** May read and write the lock. */
  readonly holder: string;
  /** May write it only. */
  readonly blind: string;
  /** Has the policy that is shipped, without the lock. */
  readonly without: string;
  close(): Promise<void>;
}

const path = 'haproxy-nomad-connector/leader';
const taken = 'haproxy-nomad-connector/taken';
const never = new AbortController().signal;

async function simulator(): Promise<Subject> {
  const sim = await startNomadSimulator();
  sim.acl.enable();
  sim.acl.grant('root', { kind: 'management' });
  const base = {
    kind: 'policy',
    namespaces: ['*'],
    capabilities: ['read-job', 'list-jobs'],
  } as const;
  const both = ['read', 'write'] as const;
  sim.acl.grant('holder', { ...base, variables: { [path]: both, [taken]: both } });
  sim.acl.grant('blind', { ...base, variables: { [path]: ['write'] } });
  sim.acl.grant('without', base);
  const tokens = { management: 'root', holder: 'holder', blind: 'blind', without: 'without' };
  return { url: sim.url, ...tokens, close: () => sim.close() };
}

async function realAgent(): Promise<Subject> {
  const agent = await startNomadAgent({ acl: true });
  const rules = (inner: string): string =>
    `namespace "*" {\n  capabilities = ["list-jobs", "read-job"]\n${inner}\n}`;
  const block = (of: string, rights: string): string =>
    `variables { path "${of}" { capabilities = [${rights}] } }`;
  const both = `variables { path "haproxy-nomad-connector/*" { capabilities = ["read", "write"] } }`;
  return {
    url: agent.url,
    management: agent.token,
    holder: await agent.mintToken('holder', rules(both)),
    blind: await agent.mintToken('blind', rules(block(path, '"write"'))),
    without: await agent.mintToken('without', rules('')),
    close: () => agent.close(),
  };
}

for (const [name, start] of Object.entries({ 'the simulator': simulator, Nomad: realAgent })) {
  describe(`the lock, by ${name}`, function () {
    this.timeout(120_000);
    let subject: Subject;
    const closers: (() => void)[] = [];

    before(async function () {
      if (start === realAgent && nomadBin() === undefined) {
        process.stderr.write('SKIPPED: the lock on a real Nomad, because NOMAD_BIN is not set\n');
        this.skip();
      }
      subject = await start();
    });
    after(async () => {
      for (const close of closers) close();
      await subject?.close();
    });

    function lockOf(token: string, at = path): VariableLock {
      const nomad = settingsFor(subject.url, { token, namespace: '*' });
      const client = createNomadClient({ settings: nomad });
      closers.push(() => client.close());
      return createVariableLock(client, { path: at, ttlMs: 10_000, delayMs: 1000 }, nomad);
    }

    async function send(operation: string, body: object, at = path): Promise<Response> {
      return fetch(`${subject.url}/v1/var/${at}${operation}`, {
        method: 'PUT',
        headers: { 'X-Nomad-Token': subject.management },
        body: JSON.stringify({ Namespace: 'default', Path: at, ...body }),
      });
    }

    it('is free at first, then one holds it, and others are refused', async () => {
      const [one, other] = [lockOf(subject.holder), lockOf(subject.holder)];
      const before = await one.read(undefined, never);
      expect(before.holder).to.equal(undefined);
      const held = (await one.acquire())!;
      expect(held.term).to.be.greaterThan(before.index);
      expect(await other.acquire()).to.equal(undefined);
      const seen = await other.read(before, never);
      expect(seen.index).to.equal(held.term);
      expect(seen.holder).to.match(/\/\d+$/);
      expect(await one.renew(held.id)).to.equal(true);
      expect((await other.read(undefined, never)).index, 'of a renewal').to.equal(held.term);
      expect(await other.renew('00000000-0000-4000-8000-000000000000')).to.equal(false);
      await one.release(held.id);
      expect(await one.renew(held.id)).to.equal(false);
    });

    it('a release wakes who waits, and the next term is higher', async () => {
      const [one, other] = [lockOf(subject.holder), lockOf(subject.holder)];
      const held = (await one.acquire())!;
      const seen = await other.read(undefined, never);
      const waiting = other.read(seen, never);
      await one.release(held.id);
      expect((await waiting).index).to.be.greaterThan(held.term);
      const next = (await other.acquire())!;
      expect(next.term).to.be.greaterThan(held.term);
      await other.release(next.id);
    });

    it('only a management token sees it; the holder stays when it is free', async () => {
      const one = lockOf(subject.holder);
      const held = (await one.acquire())!;
      const get = async (token: string) =>
        (await (
          await fetch(`${subject.url}/v1/var/${path}`, { headers: { 'X-Nomad-Token': token } })
        ).json()) as { Lock?: { ID: string } | null };
      expect((await get(subject.management)).Lock?.ID).to.equal(held.id);
      expect((await get(subject.holder)).Lock ?? null).to.equal(null);
      await one.release(held.id);
      expect((await one.read(undefined, never)).holder).to.match(/\/\d+$/);
    });

    it('while it is held, nobody else writes the variable', async () => {
      const one = lockOf(subject.holder);
      const held = (await one.acquire())!;
      expect((await send('', { Items: { a: 'b' } })).status).to.equal(409);
      await one.release(held.id);
    });

    it('refuses a time to live of less than 10 s, and a condition', async () => {
      const short = { Items: { holder: 'x' }, Lock: { TTL: '9s', LockDelay: '1s' } };
      expect((await send('?lock-acquire', short)).status).to.equal(400);
      const fine = { Items: { holder: 'x' }, Lock: { TTL: '10s', LockDelay: '1s' } };
      expect((await send('?lock-acquire&cas=0', fine)).status).to.equal(400);
    });

    it('names what the policy lacks', async () => {
      for (const token of [subject.without, subject.blind]) {
        const lock = lockOf(token);
        const error = asConnectorError(
          await lock.read(undefined, never).catch((thrown: unknown) => thrown),
        );
        expect(error.code).to.equal('nomad-refused');
        expect(error.message).to.include(
          `add variables { path "${path}" { capabilities = ["read", "write"] } } to the namespace block`,
        );
      }
    });

    it('takes no variable that holds something else', async () => {
      expect((await send('', { Items: { password: 'secret' } }, taken)).status).to.equal(200);
      const lock = lockOf(subject.holder, taken);
      const error = asConnectorError(
        await lock.read(undefined, never).catch((thrown: unknown) => thrown),
      );
      expect(error).to.include({ code: 'config-invalid', retryable: false });
      expect(error.message).to.include(taken).and.not.to.include('secret');
    });

    it('of two electors, the second leads as soon as the first is closed', async () => {
      const stop = new AbortController();
      const electors = [0, 1].map(() =>
        createElector({
          lock: lockOf(subject.holder),
          ttlMs: 10_000,
          onChange: ({ kind }) => kind === 'leader' && wake(),
        }),
      );
      let wake = (): void => undefined;
      const led = (): Promise<void> => new Promise((resolve) => (wake = resolve));
      const [first, second] = electors as [(typeof electors)[0], (typeof electors)[0]];
      const begun = led();
      void first.run(stop.signal);
      await begun;
      void second.run(stop.signal);
      const follows = led();
      const before = first.office()!.term;
      await first.close();
      await follows;
      expect(second.office()!.term).to.be.greaterThan(before);
      await second.close();
    });
  });
}
