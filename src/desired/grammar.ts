import type { JsonObject } from '../shared/json.js';

/**
 * What a value may be. The parsers are the only check between a tag and haproxy.cfg, so they accept
 * only what is known to be harmless there.
 */
export interface Grammar<T> {
  /** The allowed form, for people. */
  readonly form: string;
  /** The form as a JSON schema, which may allow slightly more than the parser. */
  readonly schema: JsonObject;
  parse(this: void, text: string): T | undefined;
}

export function oneOf<const T extends string>(...values: readonly T[]): Grammar<T> {
  return {
    form: list(values),
    schema: { type: 'string', enum: values },
    parse: (text) => values.find((value) => value === text.toLowerCase()),
  };
}

/** Accepts what either grammar accepts. */
export function either<A, B>(first: Grammar<A>, second: Grammar<B>): Grammar<A | B> {
  return {
    form: `${first.form}, or ${second.form}`,
    schema: { anyOf: [first.schema, second.schema] },
    parse: (text) => first.parse(text) ?? second.parse(text),
  };
}

export const boolean: Grammar<boolean> = {
  form: 'true or false',
  schema: { type: ['boolean', 'string'], enum: [true, false, 'true', 'false'] },
  parse: (text) => {
    const word = text.toLowerCase();
    return word === 'true' ? true : word === 'false' ? false : undefined;
  },
};

/** A tag that needs no value. */
export const flag: Grammar<boolean> = {
  form: 'true, false or no value',
  schema: boolean.schema,
  parse: (text) => (text === '' ? true : boolean.parse(text)),
};

export function integer(min: number, max: number): Grammar<number> {
  return {
    form: `a whole number from ${min} to ${max}`,
    schema: { type: ['integer', 'string'], minimum: min, maximum: max, pattern: '^\\d+$' },
    parse: (text) => {
      const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
export const longestDuration = 24 * units.h;

/** Milliseconds, from 1 to a day. */
export const duration: Grammar<number> = {
  form: 'a time from 1ms to 24h, like 500ms, 10s, 2m or 1h',
  schema: { type: 'string', pattern: '^[1-9]\\d*(ms|s|m|h)$' },
  parse: (text) => {
    const found = /^([1-9]\d{0,8})(ms|s|m|h)$/.exec(text);
    if (found === null) return undefined;
    const value = Number(found[1]) * units[found[2] as keyof typeof units];
    return value <= longestDuration ? value : undefined;
  },
};

export function matching<T = string>(
  form: string,
  pattern: RegExp,
  convert: (text: string) => T | undefined,
): Grammar<T> {
  return {
    form,
    schema: { type: 'string', pattern: pattern.source },
    parse: (text) => (pattern.test(text) ? convert(text) : undefined),
  };
}

/** Text that is used verbatim. */
export function text(form: string, pattern: RegExp): Grammar<string> {
  return matching(form, pattern, (value) => value);
}

function list(values: readonly string[]): string {
  if (values.length < 2) return values.join('');
  return `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}
