import { setImmediate as turn } from 'node:timers/promises';

import { expect } from 'chai';

import type { ActualMap } from '../../src/actual/types.js';
import { ConnectorError } from '../../src/shared/errors.js';
import type { CatalogService } from '../../src/observe/types.js';
import type { Written } from '../../src/pass/picture.js';
import { catalogOf, enabled, instance, service, settings } from '../desired/given.js';
import { rejected } from './given-errors.js';
import { world } from './given.js';
import { refuses, type Sent } from './given-haproxy.js';

const names = ['a', 'b', 'c', 'd', 'e'] as const;

function routed(name: string, domain = `${name}.io`): CatalogService {
  return service(name, { instances: [instance({ tags: enabled(`domain=${domain}`) })] });
}

const services = names.map((name) => routed(name));
const backends = (...some: readonly string[]): string[] => some.map((name) => `nomad_${name}`);
const five = (): ReturnType<typeof world> => world(catalogOf(...services));

/** Whether the backend of this service is among what is to be committed. */
function writes(edits: readonly Sent[], name: string): boolean {
  return edits.some(({ path, options }) => {
    return path.endsWith(`/backends/nomad_${name}`) || nameIn(options) === `nomad_${name}`;
  });
}

function nameIn({ json }: Sent['options']): unknown {
  return (json as { name?: unknown } | undefined)?.name;
}

/** Map files are made and written, and loaded at once. */
function keepMaps({ state }: ReturnType<typeof world>) {
  let maps: Record<string, ActualMap> = {};
  state.script.storage = ({ method, path, options: { text = '', file } }) => {
    const name = (file?.name ?? path.split('/').at(-1) ?? '').replace('.map', '');
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const entries = Object.fromEntries(lines.map((line) => line.split(' ') as [string, string]));
    const made = { file: `/maps/${name}.map` };
    maps = { ...maps, [name]: method === 'PUT' ? { ...made, entries } : made };
    state.given = { ...state.given, maps };
    return undefined;
  };
  return () => maps;
}

