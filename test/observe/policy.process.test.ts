/** The policy that is shipped, on a real Nomad with ACLs; skipped, loudly, where NOMAD_BIN names none. */

import { readFileSync } from 'node:fs';
import { expect } from 'chai';

import { appJob } from '../../fixtures/nomad/app-job.js';
import { nomadBin, startNomadAgent, type NomadAgent } from '../../fixtures/nomad/real.js';
import { waitFor } from '../../fixtures/process.js';
import { createCatalogReader } from '../../src/observe/catalog/reader.js';
import { createNomadClient } from '../../src/observe/nomad/client.js';
import { startWakeSources } from '../../src/observe/wake/wake.js';
import { asConnectorError } from '../../src/shared/errors.js';
import { settingsFor } from './setup.js';

const policy = readFileSync(new URL('../../deploy/nomad-policy.hcl', import.meta.url), 'utf8');
const listed = /capabilities = \[(.*)\]/.exec(policy)?.[1] ?? '';
const capabilities = [...listed.matchAll(/"([a-z-]+)"/g)].map(([, name = '']) => name);

/** What the operator is told with all rights but this one. */
const without: Readonly<Record<string, RegExp>> = {
  'list-jobs': /list-jobs/,
  'read-job': /read-job/,
};

describe('deploy/nomad-policy.hcl', function () {
  this.timeout(120_000);
  let agent: NomadAgent;
  const closers: (() => unknown)[] = [];

  before(async function () {
    if (nomadBin() === undefined) {
      process.stderr.write('SKIPPED: the ACL policy on a real Nomad: NOMAD_BIN is not set\n');
      this.skip();
    }
    agent = await startNomadAgent({ acl: true });
    await agent.submit(appJob({ id: 'web', count: 1, tags: ['haproxy.enable=true'] }));
    await agent.waitRunning('web');
  });
  after(async () => {
    for (const close of closers) close();
    await agent?.close();
  });

  async function read(name: string, rules: string) {
    const token = await agent.mintToken(name, rules);
    const client = createNomadClient({ settings: settingsFor(agent.url, { token }) });
    closers.push(() => client.close());
    const reader = createCatalogReader({ client, namespace: '*', tagPrefix: 'haproxy' });
    return { client, read: () => reader.read({ signal: new AbortController().signal }) };
  }

  it('has the rights that are tried here', () => {
    expect(capabilities.sort()).to.deep.equal(Object.keys(without).sort());
  });

  it('is enough to read the catalog and the job, and to be woken', async () => {
    const { client, read: readAll } = await read('shipped', policy);
    const catalog = await waitFor('an instance', async () => {
      const one = await readAll();
      return one.services[0]?.instances.length === 1 ? one : undefined;
    });
    expect(catalog.services[0]?.instances[0]?.spec.status).to.equal('known');
    expect(catalog.trust).to.deep.equal({ removals: 'allowed' });
    expect(catalog.warnings.filter(({ code }) => code !== 'no-shutdown-delay')).to.deep.equal([]);
    const stopper = new AbortController();
    const states: boolean[] = [];
    const wakes: string[] = [];
    const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined };
    const sources = startWakeSources({
      ...{ client, namespace: '*', signal: stopper.signal, log: quiet },
      onWake: (source) => wakes.push(source),
      onConnected: (connected) => states.push(connected),
    });
    await waitFor('both wakes', () => wakes.includes('stream') && wakes.includes('blocking'));
    expect(states).to.deep.equal([true]);
    stopper.abort();
    await sources.done;
  });

  for (const [right, said] of Object.entries(without)) {
    it(`is not enough without ${right}, and the operator is told so`, async () => {
      const rest = capabilities.filter((name) => name !== right);
      expect(rest).to.have.length(capabilities.length - 1);
      const rules = policy.replace(listed, rest.map((name) => `"${name}"`).join(', '));
      const { read: readAll } = await read(`no-${right}`, rules);
      const told = await readAll().then(
        ({ trust }) => ('reason' in trust ? String(trust.reason) : 'nothing'),
        (error: unknown) => `${asConnectorError(error).code}: ${asConnectorError(error).message}`,
      );
      expect(told).to.match(said);
    });
  }
});
