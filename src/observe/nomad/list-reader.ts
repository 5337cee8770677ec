import { eachPart } from '../../shared/json-list.js';
import type { Parse } from './answers/shapes.js';

/** Makes a list of the bytes of an answer; `json` parses them as a whole. */
export type ReadList<T> = (bytes: Buffer, json: () => unknown) => Promise<readonly T[]>;

/**
 * Reads a list in parts, so that a long one neither holds the event loop nor is held in memory with
 * all that `trim` drops of its items.
 */
export function listReader<T>(
  parse: Parse<readonly T[]>,
  path: string,
  trim: (item: T) => T,
): ReadList<T> {
  return async (bytes, json) => {
    const list: T[] = [];
    const take = (items: readonly unknown[]): void => {
      for (const item of parse(items, path)) list.push(trim(item));
    };
    try {
      if (await eachPart(bytes, take)) return list;
    } catch {
      // The whole list says where it is wrong.
    }
    return parse(json(), path).map(trim);
  };
}
