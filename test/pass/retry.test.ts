import { expect } from 'chai';

import { ConnectorError } from '../../src/shared/errors.js';
import type { CatalogService } from '../../src/observe/types.js';
import { catalogOf, enabled, instance, service } from '../desired/given.js';
import { rejected } from './given-errors.js';
import { world } from './given.js';
import { refuses, type Sent } from './given-haproxy.js';

const minute = 60_000;
const names = ['a', 'b', 'c', 'd'];
const backends = (...some: readonly string[]): string[] => some.map((name) => `nomad_${name}`);

function routed(name: string): CatalogService {
  return service(name, { instances: [instance({ tags: enabled(`domain=${name}.io`) })] });
}

const services = names.map(routed);

function writes(edits: readonly Sent[], name: string): boolean {
  return edits.some(
    ({ options: { json } }) => (json as { name?: unknown })?.name === `nomad_${name}`,
  );
}

/** Some services are refused for a cause that can go away; `causes` are the services. */
async function refusing(causes: readonly string[], says: 'names' | 'nobody') {
  const one = world(catalogOf(...services));
  const left = new Set(causes);
  one.state.script.commit = (_, edits) => {
    const culprit = [...left].find((name) => writes(edits, name));
    if (culprit === undefined) return undefined;
    return refuses(400, `validation error: ${says === 'names' ? `nomad_${culprit}` : 'something'}`);
  };
  await one.pass();
  expect(one.blamed()).to.deep.equal(causes.map((name) => `default/${name}`));
  let seen = one.count('commit');
  /** Commits of the passes in these minutes, one pass each half minute. */
  const commitsIn = async (minutes: number, step = 0.5): Promise<number> => {
    for (let at = 0; at < minutes; at += step) {
      one.state.now += minute * step;
      await one.pass();
    }
    const before = seen;
    seen = one.count('commit');
    return seen - before;
  };
  return { ...one, left, commitsIn };
}

describe('a service that HAProxy refused', () => {
  for (const says of ['names', 'nobody'] as const) {
    it(`is tried again after 1, 2, 4 minutes ... with one commit each (it names ${says})`, async () => {
      const { commitsIn, stands, state } = await refusing(['b'], says);
      const { version } = state;
      expect(await commitsIn(0.5)).to.equal(0);
      expect(await commitsIn(0.5)).to.equal(1);
      expect(await commitsIn(1.5)).to.equal(0);
      expect(await commitsIn(0.5)).to.equal(1);
      expect(await commitsIn(3.5)).to.equal(0);
      expect(await commitsIn(0.5)).to.equal(1);
      expect(state.version).to.equal(version);
      expect(stands()).to.deep.equal(backends('a', 'c', 'd'));
    });
  }

  it('is tried once an hour in the end', async () => {
    const { commitsIn } = await refusing(['b'], 'nobody');
    await commitsIn(180);
    expect(await commitsIn(600, 5)).to.equal(10);
  });

  it('is served at the first try after its cause is gone, with one reload', async () => {
    const { commitsIn, left, stands, blamed, pass } = await refusing(['b'], 'nobody');
    left.clear();
    expect(await commitsIn(1)).to.equal(1);
    expect(stands()).to.deep.equal(backends(...names));
    expect(blamed()).to.deep.equal([]);
    expect((await pass()).rest.skipped).to.deep.equal([]);
  });

  it('shares its reload with the others whose cause is gone', async () => {
    const { commitsIn, left, stands } = await refusing(['b', 'c', 'd'], 'nobody');
    left.clear();
    expect(await commitsIn(1)).to.equal(1);
    expect(stands()).to.deep.equal(backends(...names));
  });

  it('is served although the others stay refused, named or not', async () => {
    for (const says of ['names', 'nobody'] as const) {
      const { commitsIn, left, stands, blamed } = await refusing(['b', 'c', 'd'], says);
      left.delete('c');
      expect(await commitsIn(10)).to.be.at.most(3 * 4);
      expect(stands()).to.deep.equal(backends('a', 'c'));
      expect(blamed()).to.deep.equal(['default/b', 'default/d']);
    }
  });

  const news: Readonly<Record<string, (one: Awaited<ReturnType<typeof refusing>>) => void>> = {
    'a new process': ({ state }) =>
      (state.given = { haproxy: { version: '3.0.11', pid: state.now } }),
    'another version': ({ state }) =>
      (state.given = { haproxy: { version: `3.2.${state.now}`, pid: 4711 } }),
    'a configuration that somebody else wrote': ({ state }) => (state.version += 1),
  };
  for (const [what, happens] of Object.entries(news)) {
    it(`is tried at once, and once, where HAProxy has ${what}`, async () => {
      const one = await refusing(['b'], 'nobody');
      happens(one);
      expect(await one.commitsIn(0.5)).to.equal(1);
      expect(await one.commitsIn(1)).to.equal(0);
      happens(one);
      one.left.clear();
      await one.pass();
      expect(one.stands()).to.deep.equal(backends(...names));
    });
  }

  it('is not tried for what this process wrote itself', async () => {
    const { state, pass, count, blamed } = await refusing(['b'], 'nobody');
    const before = count('commit');
    state.catalog = catalogOf(...services, routed('e'));
    await pass();
    await pass();
    expect(count('commit')).to.equal(before + 1);
    expect(blamed()).to.deep.equal(['default/b']);
  });

  it('is not tried while anything else is to be done', async () => {
    const { state, pass, count, left } = await refusing(['b'], 'names');
    state.now += minute;
    left.add('e');
    state.catalog = catalogOf(...services, routed('e'), routed('f'));
    const before = count('commit');
    const { steps } = await pass();
    expect(steps.some((step) => 'backend' in step && step.backend === 'nomad_f')).to.equal(true);
    // Refused with e, then without e, then b.
    expect(count('commit')).to.equal(before + 3);
  });

  it('fails one pass, and no more, where its try ends in an error', async () => {
    const { state, pass, commitsIn, blamed } = await refusing(['b'], 'names');
    const { commit } = state.script;
    state.script.commit = () => refuses(500, 'no space left on device');
    state.now += minute;
    expect((await rejected(pass())).code).to.equal('haproxy-failed');
    await pass();
    expect(blamed()).to.deep.equal(['default/b']);
    if (commit !== undefined) state.script.commit = commit;
    await commitsIn(1);
    const { rest } = await pass();
    expect(rest.skipped[0]?.reason).to.contain('nomad_b');
  });

  it('is tried again, and nothing held against it, where another writer was faster', async () => {
    const { state, pass, left, stands } = await refusing(['b'], 'names');
    left.clear();
    let conflicts = 1;
    state.script.commit = () => (conflicts-- > 0 ? refuses(409, 'version') : undefined);
    state.now += minute;
    await pass();
    await pass();
    expect(stands()).to.deep.equal(backends(...names));
  });

  it('is left alone by a dry run', async () => {
    const { state, dryPass, count } = await refusing(['b'], 'names');
    const before = count('commit');
    state.now += 10 * minute;
    await dryPass();
    expect(count('commit')).to.equal(before);
  });

  it('does not hide a failure of Nomad behind its try', async () => {
    const { state, pass, count } = await refusing(['b'], 'names');
    const before = count('commit');
    state.now += 10 * minute;
    state.catalogErrors = [new ConnectorError('nomad-unreachable', 'no answer')];
    expect((await rejected(pass())).code).to.equal('nomad-unreachable');
    expect(count('commit')).to.equal(before);
  });
});
