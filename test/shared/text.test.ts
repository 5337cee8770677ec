import { expect } from 'chai';
import fc from 'fast-check';
import {
  decodeUnseen,
  encodeUnseen,
  isVisible,
  oneLine,
  plainJson,
  visible,
} from '../../src/shared/text.js';

const hostile = 'a\u001b[2K\u0007\n\r\t\u009b31m\u202eb\u2028\u200b\ufeff\u00a0\u3000\u3164\ufe0fé';
const unseen = /(?! )[\p{Cc}\p{Cf}\p{Cs}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u;

describe('text for a terminal', () => {
  it('shows control characters escaped, on one line', () => {
    expect(visible(hostile)).to.equal(
      'a\\x1b[2K\\x07\\n\\r\\t\\x9b31m\\u{202e}b\\u{2028}\\u{200b}\\u{feff}\\xa0\\u{3000}\\u{3164}\\u{fe0f}é',
    );
  });

  it('leaves printable text of any language as it is', () => {
    for (const text of ['a b', 'é', 'Zürich', '東京', '🚀', '±½€'])
      expect(visible(text)).to.equal(text);
  });

  it('holds for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visible(text)).not.to.match(unseen);
        expect(isVisible(text)).to.equal(!unseen.test(text));
        expect(oneLine(text, 20).length).to.be.at.most(23);
      }),
    );
  });

  it('encoded is visible, and the same text again when it is decoded', () => {
    expect(encodeUnseen('50% \u202eé\n')).to.equal('50%25 %E2%80%AEé%0A');
    const parts = fc.constantFrom('%', '%E2', '%25', '%e2', '\u202e', 'é');
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(parts).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (given) => {
        expect(encodeUnseen(given)).not.to.match(unseen);
        expect(decodeUnseen(encodeUnseen(given))).to.equal(given);
      }),
    );
    for (const other of ['50%', '%zz', '%FF', 'a%2']) expect(decodeUnseen(other)).to.equal(other);
  });

  it('as JSON is the same value', () => {
    const value = { [hostile]: [hostile, 7], deep: { hostile } };
    const text = plainJson(value, 2);
    expect(text.replaceAll('\n', '')).not.to.match(unseen);
    expect(JSON.parse(text)).to.deep.equal(value);
    expect(text.split('\n')).to.have.length(JSON.stringify(value, null, 2).split('\n').length);
  });
});
