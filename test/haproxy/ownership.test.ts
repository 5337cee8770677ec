import { expect } from 'chai';
import fc from 'fast-check';

import { slotNumber } from '../../src/haproxy/slots.js';
import {
  markerHash,
  markerServerName,
  markKey,
  markOf,
  readMark,
} from '../../src/haproxy/ownership.js';
import { connectorBackendName } from '../../src/haproxy/names.js';
import type { Json, JsonObject } from '../../src/shared/json.js';
import { isVisible } from '../../src/shared/text.js';

const anyText = fc.string({ unit: 'binary' });
const someBinding = fc.record(
  { id: anyText, createIndex: fc.nat(), job: anyText, drainingSince: fc.nat() },
  { noNullPrototype: true, requiredKeys: ['id', 'createIndex'] },
);
const someMark = fc.record(
  { service: anyText, binding: someBinding },
  { noNullPrototype: true, requiredKeys: ['service'] },
);

describe('ownership: how an object of ours is told', () => {
  it('a mark is read back as it was written, through JSON too', () => {
    fc.assert(
      fc.property(someMark, (mark) => {
        expect(readMark(markOf(mark))).to.deep.equal(mark);
        const json = JSON.parse(JSON.stringify(markOf(mark))) as JsonObject;
        expect(readMark(json)).to.deep.equal(mark);
      }),
    );
  });

  it('a mark holds no character that a reader would not see', () => {
    fc.assert(
      fc.property(someMark, (given) => {
        const [mark] = Object.values(markOf(given));
        const texts = Object.values(mark as JsonObject).filter((one) => typeof one === 'string');
        expect(texts.every(isVisible)).to.equal(true);
      }),
    );
  });

  it('beside other metadata it is found all the same', () => {
    const metadata = { ...markOf({ service: 'default/web' }), comment: 'mine' };
    expect(readMark(metadata)).to.deep.equal({ service: 'default/web' });
  });

  it('anything else is no mark of ours', () => {
    const others: (Json | undefined)[] = [
      undefined,
      null,
      'nomad-connector',
      [],
      {},
      { comment: 'nomad-connector' },
      { [markKey]: true },
      { [markKey]: {} },
      { [markKey]: { service: 7 } },
      { [markKey]: [{ service: 'default/web' }] },
    ];
    for (const one of others) expect(readMark(one), JSON.stringify(one)).to.equal(undefined);
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(readMark(value)).to.equal(undefined);
      }),
    );
  });

  it('a mark without an id is of a free slot', () => {
    const mark = { [markKey]: { service: 'default/web', index: 3, drain: 4 } };
    expect(readMark(mark)).to.deep.equal({ service: 'default/web' });
  });

  it('a slot is known by the number at the end of its name', () => {
    expect(slotNumber('nomad_web_1')).to.equal(1);
    expect(slotNumber('nomad_web_12')).to.equal(12);
    for (const name of ['nomad_web', 'nomad_web_', 'nomad_web_0', 'nomad_web_01', 'web1', 'a_1b']) {
      expect(slotNumber(name), name).to.equal(undefined);
    }
  });

  describe('the generation marker', () => {
    it('is read back from the name of its server', () => {
      const hash = fc.stringMatching(/^[0-9a-f]{12}$/);
      const prefix = fc.constantFrom('nomad_', '', 'lb-', 'a.b');
      fc.assert(
        fc.property(prefix, fc.nat(), hash, (before, generation, value) => {
          const name = markerServerName(before, generation, value);
          expect(markerHash(before, name)).to.equal(value);
        }),
      );
    });

    it("is no one else's server", () => {
      for (const name of ['nomad_web_1', 'nomad__g1', 'nomad__g1-xyz', 'x_g1-0123456789ab', '']) {
        expect(markerHash('nomad_', name), name).to.equal(undefined);
      }
    });

    it("has a backend that no service's can be named", () => {
      expect(connectorBackendName('nomad_')).to.equal('nomad__connector');
    });
  });
});
