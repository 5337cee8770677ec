/**
 * What a terminal acts on, what it doesn't show or shows as a plain space, and what reorders or
 * breaks the text around it. Letters of any language are shown.
 */
const unseen = /(?! )[\p{Cc}\p{Cf}\p{Cs}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** Shows such characters escaped, so that the text stays on one line and says what it contains. */
export function visible(text: string): string {
  return text.replace(unseen, (character) => escapes[character] ?? escaped(character));
}

/** Whether a reader sees all of a text, in its order and on one line. */
export function isVisible(text: string): boolean {
  return text.search(unseen) === -1;
}

/** The same characters and `%` as bytes, `%E2%80%AE`, so that `decodeUnseen` gives the text back. */
export function encodeUnseen(text: string): string {
  return text.replaceAll('%', '%25').replace(unseen, percentEncoded);
}

/** A text that wasn't encoded stays as it is, unless it holds such bytes itself. */
export function decodeUnseen(text: string): string {
  return text.replace(/(?:%[0-9A-F]{2})+/g, (bytes) => {
    try {
      return decodeURIComponent(bytes);
    } catch {
      return bytes;
    }
  });
}

/** Half a surrogate pair has no bytes; Nomad's JSON holds none. */
function percentEncoded(character: string): string {
  const hex = Buffer.from(character).toString('hex').toUpperCase();
  return hex.replace(/../g, '%$&');
}

const escapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(character: string): string {
  const code = character.codePointAt(0)!.toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
}

/** Makes any text safe for one line on a terminal. */
export function oneLine(text: string, max = 500): string {
  const clean = visible(text.slice(0, 4 * max));
  return clean.length > max ? `${clean.slice(0, max)}...` : clean;
}

/** JSON whose texts are safe on a terminal too: JSON itself escapes only a part of them. */
export function plainJson(
  value: unknown,
  indent?: number,
  eachText: (text: string) => string = (text) => text,
): string {
  const replacer = (_key: string, one: unknown): unknown =>
    typeof one === 'string' ? eachText(one) : one;
  // The only line breaks outside of texts are those of the indentation.
  return JSON.stringify(value, replacer, indent).replace(unseen, (character) =>
    character === '\n' ? character : character.replace(/[^]/g, inJson),
  );
}

function inJson(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
