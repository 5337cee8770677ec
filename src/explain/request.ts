import { matchesRegex } from './regex.js';

/** A request as HAProxy matches it. */
export interface Request {
  /** Lower case, without port. For a tcp frontend it is the TLS server name. */
  readonly host: string;
  /** Begins with `/`. */
  readonly path: string;
}

/** What a value is read from: the request, the maps in the process, and variables of rules before. */
export interface Surroundings {
  readonly request: Request;
  /** A map's entries in the process, by the file that a rule names; undefined: not readable. */
  readonly entriesOf: (file: string) => Readonly<Record<string, string>> | undefined;
  readonly variables: Map<string, Sample>;
}

/** A map's entry that matched. */
export interface Hit {
  readonly file: string;
  readonly key: string;
}

/**
 * What a sample expression yields (configuration manual, 7.3). `none`: it matches nothing.
 * `unreadable`: it depends on what only HAProxy knows, such as the client's address.
 */
export type Sample =
  | { readonly state: 'value'; readonly value: string; readonly hit?: Hit }
  | { readonly state: 'none' }
  | { readonly state: 'unreadable' };

const none: Sample = { state: 'none' };
const unreadable: Sample = { state: 'unreadable' };

function valueOf(value: string): Sample {
  return { state: 'value', value };
}

/** `req.hdr(host),lower,map(/maps/hosts.map)`, as a switching rule or an ACL has it. */
export function evaluateSample(expression: string, around: Surroundings): Sample {
  const [fetch = '', ...converters] = splitTopLevel(expression);
  let sample = fetched(fetch, around);
  for (const converter of converters) {
    if (sample.state === 'unreadable') return sample;
    sample = converted(sample, converter, around);
  }
  return sample;
}

/** Commas within parentheses are of the arguments. */
function splitTopLevel(expression: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const character of expression) {
    if (character === ',' && depth === 0) {
      parts.push(part);
      part = '';
      continue;
    }
    depth += character === '(' ? 1 : character === ')' ? -1 : 0;
    part += character;
  }
  return [...parts, part];
}

const hostFetch = /^(?:(?:req\.|req_)?f?hdr\(host(?:,-?\d+)?\)|req[._]ssl_sni|ssl_fc_sni)$/i;

function fetched(fetch: string, { request, variables }: Surroundings): Sample {
  if (hostFetch.test(fetch)) return request.host === '' ? none : valueOf(request.host);
  if (fetch === 'path' || fetch === 'url' || fetch === 'pathq') return valueOf(request.path);
  if (fetch === 'base') return valueOf(`${request.host}${request.path}`);
  const variable = /^var\(([^),]+)\)$/.exec(fetch)?.[1];
  return variable === undefined ? unreadable : (variables.get(variable) ?? unreadable);
}

function converted(sample: Sample, converter: string, around: Surroundings): Sample {
  const [, name = '', inner = ''] = /^([a-z_-]+)(?:\((.*)\))?$/.exec(converter) ?? [];
  if (name === 'set-var') {
    around.variables.set(inner, sample);
    return sample;
  }
  if (sample.state !== 'value') return sample;
  const { value } = sample;
  if (name.startsWith('map')) return lookedUp(value, name, inner, around);
  switch (name) {
    case 'lower':
      return valueOf(value.toLowerCase());
    case 'upper':
      return valueOf(value.toUpperCase());
    case 'host_only':
      return sample;
    case 'length':
      return valueOf(String(Buffer.byteLength(value)));
    case 'concat':
      return concatenated(value, inner, around);
    case 'field':
    case 'word':
      return fieldOf(value, inner);
    default:
      return unreadable;
  }
}

/** `concat(<start>,<variable>,<end>)`. */
function concatenated(value: string, inner: string, { variables }: Surroundings): Sample {
  const [start = '', variable = '', end = ''] = inner.split(',');
  if (variable === '') return valueOf(`${value}${start}${end}`);
  const known = variables.get(variable);
  if (known === undefined) return unreadable;
  return known.state === 'value' ? valueOf(`${value}${start}${known.value}${end}`) : known;
}

/** `field(<index>,<delimiters>[,<count>])`; a count of 0 takes all that follow. */
function fieldOf(value: string, inner: string): Sample {
  const [index = '', delimiter = '', count = '1'] = inner.split(',');
  const at = Number(index);
  if (delimiter.length !== 1 || !Number.isInteger(at) || at < 1) return unreadable;
  const fields = value.split(delimiter);
  const end = count === '0' ? fields.length : at - 1 + Number(count);
  return at > fields.length ? none : valueOf(fields.slice(at - 1, end).join(delimiter));
}

/** `map`, `map_beg` and the like, with an optional default. */
function lookedUp(
  value: string,
  converter: string,
  inner: string,
  { entriesOf }: Surroundings,
): Sample {
  const [file = '', otherwise] = inner.split(',');
  const entries = entriesOf(file);
  if (entries === undefined) return unreadable;
  const method = /^map_([a-z]+)$/.exec(converter)?.[1] ?? 'str';
  const key = keyFor(value, method, entries);
  if (key === 'unreadable') return unreadable;
  if (key !== undefined) {
    return { state: 'value', value: entries[key.found] ?? '', hit: { file, key: key.found } };
  }
  return otherwise === undefined ? none : valueOf(otherwise);
}

/** Strings and beginnings are found in a tree, the longest first; all else in the order of lines. */
function keyFor(
  value: string,
  method: string,
  entries: Readonly<Record<string, string>>,
): { readonly found: string } | 'unreadable' | undefined {
  if (method === 'str') return Object.hasOwn(entries, value) ? { found: value } : undefined;
  if (method === 'beg') {
    for (let length = value.length; length > 0; length--) {
      const key = value.slice(0, length);
      if (Object.hasOwn(entries, key)) return { found: key };
    }
    return undefined;
  }
  for (const key of Object.keys(entries)) {
    const matches = matchesText(value, key, method, false);
    if (matches === undefined) return 'unreadable';
    if (matches) return { found: key };
  }
  return undefined;
}

/** HAProxy's matching methods for text (configuration manual, 7.1); undefined: another one. */
export function matchesText(
  value: string,
  pattern: string,
  method: string,
  ignoresCase: boolean,
): boolean | undefined {
  const [text, wanted] = ignoresCase
    ? [value.toLowerCase(), pattern.toLowerCase()]
    : [value, pattern];
  switch (method) {
    case 'str':
      return text === wanted;
    case 'beg':
      return text.startsWith(wanted);
    case 'end':
      return text.endsWith(wanted);
    case 'sub':
      return text.includes(wanted);
    case 'dom':
      return holdsBetween(text, wanted, '.');
    case 'dir':
      return holdsBetween(text, wanted, '/');
    case 'reg':
      return matchesRegex(value, pattern, ignoresCase);
    default:
      return undefined;
  }
}

function holdsBetween(text: string, wanted: string, delimiter: '.' | '/'): boolean {
  const trimmed = wanted.split(delimiter).filter((part) => part !== '');
  return `${delimiter}${text}${delimiter}`.includes(
    `${delimiter}${trimmed.join(delimiter)}${delimiter}`,
  );
}
