import { expect } from 'chai';
import fc from 'fast-check';

import type { DesiredBackend, Rejection } from '../../src/desired/types.js';
import { asConnectorError, ConnectorError } from '../../src/shared/errors.js';
import { applyWithout, type Attempts, isolate } from '../../src/pass/isolate.js';
import type { View } from '../../src/pass/look.js';
import { candidatesOf } from '../../src/pass/rejections.js';
import { actualBackend, actualState, backend, desiredState, planFor } from '../diff/given.js';
import { applyToModel, settle } from '../diff/model.js';
import { rejected } from './given-errors.js';

const letters = 'abcdefghijkl';

interface Given {
  readonly services: number;
  /** Services whose backends are refused. */
  readonly culprits: readonly string[];
  /** The refusal says which backend it is about. */
  readonly names?: boolean;
  /** A backend of ours is to be removed. */
  readonly stale?: boolean;
}

/** An oracle in HAProxy's place: it refuses every configuration that holds a culprit. */
function oracle({ services, culprits, names = false, stale = false }: Given) {
  const all = [...letters].slice(0, services).map((letter) => backend(letter));
  const isCulprit = (service: string): boolean => culprits.includes(service);
  let actual = actualState(stale ? [actualBackend('stale')] : []);
  let commits = 0;
  const remembered: Record<string, Rejection> = {};

  function commit({ plan }: View): Promise<void> {
    commits += 1;
    const created = plan.steps.flatMap((step) => (step.kind === 'create-backend' ? [step] : []));
    const refused = created.find(({ service }) => isCulprit(service));
    if (refused !== undefined) {
      const what = names ? `backend '${refused.backend}' is wrong` : 'something is wrong';
      return Promise.reject(new ConnectorError('haproxy-rejected', what));
    }
    actual = settle(applyToModel(actual, plan));
    return Promise.resolve();
  }

  const attempts: Attempts = {
    read: () => Promise.resolve(actual),
    look: (state, apart) => {
      const out = { ...remembered, ...apart };
      const gone = all.filter(({ service }) => service in out);
      const skipped = gone.map(({ service, name }) => {
        return { service, backend: name, code: 'rejected-by-haproxy', reason: '' } as const;
      });
      const desired = desiredState(
        all.filter((one) => !gone.includes(one)),
        [],
        { skipped },
      );
      return Promise.resolve({ actual: state, desired, plan: planFor(desired, state) });
    },
    commit,
    recoverRefusal: (thrown) => {
      const error = asConnectorError(thrown);
      if (error.code !== 'haproxy-rejected') throw error;
      return Promise.resolve(error);
    },
    remember: (found) => Object.assign(remembered, found),
  };
  const served = (): string[] =>
    Object.values(actual.backends)
      .map(({ service }) => service ?? '')
      .filter((service) => service.startsWith('default/'))
      .sort();
  return { all, attempts, served, remembered, commits: () => commits };
}

/** As a pass does: again, for as long as there is something to do. */
async function settled(given: Given) {
  const world = oracle(given);
  const { attempts } = world;
  for (let rounds = 0; rounds <= letters.length; rounds++) {
    const { desired, plan } = await attempts.look(await attempts.read(), {});
    if (plan.steps.length === 0) return world;
    await applyWithout(attempts, candidatesOf(desired, plan), []);
  }
  throw new Error('it goes on and on');
}

/** Up to twelve services, any of them culprits. */
function someServices(mostCulprits: number, names: boolean): fc.Arbitrary<Given> {
  return fc.integer({ min: 1, max: letters.length }).chain((services) => {
    const all = [...letters].slice(0, services).map((letter) => `default/${letter}`);
    return fc
      .subarray(all, { maxLength: Math.min(mostCulprits, services) })
      .map((culprits) => ({ services, culprits, names }));
  });
}

async function costsExactlyTheCulprits(given: Given): Promise<void> {
  const { all, served, remembered, commits } = await settled(given);
  const { services, culprits } = given;
  expect(Object.keys(remembered).sort()).to.deep.equal([...culprits].sort());
  expect(served()).to.deep.equal(servicesOf(all).filter((one) => !culprits.includes(one)));
  const k = culprits.length;
  expect(commits()).to.be.at.most(2 * k * Math.ceil(Math.log2(services)) + 3 * k + 2);
}

