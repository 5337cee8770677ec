import { expect } from 'chai';
import fc from 'fast-check';

import { eachText } from '../../../src/server/status/render/clean.js';
import { html, toText } from '../../../src/server/status/render/html.js';
import { linkTo } from '../../../src/server/status/render/links.js';

const hostile = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "' onfocus='x"),
  fc.constantFrom('&lt;', '`${1}`', '</title>', '<!--', ']]>', 'javascript:alert(1)'),
);

function unescaped(text: string): string {
  const names: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };
  return text.replace(/&(?:(amp|lt|gt|quot)|#(\d+));/g, (_, name: string, code: string) =>
    name === undefined ? String.fromCharCode(Number(code)) : (names[name] ?? ''),
  );
}

describe('HTML templates', () => {
  it('escape every text, so that it stays a text', () =>
    fc.assert(
      fc.property(hostile, (text) => {
        const [, inside = '', value = ''] =
          /^<p title="([^]*)">([^]*)<\/p>$/.exec(toText(html`<p title="${text}">${text}</p>`)) ??
          [];
        for (const one of [inside, value]) {
          expect(one).to.not.match(/[<>"'`]/);
          expect(unescaped(one)).to.equal(text);
        }
      }),
    ));

  it('escape it in lists too, and take only their own HTML for HTML', () => {
    const forged = { html: '<b>', toString: () => '<b>' } as unknown as string;
    expect(toText(html`<i>${['<', html`<b>&amp;</b>`]}</i>`)).to.equal('<i>&lt;<b>&amp;</b></i>');
    expect(() => toText(html`${forged}`)).to.throw(TypeError);
  });

  it('leave out what is not there', () => {
    expect(toText(html`a${undefined}b${false}c${0}`)).to.equal('abc0');
  });
});

describe('links', () => {
  it('say no more than what is unusual, and encode it', () =>
    fc.assert(
      fc.property(hostile, (q) => {
        const link = linkTo('/services', { q, page: 2 });
        const query = new URLSearchParams(link.slice(link.indexOf('?')));
        expect(query.get('q') ?? '').to.equal(q);
        expect(link).to.match(/^\/services\?[\w=&%+.*-]*page=2$/);
      }),
    ));
});

describe('texts of plain data', () => {
  it('are all replaced, and nothing else is', () =>
    fc.assert(
      fc.property(fc.jsonValue({ noNullPrototype: true } as object), (value) => {
        expect(eachText(value, (text) => text)).to.deep.equal(value);
        const marked = JSON.stringify(eachText(value, () => 'X'));
        expect(marked.length).to.be.greaterThan(0);
      }),
    ));
});