describe('a pass', () => {
  it('sends nothing where there is nothing to do', async () => {
    const one = world();
    const { plan, rest, steps } = await one.pass();
    expect([plan.steps, rest.steps, steps, one.sent]).to.deep.equal([[], [], [], []]);
  });

  it('applies what is to be done, reads it back and finds nothing left', async () => {
    const one = five();
    const { plan, rest, steps, reloads, desired } = await one.pass();
    expect(one.stands()).to.deep.equal(backends(...names));
    expect(desired.backends).to.have.length(5);
    expect(steps).to.deep.equal(plan.steps);
    expect(rest.steps).to.deep.equal([]);
    expect(reloads).to.deep.equal(['new-backend']);
    expect(one.count('commit')).to.equal(1);
    expect(one.reads.map(({ of }) => of)).to.deep.equal(['catalog', 'actual', 'actual']);
  });

  it('tells what it wrote before it plans again', async () => {
    const one = five();
    const told: Written[] = [];
    /** How much was told at each plan. */
    const atPlan: number[] = [];
    const { steps } = await one.pass({
      onWritten: (written) => told.push(written),
      endpoints: () => {
        atPlan.push(told.length);
        return Promise.resolve([]);
      },
    });
    expect(told.map((written) => written.steps)).to.deep.equal([steps]);
    expect(told[0]?.actual.backends).to.include.keys(backends(...names));
    expect(atPlan).to.deep.equal([0, 1]);
    await one.pass({ onWritten: (written) => told.push(written) });
    expect(told).to.have.length(1);
  });

  it('tells nothing once its HAProxy has left', async () => {
    const one = five();
    const told: Written[] = [];
    const leaving = new AbortController();
    const onWritten = (written: Written): unknown => told.push(written);
    one.state.script.commit = () => void leaving.abort();
    await one.pass({ onWritten, until: leaving.signal }).catch(() => undefined);
    expect([one.count('commit'), told]).to.deep.equal([1, []]);
  });

  it('is a no-op after one that changed something', async () => {
    const one = five();
    await one.pass();
    const before = one.sent.length;
    const { plan, steps } = await one.pass();
    expect([plan.steps, steps]).to.deep.equal([[], []]);
    expect(one.sent).to.have.length(before);
  });

  it('commits all that changed with one reload', async () => {
    const one = five();
    await one.pass();
    one.state.catalog = catalogOf(...services.slice(1), routed('f'));
    const { reloads, rest } = await one.pass();
    expect(one.stands()).to.deep.equal(backends('b', 'c', 'd', 'e', 'f'));
    expect(one.count('commit')).to.equal(2);
    expect(reloads).to.have.length(1);
    expect(rest.steps).to.deep.equal([]);
  });

  it('without a writer sends nothing, and leaves everything to do', async () => {
    const one = five();
    const { plan, rest, steps, reloads } = await one.dryPass();
    expect(plan.steps).not.to.be.empty;
    expect(rest).to.equal(plan);
    expect([steps, reloads, one.sent]).to.deep.equal([[], [], []]);
  });

  it('makes a map that has to be there, then plans the rest', async () => {
    const one = five();
    const maps = keepMaps(one);
    const { rest, steps } = await one.pass({ settings });
    expect(one.kinds().slice(0, 2)).to.deep.equal(['storage', 'transaction']);
    expect(steps[0]?.kind).to.equal('create-map');
    expect(rest.steps).to.deep.equal([]);
    expect(maps()['nomad_exact']?.entries).to.include({ 'a.io': 'nomad_a', 'e.io': 'nomad_e' });
  });

  it('says what is missing in the part of the operator', async () => {
    const { degraded } = await five().pass();
    expect(degraded.map(({ code }) => code)).to.deep.equal(['no-server-state-file']);
  });

  it('writes a changed backend although a map has to be made first', async () => {
    const one = five();
    keepMaps(one);
    await one.pass({ settings });
    one.state.catalog = catalogOf(
      ...services.map(({ name, instances }) => {
        const tags = enabled(`domain=${name}.io`, 'path=/api', 'load-balance=leastconn');
        return service(name, { instances: instances.map((each) => ({ ...each, tags })) });
      }),
    );
    const { rest } = await one.pass({ settings });
    expect(rest.problems).to.deep.equal([]);
  });

  it('deletes dead transactions of earlier processes, once', async () => {
    const one = world();
    one.state.transactions = [
      { id: 'dead', status: 'failed' },
      { id: 'old', status: 'in_progress', _version: 56 },
      { id: 'live', status: 'in_progress', _version: 57 },
    ];
    await one.pass();
    await one.pass();
    const paths = one.sent.map(({ method, path }) => `${method} ${path}`);
    expect(paths).to.deep.equal(['DELETE /transactions/dead', 'DELETE /transactions/old']);
  });

  it('keeps the server state file as it is once it says who is UP', async () => {
    const one = five();
    one.state.given = { global: { hardStopAfter: true, serverStateFile: '/general/state' } };
    await one.pass();
    const files = one.sent.filter(({ kind }) => kind === 'storage');
    expect(files.at(-1)?.options.file?.content).to.contain('nomad_a_1');
    await one.pass();
    expect(one.count('storage')).to.equal(files.length);
  });
});

describe('a pass that meets another writer', () => {
  it('reads and plans again, and commits then', async () => {
    const one = five();
    let conflicts = 2;
    one.state.script.commit = () => (conflicts-- > 0 ? refuses(409, 'version') : undefined);
    const { rest } = await one.pass();
    expect(one.stands()).to.deep.equal(backends(...names));
    expect(rest.steps).to.deep.equal([]);
    expect(one.count('commit')).to.equal(3);
    expect(one.reads.filter(({ of }) => of === 'actual')).to.have.length(4);
  });

  for (const kind of ['transaction', 'edit', 'commit'] as const) {
    it(`fails when its ${kind} meets one a fourth time`, async () => {
      const one = five();
      one.state.script[kind] = () => refuses(409, 'version');
      expect((await rejected(one.pass())).code).to.equal('haproxy-conflict');
      expect(one.count('transaction')).to.equal(4);
      expect(one.count('discard')).to.equal(kind === 'transaction' ? 0 : 4);
      expect(one.blamed()).to.deep.equal([]);
    });
  }

  it('does not hold a change against any service', async () => {
    const one = five();
    one.state.script.commit = () => refuses(406, "backend 'nomad_a'");
    expect((await rejected(one.pass())).code).to.equal('haproxy-conflict');
    expect(one.blamed()).to.deep.equal([]);
  });
});

