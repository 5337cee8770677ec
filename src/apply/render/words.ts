import { isObject, type Json, type JsonObject } from '../../shared/json.js';

/**
 * A value as words of a line, '' for none. Undefined if it isn't what the line can say, so that
 * whoever asked has it rendered by the Data Plane API instead. `whole` is the object it is in.
 */
export type Words = (value: Json, whole: JsonObject) => string | undefined;

/** A key of an object and how the line says it. */
export type Field = readonly [key: string, words: Words, need?: 'optional'];

/** Quotes and `#` have a meaning in haproxy.cfg. */
const oneWord = /^[^\s\p{Cc}#"'\\]+$/u;
/** Several words, quoted where they must be. They stay on their line. */
const anyWords = /^[^\p{Cc}\u0085\u2028\u2029]+$/u;

/** `start VALUE`, or the value alone. */
export function word(start = ''): Words {
  return (value) => (isText(value, oneWord) ? spaced(start, value) : undefined);
}

export function words(start = ''): Words {
  return (value) => (isText(value, anyWords) ? spaced(start, value) : undefined);
}

export function count(start = ''): Words {
  return (value) => (isCount(value) ? spaced(start, String(value)) : undefined);
}

/** These words if the value is this one. */
export function given(wanted: Json, says: string): Words {
  return (value) => (value === wanted ? says : undefined);
}

export function oneOf(start: string, ...values: readonly string[]): Words {
  return (value) =>
    typeof value === 'string' && values.includes(value) ? spaced(start, value) : undefined;
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** Milliseconds in the largest unit that has no fraction, as the Data Plane API writes them. */
export function duration(start: string): Words {
  return (value) => {
    if (!isCount(value)) return undefined;
    const [unit, ms] = units.find(([, size]) => value > 0 && value % size === 0) ?? ['ms', 1];
    return `${start} ${value / ms}${unit}`;
  };
}

/** One line from an object. Undefined if a key is missing, or is none of the fields. */
export function line(start: string, ...fields: readonly Field[]): Words {
  const known = new Set(fields.map(([key]) => key));
  return (value) => {
    if (!isObject(value) || hasOther(value, known)) return undefined;
    const parts = fields.map(([key, says, need]) => {
      const one = value[key];
      if (one === undefined) return need === 'optional' ? '' : undefined;
      return says(one, value);
    });
    if (parts.some((part) => part === undefined)) return undefined;
    return [start, ...parts].filter((part) => part !== '').join(' ');
  };
}

/** One line from an object, by what it says at a key. */
export function by(key: string, lines: Readonly<Record<string, Words>>): Words {
  return (value) => {
    if (!isObject(value)) return undefined;
    const { [key]: kind, ...rest } = value;
    if (typeof kind !== 'string' || !Object.hasOwn(lines, kind)) return undefined;
    return lines[kind]?.(rest, value);
  };
}

/** Whether the object has something at another key than these. */
export function hasOther(object: JsonObject, keys: ReadonlySet<string>): boolean {
  return Object.keys(object).some((key) => object[key] !== undefined && !keys.has(key));
}

function isText(value: Json, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value);
}

function isCount(value: Json): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function spaced(start: string, value: string): string {
  return start === '' ? value : `${start} ${value}`;
}
