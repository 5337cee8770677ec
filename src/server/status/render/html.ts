/** HTML whose values are escaped, unless they are HTML themselves. */

const safe = Symbol('safe');

/** Only `html` makes it: no data from elsewhere has the symbol. */
export interface Html {
  readonly [safe]: string;
}

export type Value = string | number | undefined | false | Html | readonly Value[];

/** A template whose attributes are in double quotes. `undefined` and `false` give nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  const [first = '', ...others] = parts;
  return { [safe]: others.reduce((text, part, at) => text + textOf(values[at]) + part, first) };
}

export function toText(value: Html): string {
  return value[safe];
}

function textOf(value: Value): string {
  if (value === undefined || value === false) return '';
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  if (safe in value) return value[safe];
  return value.map(textOf).join('');
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => escapes[character] ?? '');
}