const refusal = new ConnectorError('haproxy-rejected', 'something is wrong');
const servicesOf = (backends: readonly DesiredBackend[]): string[] =>
  backends.map(({ service }) => service);

describe('isolation', () => {
  it('costs exactly the culprits, however many, where HAProxy names them', () =>
    fc.assert(fc.asyncProperty(someServices(letters.length, true), costsExactlyTheCulprits)));

  it('costs exactly the culprit, whichever, where HAProxy names nobody', () =>
    fc.assert(fc.asyncProperty(someServices(1, false), costsExactlyTheCulprits)));

  it('costs exactly the culprits, however many, where HAProxy names nobody', () =>
    fc.assert(fc.asyncProperty(someServices(letters.length, false), costsExactlyTheCulprits)));

  it('finds every culprit, however many, and serves all but the remembered', () =>
    fc.assert(
      fc.asyncProperty(someServices(letters.length, false), async (given) => {
        const { all, served, remembered } = await settled(given);
        expect(Object.keys(remembered)).to.include.members([...given.culprits]);
        const others = servicesOf(all).filter((service) => !(service in remembered));
        expect(served()).to.deep.equal(others);
      }),
    ));

  it('serves everybody with one commit where nobody is refused', async () => {
    const given = oracle({ services: 5, culprits: [] });
    await applyWithout(given.attempts, given.all, []);
    expect(given.served()).to.deep.equal(servicesOf(given.all));
    expect(given.commits()).to.equal(1);
    expect(given.remembered).to.deep.equal({});
  });

  it('leaves out whoever is to be left out for now, without blaming them', async () => {
    const given = oracle({ services: 3, culprits: [] });
    const [a, ...others] = given.all;
    if (a === undefined) throw new Error('there are three');
    await applyWithout(given.attempts, [a], others);
    expect(given.served()).to.deep.equal(['default/a']);
    expect(given.remembered).to.deep.equal({});
  });

  it('believes a refusal that names somebody, and tries nothing', async () => {
    const given = oracle({ services: 3, culprits: [] });
    const named = new ConnectorError('haproxy-rejected', "backend 'nomad_b' and 'nomad_c'");
    await isolate(given.attempts, given.all, named);
    expect(Object.keys(given.remembered)).to.deep.equal(['default/b', 'default/c']);
    expect(given.remembered['default/b']).to.deep.equal({
      fingerprint: 'b',
      reason: named.message,
    });
    expect(given.commits()).to.equal(0);
  });

  it('blames the only candidate where it is refused once more', async () => {
    const given = oracle({ services: 1, culprits: ['default/a'] });
    await isolate(given.attempts, given.all, refusal);
    expect(Object.keys(given.remembered)).to.deep.equal(['default/a']);
  });

  it('blames nobody for a refusal that does not come again', async () => {
    const given = oracle({ services: 1, culprits: [] });
    await isolate(given.attempts, given.all, refusal);
    expect(given.remembered).to.deep.equal({});
    expect(given.served()).to.deep.equal(['default/a']);
  });

  it('blames nobody for a refusal that comes without any of the candidates too', () =>
    fc.assert(
      fc.asyncProperty(someServices(letters.length, false), async (given) => {
        const { attempts, all, remembered } = oracle({ ...given, stale: true });
        const commit = () => Promise.reject(refusal);
        const thrown = await rejected(applyWithout({ ...attempts, commit }, all, []));
        expect(thrown).to.equal(refusal);
        expect(remembered).to.deep.equal({});
      }),
    ));

  it('blames nobody where there is no candidate', async () => {
    const given = oracle({ services: 2, culprits: [] });
    expect(await rejected(isolate(given.attempts, [], refusal))).to.equal(refusal);
    expect(given.remembered).to.deep.equal({});
  });

  it('ends with what is no refusal', async () => {
    const given = oracle({ services: 4, culprits: [] });
    const down = new ConnectorError('haproxy-unreachable', 'no answer');
    const attempts = { ...given.attempts, commit: () => Promise.reject(down) };
    expect(await rejected(applyWithout(attempts, given.all, []))).to.equal(down);
    expect(given.remembered).to.deep.equal({});
  });
});
