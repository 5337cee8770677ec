import { expect } from 'chai';
import fc from 'fast-check';

import type { ActualState } from '../../src/actual/types.js';
import type { DesiredState } from '../../src/desired/types.js';
import type { CatalogService } from '../../src/observe/types.js';
import { nextPicture, type Picture } from '../../src/pass/picture.js';
import { catalogOf, enabled, instance, service } from '../desired/given.js';
import {
  actualBackend,
  actualState,
  backend,
  desiredState,
  endpoint,
  slot,
} from '../diff/given.js';
import { world } from './given.js';
import { picture } from './given-picture.js';

const names = ['a', 'b', 'c', 'd', 'e'] as const;

/** One instance by service, on a port: a world, read anew each time. */
type Ports = Readonly<Record<string, number>>;

function catalogAt(ports: Ports): Picture['catalog'] {
  const services = Object.entries(ports).map(([name, port]): CatalogService => {
    const tags = enabled(`domain=${name}.io`);
    return service(name, { instances: [instance({ id: name, allocId: name, port, tags })] });
  });
  return catalogOf(...services);
}

function desiredAt(ports: Ports): DesiredState {
  return desiredState(
    Object.entries(ports).map(([name, port]) =>
      backend(name, { endpoints: [endpoint(name, { port })] }),
    ),
  );
}

function actualAt(ports: Ports): ActualState {
  return actualState(
    Object.entries(ports).map(([name, port]) => {
      const config = { address: '10.0.0.1', port, disabled: false, weight: 100 };
      return actualBackend(name, { slots: [slot(`nomad_${name}_1`, { binding: name, config })] });
    }),
  );
}

function pictureAt(ports: Ports): Picture {
  const [catalog, desired, actual] = [catalogAt(ports), desiredAt(ports), actualAt(ports)];
  return picture({ catalog, desired, actual });
}

const somePorts: fc.Arbitrary<Ports> = fc.dictionary(
  fc.constantFrom(...names),
  fc.integer({ min: 1, max: 3 }),
  { noNullPrototype: true },
);

describe('the next picture', () => {
  it('is what the pass saw, in which all that did not change is the same object', () =>
    fc.assert(
      fc.property(somePorts, somePorts, (before, after) => {
        const last = pictureAt(before);
        const next = nextPicture(last, pictureAt(after));
        expect(next).to.deep.equal(pictureAt(after));
        for (const name of names) {
          const stays = before[name] !== undefined && before[name] === after[name];
          const of = ({ catalog, desired, actual }: Picture): unknown[] => [
            catalog.services.find((one) => one.name === name),
            desired.backends.find((one) => one.name === `nomad_${name}`),
            actual.backends[`nomad_${name}`],
          ];
          const [were, are] = [of(last), of(next)];
          for (const [at, one] of are.entries()) {
            if (one !== undefined) expect(one === were[at], name).to.equal(stays);
          }
        }
      }),
    ));

  it('leaves the last one as it was', () =>
    fc.assert(
      fc.property(somePorts, somePorts, (before, after) => {
        const last = pictureAt(before);
        nextPicture(last, pictureAt(after));
        expect(last).to.deep.equal(pictureAt(before));
      }),
    ));

  it('says when it was made, and not when the last one was', () => {
    const later = { startedAt: 5000, endedAt: 5001, phases: { observe: 1 } };
    expect(nextPicture(picture(), picture({ times: later })).times).to.deep.equal(later);
  });
});

describe('the pictures of passes', () => {
  const ports = { a: 1, b: 2, c: 3 };

  it('share everything where there was nothing to do', async () => {
    const one = world(catalogAt(ports));
    await one.pass();
    const last = await one.pass();
    one.state.catalog = catalogAt(ports);
    const next = await one.pass();
    expect(next.catalog).to.equal(last.catalog);
    expect(next.desired).to.equal(last.desired);
    expect(next.actual).to.equal(last.actual);
    expect(next.rest).to.equal(last.rest);
    expect(one.target.memory.pictures.slice(0, 2)).to.deep.equal([next, last]);
  });

  it('differ in the one service whose instance changed', async () => {
    const one = world(catalogAt(ports));
    await one.pass();
    const last = await one.pass();
    one.state.catalog = catalogAt({ ...ports, d: 4 });
    const next = await one.pass();
    expect(Object.keys(next.actual.backends)).to.include('nomad_d');
    for (const [at, name] of Object.keys(ports).entries()) {
      expect(next.catalog.services[at]).to.equal(last.catalog.services[at]);
      expect(next.desired.backends[at]).to.equal(last.desired.backends[at]);
      const key = `nomad_${name}`;
      expect(next.actual.backends[key]).to.equal(last.actual.backends[key]);
    }
  });

  it('are the last eight', async () => {
    const one = world(catalogAt(ports));
    for (let passes = 0; passes < 12; passes++) await one.pass();
    expect(one.target.memory.pictures).to.have.length(8);
  });
});
