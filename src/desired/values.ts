import { isNetwork } from '../haproxy/addresses.js';
import { type Grammar, matching, text } from './grammar.js';

/** Grammars for values other than plain words, numbers and times. */

export const haproxyName = text(
  'the name of an HAProxy section: letters, digits and . _ : -',
  /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}$/,
);

/** Accepts every match type. domains.ts checks further. */
export const rawDomain = text(
  'a host name like www.example.com, *.example.com, or the form set by haproxy.domain.type',
  /^[A-Za-z0-9.*^$|?+()[\]{},:_\\-]{1,253}$/,
);

export const pathPrefix = matching(
  'a path like /api: letters, digits and . _ ~ - between slashes',
  /^(?=.{1,255}$)(?:\/[A-Za-z0-9._~-]+)+\/?$/,
  (value) => value.replace(/\/$/, ''),
);

export const checkPath = text(
  'a path like /health?full=1: letters, digits and . _ ~ - ! & ( ) * + , ; = : @ ? % /',
  /^\/[A-Za-z0-9._~!&()*+,;=:@?%/-]{0,511}$/,
);

export const checkHost = text(
  'a host name, optionally with a port',
  /^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}(?::[0-9]{1,5})?$/,
);

export const httpMethods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
] as const;

export type HttpMethod = (typeof httpMethods)[number];

export const httpMethod: Grammar<HttpMethod> = {
  form: httpMethods.join(', '),
  schema: { type: 'string', enum: httpMethods },
  parse: (value) => httpMethods.find((method) => method === value.toUpperCase()),
};

export interface Header {
  readonly name: string;
  /** `''` removes the header. */
  readonly value: string;
}

/** Printable ASCII except `"`, `%`, `\` and `$`, so it stays plain text inside quotes. */
const headerPattern = /^([A-Za-z0-9][A-Za-z0-9_-]{0,127}):[ ]*([ !#&-[\]-~]{0,1024}|)$/;

export const header: Grammar<Header> = matching(
  'a header like X-Team: web, in ASCII without " % \\ $; an empty value removes it',
  headerPattern,
  (value) => {
    const [, name = '', content = ''] = headerPattern.exec(value) ?? [];
    return { name, value: content.trim() };
  },
);

export interface Expectation {
  readonly match: 'status' | 'string';
  readonly pattern: string;
}

const statusText = '[1-5][0-9]{2}(?:-[1-5][0-9]{2})?';
const expect = new RegExp(
  `^(?:${statusText}(?:,${statusText}){0,15}|string:[A-Za-z0-9 ._:;,=/@-]{1,128})$`,
);

export const expectation: Grammar<Expectation> = {
  ...matching(
    'status codes like 200 or 200-299,301, or string:TEXT with letters, digits, spaces and . _ : ; , = / @ -',
    expect,
    (value): Expectation =>
      value.startsWith('string:')
        ? { match: 'string', pattern: value.slice('string:'.length) }
        : { match: 'status', pattern: value },
  ),
  // A single code is a number in YAML and JSON.
  schema: { type: ['string', 'integer'], pattern: expect.source, minimum: 100, maximum: 599 },
};

export interface Rate {
  readonly count: number;
  readonly periodMs: number;
}

const ratePattern = /^([1-9][0-9]{0,6})\/([1-9][0-9]{0,3})?(s|m|h)$/;
const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };
const day = 86_400_000;

export const rate: Grammar<Rate> = matching(
  'a number per period of up to 24h, like 100/s or 1000/10m',
  ratePattern,
  (value) => {
    const [, count, size = '1', unit = ''] = ratePattern.exec(value) ?? [];
    const periodMs = Number(size) * (units[unit] ?? NaN);
    return periodMs <= day ? { count: Number(count), periodMs } : undefined;
  },
);

export const networks: Grammar<readonly string[]> = matching(
  'IP addresses and networks like 10.0.0.0/8,2001:db8::1',
  /^[0-9A-Fa-f.:/, ]{2,2048}$/,
  (value) => {
    const items = value.split(',').map((item) => item.trim().toLowerCase());
    return items.every(isNetwork) ? items : undefined;
  },
);

export type Balance =
  | { readonly algorithm: 'roundrobin' | 'leastconn' | 'random' | 'first' | 'source' | 'uri' }
  | { readonly algorithm: 'hdr'; readonly header: string };

const algorithms = ['roundrobin', 'leastconn', 'random', 'first', 'source', 'uri'] as const;
const balancePattern =
  /^(?:roundrobin|leastconn|random|first|source|uri|hdr\(([A-Za-z0-9_-]{1,64})\))$/i;

export const balance: Grammar<Balance> = matching(
  `${algorithms.join(', ')}, or hdr(NAME)`,
  balancePattern,
  (value) => {
    const name = balancePattern.exec(value)?.[1];
    if (name !== undefined) return { algorithm: 'hdr', header: name };
    const algorithm = algorithms.find((known) => known === value.toLowerCase());
    return algorithm === undefined ? undefined : { algorithm };
  },
);

export const cookieName = text(
  'a cookie name: letters, digits and . _ -',
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
);
