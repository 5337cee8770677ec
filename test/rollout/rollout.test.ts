import { expect } from 'chai';
import fc from 'fast-check';

import { createRollout } from '../../src/rollout/rollout.js';
import type { Verdict } from '../../src/rollout/types.js';
import {
  type Commit,
  type Given,
  type Haproxy,
  type Kind,
  patienceMs,
  simulate,
} from './simulated.js';

const fine = (...names: readonly string[]): readonly Haproxy[] =>
  names.map((name) => ({ name, kind: 'fine' }));
const names = (commits: readonly Commit[]): readonly string[] => commits.map(({ name }) => name);
const hour = 3_600_000;

describe('a roll-out over several HAProxies', () => {
  it('goes to the first by name, then to the others, one at a time and by name', () => {
    const { commits } = simulate({ haproxies: fine('c', 'a', 'b'), services: ['web'] }, hour);
    expect(names(commits)).to.deep.equal(['a', 'b', 'c']);
    const [a, b, c] = commits;
    expect(b?.from).to.be.at.least((a?.to ?? Infinity) + 1000);
    expect(c?.from).to.be.at.least(b?.to ?? Infinity);
  });

  it('begins with the canary that is named', () => {
    const given = { haproxies: fine('a', 'b', 'c'), services: ['web'], canary: 'c' };
    expect(names(simulate(given, hour).commits)).to.deep.equal(['c', 'a', 'b']);
  });

  it('does nothing where nothing is to be done', () => {
    const given = { haproxies: fine('a', 'b'), services: ['web'], before: ['web'] };
    expect(simulate(given, hour).commits).to.deep.equal([]);
  });

  it('fills a new HAProxy at once with what runs elsewhere', () => {
    const late = { name: 'a', kind: 'fine', joinsAt: 5000 } as const;
    const given = { haproxies: [...fine('b', 'c'), late], services: ['web'], before: ['web'] };
    const { commits } = simulate(given, hour);
    expect(commits.map(({ name, from }) => [name, from])).to.deep.equal([['a', 5100]]);
  });

  it('skips what the canary refuses, with the same version of HAProxy', () => {
    const haproxies = (['a', 'b', 'c', 'd'] as const).map((name): Haproxy => {
      return { name, kind: 'refusing', version: name < 'c' ? '3.0' : '3.2' };
    });
    const given = { haproxies, services: ['bad', 'good'], bad: ['bad'] };
    const { commits, runs } = simulate(given, hour);
    const tries = commits.filter(({ services }) => services.includes('bad'));
    expect(names(tries)).to.deep.equal(['a', 'c']);
    for (const { name } of haproxies) expect(runs(name)).to.deep.equal(['good']);
  });

  it('takes back the turn of one that was called and then had nothing that may go', () => {
    const quick = (name: string, version: string, ms: number): Haproxy => {
      return { ...{ name, kind: 'refusing', version, ms } };
    };
    const haproxies = [
      ...[quick('a', '3.2', 2), quick('b', '3.2', 2)],
      ...[quick('c', '3.0', 1), quick('d', '3.0', 1)],
    ];
    const given = { haproxies, services: ['z'], bad: ['z'], before: ['x'], settleMs: 0 };
    expect(names(simulate(given, hour).commits)).to.deep.equal(['a', 'c']);
  });

  for (const kind of ['down', 'hung', 'stalled', 'blind'] as const) {
    it(`goes on with the next by name where the canary is ${kind}`, () => {
      const haproxies = [{ name: 'a', kind }, ...fine('b', 'c')];
      const { commits, runs } = simulate({ haproxies, services: ['web'] }, hour);
      expect(names(commits).filter((name) => name !== 'a')).to.deep.equal(['b', 'c']);
      expect(runs('c')).to.deep.equal(['web']);
    });
  }

  it('goes on at once where the canary leaves in the middle', () => {
    const canary: Haproxy = { name: 'a', kind: 'hung', leavesAt: 3000 };
    const { commits } = simulate(
      { haproxies: [canary, ...fine('b', 'c')], services: ['web'] },
      hour,
    );
    expect(names(commits)).to.deep.equal(['b', 'c']);
    expect(commits[0]?.from).to.be.below(3000 + patienceMs / 10);
  });

  it('lets the next try what the canary refused, where the canary leaves', () => {
    const canary: Haproxy = { name: 'a', kind: 'refusing', leavesAt: 9000 };
    const given = { haproxies: [canary, ...fine('b', 'c')], services: ['bad'], bad: ['bad'] };
    const { commits } = simulate(given, hour);
    expect(commits.map(({ name, from }) => [name, from < 9000])).to.deep.equal([
      ['a', true],
      ['b', false],
      ['c', false],
    ]);
  });

  it('asks a new canary again for what the one of that name before it ran', () => {
    const rollout = createRollout({
      targets: () => ['a', 'b'],
      ...{ settleMs: 0, maxParallel: 1, patienceMs },
    });
    const of = { version: '3.0', backends: {}, refused: {}, isDone: true, reloaded: false };
    const wanted = { version: '3.0', services: { web: 'f' }, removes: [], isRest: false };
    rollout.passed('b', { ...of, inForce: {} });
    rollout.passed('a', { ...of, inForce: { web: 'f' } });
    expect(rollout.ask('b', wanted).kind).to.equal('go');
    rollout.leave('b');
    rollout.forget('a');
    expect(rollout.ask('b', wanted)).to.deep.include({ kind: 'part', for: ['a'] });
    expect(rollout.ask('a', wanted).kind).to.equal('go');
    rollout.passed('a', { ...of, inForce: { web: 'f' } });
    expect(rollout.ask('b', wanted).kind).to.equal('go');
  });

  it('waits for a canary that dies while it settles, however long it had been settling', () => {
    let now = 0;
    const rollout = createRollout({
      targets: () => ['a', 'b'],
      ...{ settleMs: 60_000, maxParallel: 1, patienceMs },
      now: () => now,
      later: () => () => undefined,
    });
    const of = { version: '3.0', backends: {}, refused: {}, isDone: true };
    const wanted = { version: '3.0', services: { web: 'f' }, removes: [], isRest: false };
    rollout.passed('a', { ...of, inForce: { web: 'f' }, reloaded: true });
    expect(rollout.ask('b', wanted)).to.deep.include({ kind: 'part', afterMs: 60_000 });
    now = 30_000;
    rollout.failed('a');
    expect(rollout.ask('b', wanted)).to.deep.include({ kind: 'part', afterMs: patienceMs });
    now += patienceMs;
    expect(rollout.ask('b', wanted).kind).to.equal('go');
  });

  it('says who is first, who waits for what, and since when', () => {
    const given = { haproxies: fine('a', 'b', 'c'), services: ['web'], settleMs: 60_000 };
    const { status } = simulate(given, 30_000);
    expect(status.canary).to.equal('a');
    const [a, b] = status.targets;
    expect(a).to.deep.equal({ name: 'a', services: 0 });
    expect(b).to.include({ name: 'b', services: 1 });
    expect(b?.waitedMs).to.be.within(1, 30_000);
  });

  describe('of which one leaves', () => {
    const fingerprint = 'f';
    const wanted = { version: '3.0', services: { web: fingerprint }, removes: [], isRest: false };
    const verdict: Verdict = {
      ...{ version: '3.0', inForce: {}, backends: {}, isDone: false, reloaded: true },
      refused: { web: { fingerprint, reason: 'no' } },
    };

    function some(...first: readonly string[]) {
      let targets = first;
      const called: string[] = [];
      const rollout = createRollout({
        targets: () => targets,
        ...{
          settleMs: 1000,
          maxParallel: 1,
          patienceMs,
          now: () => 0,
          later: () => () => undefined,
        },
        onTurn: (name) => called.push(name),
      });
      const leave = (name: string): void => {
        targets = targets.filter((one) => one !== name);
        rollout.forget(name);
      };
      return { rollout, called, leave, join: (name: string) => (targets = [...targets, name]) };
    }

    it('waits for it no longer', () => {
      const { rollout, called, leave } = some('a', 'b', 'c');
      expect(rollout.ask('b', wanted).kind).to.equal('part');
      leave('a');
      expect(called).to.deep.equal(['b']);
    });

    it('takes another one of its name for one that it knows nothing of', () => {
      const { rollout, called, leave, join } = some('a', 'b', 'c');
      rollout.passed('a', verdict);
      expect(rollout.refusedFor('b', '3.0')).to.have.property('web');
      rollout.passed('b', { ...verdict, refused: {} });
      leave('a');
      expect(called).to.deep.equal(['b']);
      join('a');
      expect(rollout.refusedFor('b', '3.0')).to.deep.equal({});
      expect(rollout.ask('b', wanted)).to.include({ kind: 'part' });
    });
  });

  const kinds: readonly Kind[] = ['fine', 'refusing', 'down', 'hung', 'stalled', 'blind'];

  function someFleet(some: readonly Kind[], comes = false): fc.Arbitrary<Given> {
    const haproxy = (name: string): fc.Arbitrary<Haproxy> =>
      fc.record(
        {
          name: fc.constant(name),
          kind: fc.constantFrom(...some),
          version: fc.constantFrom('3.0', '3.2'),
          ms: fc.integer({ min: 1, max: 900 }),
          ...(comes
            ? { joinsAt: fc.nat(20_000), leavesAt: fc.integer({ min: 20_000, max: 90_000 }) }
            : {}),
        },
        { requiredKeys: ['name', 'kind', 'version', 'ms'] },
      );
    return fc.record({
      haproxies: fc
        .integer({ min: 1, max: 6 })
        .chain((size) => fc.tuple(...[...'abcdef'].slice(0, size).map(haproxy))),
      services: fc.subarray(['w', 'x', 'y', 'z'], { minLength: 1 }),
      bad: fc.subarray(['w', 'z']),
      before: fc.subarray(['w', 'x']),
      maxParallel: fc.integer({ min: 1, max: 3 }),
      settleMs: fc.constantFrom(0, 500, 3000),
      canary: fc.constantFrom('a', 'c', 'f'),
    });
  }

  const canaryOf = ({ haproxies, canary }: Given): string =>
    haproxies.find(({ name }) => name === canary)?.name ?? haproxies[0]?.name ?? '';

  it('is never blocked for ever, whatever fails, comes and goes', () =>
    fc.assert(
      fc.property(someFleet(kinds, true), (given) => {
        const { left } = simulate(given, 20_000 + 10 * patienceMs * given.haproxies.length);
        for (const { name, kind, leavesAt } of given.haproxies) {
          if ((kind === 'fine' || kind === 'refusing') && leavesAt === undefined) {
            expect(left(name), name).to.deep.equal([]);
          }
        }
      }),
    ));

  it('has no more than so many at once besides the canary', () =>
    fc.assert(
      fc.property(someFleet(['fine', 'refusing', 'hung', 'blind']), (given) => {
        const { commits } = simulate(given, hour);
        for (const { from } of commits) {
          const running = commits.filter((one) => one.from <= from && from < one.to);
          const others = running.filter(({ name }) => name !== canaryOf(given));
          expect(others.length).to.be.at.most(given.maxParallel ?? 1);
        }
      }),
    ));

  it('brings nothing to another before it ran on the canary for so long', () =>
    fc.assert(
      fc.property(someFleet(['fine']), (given) => {
        const { commits } = simulate(given, hour);
        for (const service of given.services) {
          const [first, ...others] = commits.filter(({ services }) => services.includes(service));
          if (first === undefined) continue;
          expect(first.name).to.equal(canaryOf(given));
          for (const { from } of others) {
            expect(from).to.be.at.least(first.to + (given.settleMs ?? 0));
          }
        }
      }),
    ));

  it('tries what is refused once with each version', () =>
    fc.assert(
      fc.property(someFleet(['refusing']), (given) => {
        const { commits } = simulate(given, hour);
        const versionOf = new Map(given.haproxies.map(({ name, version }) => [name, version]));
        for (const service of given.bad ?? []) {
          if (given.before?.includes(service)) continue;
          const tries = commits.filter(({ services }) => services.includes(service));
          const versions = names(tries).map((name) => versionOf.get(name));
          expect(versions).to.have.lengthOf(new Set(versions).size);
        }
      }),
    ));

  it('reaches the others by name', () =>
    fc.assert(
      fc.property(someFleet(['fine']), (given) => {
        const alike = given.haproxies.map(({ name, kind }) => ({ name, kind }));
        const one = { ...given, haproxies: alike, maxParallel: 1 };
        const [, ...others] = names(simulate(one, hour).commits);
        expect(others).to.deep.equal([...others].sort());
      }),
    ));
});
