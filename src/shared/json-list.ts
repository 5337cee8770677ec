/** Long JSON lists, parsed in parts: of 10 MB, the engine's parser holds the event loop for 0.1 s and more. */

import { runInSlices, type Sliced } from './slices.js';

/** A shorter text is parsed at once, in about 2 ms. */
const partBytes = 256 * 1024;

const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d];
const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];

/**
 * What the bytes say, as JSON.parse has it. If they are a long list, its items are parsed part by
 * part, and `take` makes of each part what is kept of it. Throws a SyntaxError where JSON.parse does.
 */
export async function parseLong(bytes: Buffer): Promise<unknown> {
  const all: unknown[] = [];
  const isList = await eachPart(bytes, (items) => {
    for (const item of items) all.push(item);
  });
  return isList ? all : (JSON.parse(bytes.toString()) as unknown);
}

/** The items of a list, part by part. False, without a call, if the bytes are not a long list. */
export async function eachPart(
  bytes: Buffer,
  take: (items: readonly unknown[]) => void,
): Promise<boolean> {
  if (bytes.length < partBytes) return false;
  const start = skipSpace(bytes, 0);
  if (bytes[start] !== openBracket) return false;
  await runInSlices(partsFrom(bytes, start + 1, take));
  return true;
}

function* partsFrom(
  bytes: Buffer,
  start: number,
  take: (items: readonly unknown[]) => void,
): Sliced<void> {
  let from = start;
  let isFirst = true;
  for (;;) {
    const { end, isLast } = partEnd(bytes, from);
    const items = itemsIn(bytes, from, end);
    // A comma stands between two items.
    if (items.length === 0 && !(isFirst && isLast)) throw new SyntaxError('an item is missing');
    take(items);
    yield;
    if (isLast) break;
    isFirst = false;
    from = end + 1;
  }
}

/** Where a part that begins at `from` ends: at the comma after an item, or the list's own bracket. */
function partEnd(bytes: Buffer, from: number): { readonly end: number; readonly isLast: boolean } {
  const least = from + partBytes;
  let depth = 0;
  for (let at = from; at < bytes.length; at++) {
    switch (bytes[at]) {
      case quote:
        at = stringEnd(bytes, at);
        break;
      case openBrace:
      case openBracket:
        depth++;
        break;
      case closeBrace:
      case closeBracket:
        if (depth === 0) return { end: at, isLast: isRestSpace(bytes, at) };
        depth--;
        break;
      case comma:
        if (depth === 0 && at >= least) return { end: at, isLast: false };
        break;
      default:
    }
  }
  throw new SyntaxError('the list has no end');
}

/** Of a string that begins at `start`. */
function stringEnd(bytes: Buffer, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at;
}

function itemsIn(bytes: Buffer, from: number, end: number): readonly unknown[] {
  return JSON.parse(`[${bytes.toString('utf8', from, end)}]`) as readonly unknown[];
}

function isRestSpace(bytes: Buffer, end: number): true {
  if (bytes[end] === closeBracket && skipSpace(bytes, end + 1) === bytes.length) return true;
  throw new SyntaxError('the list goes on after its end');
}

/** Whitespace as JSON has it. */
function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while ([0x20, 0x09, 0x0a, 0x0d].includes(bytes[at] ?? 0)) at++;
  return at;
}
