import { expect } from 'chai';
import fc from 'fast-check';

import { namespaceOf } from '../../src/haproxy/ownership.js';
import { type Claim, shareSlots } from '../../src/diff/plan/share-slots.js';

const claim = (service: string, have: number, need: number, wish: number, asked = need): Claim => ({
  ...{ service, have, need, asked, wish },
});

const total = (sizes: Readonly<Record<string, number>>): number =>
  Object.values(sizes).reduce((sum, size) => sum + size, 0);

interface World {
  readonly claims: readonly Claim[];
  readonly most: number;
}

const world: fc.Arbitrary<World> = fc
  .record({
    claims: fc.array(
      fc.record({
        ...{ have: fc.nat(12), need: fc.nat(6), spare: fc.nat(8), asked: fc.nat(14) },
        namespace: fc.constantFrom('default', 'default', 'default', 'other', 'third'),
      }),
      {
        maxLength: 12,
      },
    ),
    room: fc.nat(60),
  })
  .map(({ claims, room }) => {
    const made = claims.map(({ namespace, have, need, spare, asked }, at) => {
      const wish = need + spare;
      return claim(`${namespace}/s${at}`, have, need, wish, Math.min(wish, Math.max(need, asked)));
    });
    return { claims: made, most: made.reduce((sum, { need }) => sum + need, room) };
  });

/** As it is once the sizes are written. */
function written(claims: readonly Claim[], sizes: Readonly<Record<string, number>>): Claim[] {
  return claims.map((one) => ({ ...one, have: sizes[one.service] ?? one.wish }));
}

describe('spare servers where not all fit', () => {
  it('are as wished where all fit', () => {
    expect(shareSlots([claim('a', 0, 2, 4), claim('b', 0, 2, 4)], 8)).to.equal(undefined);
  });

  it('are one for each, then a second, as far as it goes', () => {
    const claims = [claim('a', 0, 2, 12), claim('b', 0, 2, 4), claim('c', 0, 2, 3)];
    expect(shareSlots(claims, 6)).to.deep.equal({ a: 2, b: 2, c: 2 });
    expect(shareSlots(claims, 8)).to.deep.equal({ a: 3, b: 3, c: 2 });
    expect(shareSlots(claims, 9)).to.deep.equal({ a: 3, b: 3, c: 3 });
    expect(shareSlots(claims, 11)).to.deep.equal({ a: 4, b: 4, c: 3 });
    expect(shareSlots(claims, 15)).to.deep.equal({ a: 8, b: 4, c: 3 });
  });

  it('are taken from those that have most, and only as many as a new service needs', () => {
    const claims = [claim('a', 8, 2, 8), claim('b', 4, 2, 4), claim('new', 0, 2, 4)];
    expect(shareSlots(claims, 14)).to.deep.equal({ a: 6, b: 4, new: 4 });
  });

  it('are taken from those that have most for what a job asks for now', () => {
    const claims = [claim('a', 20, 1, 20), claim('b', 4, 2, 12, 10)];
    expect(shareSlots(claims, 24)).to.deep.equal({ a: 12, b: 12 });
  });

  it('stay with a service that has more than its share while nobody needs them', () => {
    const claims = [claim('a', 8, 2, 8), claim('b', 3, 2, 9)];
    expect(shareSlots(claims, 11)).to.deep.equal({ a: 8, b: 3 });
  });

  it('a service never has fewer servers than its instances take, nor more than it wishes', () => {
    fc.assert(
      fc.property(world, ({ claims, most }) => {
        const sizes = shareSlots(claims, most);
        if (sizes === undefined) return;
        for (const { service, need, wish } of claims) {
          expect(sizes[service]).to.be.at.least(need).and.at.most(wish);
        }
      }),
    );
  });

  it('all together are never more than there is room for', () => {
    fc.assert(
      fc.property(world, ({ claims, most }) => {
        expect(total(shareSlots(claims, most) ?? {})).to.be.at.most(most);
      }),
    );
  });

  it('are as many for a namespace as without the services of another beyond its share', () => {
    const big = Array.from({ length: 40 }, (_, at) => claim(`big/s${at}`, 0, 1, 3));
    const small = [claim('small/a', 0, 2, 6), claim('small/b', 0, 1, 3)];
    const sizes = shareSlots([...big, ...small], 43 + 12);
    expect(sizes).to.include({ 'small/a': 6, 'small/b': 3, 'big/s0': 2, 'big/s39': 1 });
    expect(total(sizes ?? {})).to.equal(55);
    // It has them already: what the others' instances don't need stays.
    const there = big.map((one) => ({ ...one, have: 1 + (one.service < 'big/s2' ? 1 : 0) }));
    expect(shareSlots([...there, ...small], 43 + 12)).to.include({ 'small/a': 6, 'small/b': 3 });
  });

  it('of new services, a namespace has its share, however many the others want', () => {
    fc.assert(
      fc.property(world, ({ claims: given, most }) => {
        const claims = given.map((one) => ({ ...one, have: 0 }));
        const sizes = shareSlots(claims, most);
        if (sizes === undefined) return;
        const namespaces = [...new Set(claims.map(({ service }) => namespaceOf(service)))];
        const figures = namespaces.map((name) => {
          const own = claims.filter(({ service }) => namespaceOf(service) === name);
          const want = own.reduce((sum, { need, wish }) => sum + wish - need, 0);
          const has = own.reduce((sum, { service, need }) => sum + (sizes[service] ?? 0) - need, 0);
          return { want, has };
        });
        const free = most - claims.reduce((sum, { need }) => sum + need, 0);
        for (const { want, has } of figures) {
          expect(has).to.be.at.least(Math.min(want, Math.floor(free / namespaces.length)));
        }
      }),
    );
  });

  it('of new services of a namespace, none has two more spares than another that wants them, and none is unused', () => {
    fc.assert(
      fc.property(world, ({ claims: given, most }) => {
        const claims = given.map((one) => ({ ...one, have: 0 }));
        const sizes = shareSlots(claims, most);
        if (sizes === undefined) return;
        for (const name of ['default', 'other', 'third']) {
          const own = claims.filter(({ service }) => namespaceOf(service) === name);
          const spares = own.map(({ service, need }) => (sizes[service] ?? 0) - need);
          const short = own.flatMap(({ need, wish }, at) =>
            (spares[at] ?? 0) < wish - need ? [spares[at] ?? 0] : [],
          );
          expect(Math.max(...spares)).to.be.at.most(Math.min(...short) + 1);
        }
        expect(total(sizes)).to.equal(most);
      }),
    );
  });

  it('once written, they stay as they are', () => {
    fc.assert(
      fc.property(world, ({ claims, most }) => {
        const sizes = shareSlots(claims, most);
        if (sizes === undefined) return;
        const again = shareSlots(written(claims, sizes), most);
        expect(again).to.deep.equal(sizes);
      }),
    );
  });

  it('a service that goes, or comes, changes no other that has its first spare, if there is room', () => {
    fc.assert(
      fc.property(world, fc.nat(11), ({ claims: given, most }, gone) => {
        // Those that still wait for what their jobs ask for grow, of course.
        const claims = given.map((one) => ({ ...one, asked: one.need }));
        const sizes = shareSlots(claims, most);
        if (sizes === undefined) return;
        const rest = written(claims, sizes).filter((_, at) => at !== gone);
        const after = shareSlots(rest, most) ?? {};
        const settled = rest.filter(({ have, need }) => have > need);
        for (const { service, have } of settled) {
          if (after[service] !== undefined) expect(after[service]).to.equal(have);
        }
      }),
    );
  });
});