describe('a pass whose configuration is refused', () => {
  /** Refuses what writes one of these backends. */
  function refusing(culprits: readonly string[], message: (name: string) => string) {
    const one = five();
    one.state.script.commit = (_, edits) => {
      const culprit = culprits.find((name) => writes(edits, name));
      return culprit === undefined ? undefined : refuses(400, message(culprit));
    };
    return one;
  }

  it('skips the services that HAProxy names, and serves all others', async () => {
    const one = refusing(['b', 'd'], (name) => `validation error: backend 'nomad_${name}': no`);
    const { rest } = await one.pass();
    expect(one.stands()).to.deep.equal(backends('a', 'c', 'e'));
    expect(rest.skipped.map((skipped) => [skipped.service, skipped.code])).to.deep.equal([
      ['default/b', 'rejected-by-haproxy'],
      ['default/d', 'rejected-by-haproxy'],
    ]);
    expect(rest.steps).to.deep.equal([]);
    expect(one.count('commit')).to.equal(3);
  });

  for (const name of names) {
    it(`finds ${name}, which HAProxy does not name`, async () => {
      const one = refusing([name], () => 'validation error: line 12: unknown keyword');
      const { rest } = await one.pass();
      expect(rest.skipped.map((skipped) => skipped.service)).to.deep.equal([`default/${name}`]);
      expect(rest.skipped[0]?.reason).to.contain('unknown keyword');
      expect(one.stands()).to.deep.equal(backends(...names.filter((other) => other !== name)));
      expect(rest.steps).to.deep.equal([]);
    });
  }

  it('leaves what was refused alone until its input changes', async () => {
    const one = refusing(['b'], () => "validation error: backend 'nomad_b': no");
    await one.pass();
    const before = one.count('commit');
    expect((await one.pass()).rest.skipped).to.have.length(1);
    expect(one.count('commit')).to.equal(before);
    one.state.script = {};
    const others = services.filter(({ name }) => name !== 'b');
    one.state.catalog = catalogOf(...others, routed('b', 'other.io'));
    expect((await one.pass()).rest.skipped).to.deep.equal([]);
    expect(one.stands()).to.deep.equal(backends(...names));
  });

  it('keeps what stands of a service whose new input is refused', async () => {
    const one = five();
    await one.pass();
    one.state.script.commit = (_, edits) =>
      edits.some(({ path }) => path.endsWith('/nomad_b'))
        ? refuses(400, "validation error: backend 'nomad_b': no")
        : undefined;
    const tags = enabled('domain=b.io', 'load-balance=leastconn');
    const others = services.filter(({ name }) => name !== 'b');
    const b = services.find(({ name }) => name === 'b')?.instances ?? [];
    const instances = b.map((known) => ({ ...known, tags }));
    one.state.catalog = catalogOf(...others, service('b', { instances }));
    const { rest } = await one.pass();
    expect(rest.skipped.map((skipped) => skipped.service)).to.deep.equal(['default/b']);
    expect(one.stands()).to.deep.equal(backends(...names));
  });

  it('serves the new input of all others', async () => {
    const one = five();
    await one.pass();
    one.state.script.commit = (_, edits) =>
      edits.some(({ path }) => path.endsWith('/nomad_b'))
        ? refuses(400, "validation error: backend 'nomad_b': no")
        : undefined;
    one.state.catalog = catalogOf(
      ...services.map(({ name, instances }) => {
        const tags = enabled(`domain=${name}.io`, 'load-balance=leastconn');
        return service(name, { instances: instances.map((one) => ({ ...one, tags })) });
      }),
    );
    const { rest } = await one.pass();
    expect(rest.skipped.map((skipped) => skipped.service)).to.deep.equal(['default/b']);
    expect(rest.problems).to.deep.equal([]);
    expect(rest.steps).to.deep.equal([]);
  });

  it('blames nobody where HAProxy refuses what it has already', async () => {
    const one = five();
    one.state.script.commit = () => refuses(400, 'validation error: port 80 is in use');
    expect((await rejected(one.pass())).code).to.equal('haproxy-rejected');
    expect(one.blamed()).to.deep.equal([]);
    one.state.script = {};
    expect((await one.pass()).rest.skipped).to.deep.equal([]);
    expect(one.stands()).to.deep.equal(backends(...names));
  });

  it('blames nobody for what goes away with the roll-back', async () => {
    const one = five();
    let refusals = 1;
    one.state.script.commit = () =>
      refusals-- > 0 ? refuses(400, 'validation error: port 80 is in use') : undefined;
    expect((await one.pass()).rest.skipped).to.deep.equal([]);
    expect(one.stands()).to.deep.equal(backends(...names));
  });

  it('mends the view of the Data Plane API after a reload that failed', async () => {
    const one = refusing(['b'], () => "Reload failed: backend 'nomad_b': no");
    const { rest } = await one.pass();
    expect(rest.skipped.map((skipped) => skipped.service)).to.deep.equal(['default/b']);
    const kinds = one.kinds().filter((kind) => kind === 'commit' || kind === 'repair');
    expect(kinds).to.deep.equal(['commit', 'repair', 'commit']);
  });

  it('ends with any other error, and blames nobody', async () => {
    const one = five();
    one.state.script.commit = () => refuses(500, "backend 'nomad_a': out of memory");
    expect((await rejected(one.pass())).code).to.equal('haproxy-failed');
    expect(one.blamed()).to.deep.equal([]);
    expect(one.count('discard')).to.equal(1);
  });
});

describe('a view of the Data Plane API that is not what is on disk', () => {
  const poisoned = new ConnectorError('haproxy-poisoned', 'a reload failed');

  it('is mended and read again', async () => {
    const one = five();
    one.state.readErrors = [poisoned];
    const { rest } = await one.pass();
    expect(one.kinds()[0]).to.equal('repair');
    expect(one.sent[0]?.options).to.deep.include({
      text: '# _version=57\n',
      query: { skip_reload: true, version: 57 },
    });
    expect(one.reads[2]).to.deep.equal({ of: 'actual', full: true });
    expect(rest.steps).to.deep.equal([]);
  });

  it('ends a dry run, which mends nothing', async () => {
    const one = five();
    one.state.readErrors = [poisoned];
    expect(await rejected(one.dryPass())).to.equal(poisoned);
    expect(one.sent).to.deep.equal([]);
  });

  it('is mended once in a pass', async () => {
    const one = five();
    one.state.readErrors = [poisoned, poisoned];
    expect(await rejected(one.pass())).to.equal(poisoned);
    expect(one.count('repair')).to.equal(1);
  });
});

describe('what a pass leaves to the next', () => {
  const fulls = ({ reads }: ReturnType<typeof world>): boolean[] =>
    reads.splice(0).map(({ full }) => full);

  it('is to read everything again after a failure, until one ends well', async () => {
    const one = world();
    one.state.readErrors = [new ConnectorError('haproxy-down', 'no answer')];
    expect((await rejected(one.pass())).code).to.equal('haproxy-down');
    expect(fulls(one)).to.deep.equal([false, false]);
    await one.pass();
    expect(fulls(one)).to.deep.equal([true, true]);
    await one.pass();
    expect(fulls(one)).to.deep.equal([false, false]);
  });

  it('is no write that is still under way after a failure', async () => {
    const one = world();
    one.state.catalogErrors = [new ConnectorError('nomad-unreachable', 'no answer')];
    const read = async (): Promise<never> => {
      await turn();
      throw new ConnectorError('haproxy-poisoned', 'a reload failed');
    };
    await rejected(one.pass({ actual: { read, forget: () => undefined } }));
    const sent = one.sent.length;
    for (let left = 20; left > 0; left--) await turn();
    expect(one.sent).to.have.length(sent);
  });

  it('is to ask a full read about removals that are held, which releases them', async () => {
    const one = five();
    await one.pass();
    one.state.catalog = catalogOf();
    const { rest } = await one.pass();
    expect(rest.held).to.deep.include({ releasable: true, backends: backends(...names) });
    expect(one.stands()).to.deep.equal(backends(...names));
    fulls(one);
    const released = await one.pass();
    expect(fulls(one).slice(0, 2)).to.deep.equal([true, true]);
    expect(released.rest.held).to.equal(undefined);
    expect(one.stands()).to.deep.equal([]);
    await one.pass();
    expect(fulls(one)).to.deep.equal([false, false]);
  });

  it('is no confirmation of removals that another read did not ask for', async () => {
    const one = five();
    await one.pass();
    one.state.catalog = catalogOf(...services.slice(3));
    await one.pass();
    one.state.catalog = catalogOf();
    const { rest } = await one.pass();
    expect(rest.held).not.to.equal(undefined);
    expect(one.stands()).to.deep.equal(backends(...names));
  });

  it('is not to write again and again what comes back other', async () => {
    const one = five();
    one.state.rewrite = (section) =>
      section['name'] === 'nomad_a' ? { ...section, balance: { algorithm: 'first' } } : section;
    const { rest } = await one.pass();
    const commits = one.count('commit');
    expect(commits).to.be.at.most(3);
    expect(rest.problems.map(({ code }) => code)).to.deep.equal(['unstable-backend']);
    expect(rest.problems[0]?.message).to.contain('nomad_a').and.to.contain('balance');
    const next = await one.pass();
    expect(next.rest.problems).to.have.length(1);
    expect(one.count('commit')).to.equal(commits);
  });
});
