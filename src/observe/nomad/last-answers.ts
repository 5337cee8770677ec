/**
 * The last answer to each list. An answer of the same bytes is the same list: it isn't parsed again,
 * and is given back as the same object, so that what was made of it need not be made again.
 */

import type { Parse } from './answers/shapes.js';
import type { GetOptions, NomadClient } from './client.js';
import { listReader, type ReadList } from './list-reader.js';

export interface Indexed<T> {
  readonly index: number;
  readonly body: T;
}

interface ListRead<T> extends Indexed<readonly T[]> {
  readonly status: number;
}

interface Last<T> {
  readonly bytes: Buffer;
  readonly list: readonly T[];
}

export class LastAnswers<T> {
  /** By namespace. */
  readonly #last = new Map<string, Last<T>>();

  readonly #client: NomadClient;
  readonly #path: string;
  readonly #read: ReadList<T>;

  /** `trim` drops from an item what nobody needs. */
  constructor(client: NomadClient, path: string, parse: Parse<readonly T[]>, trim: (item: T) => T) {
    this.#client = client;
    this.#path = path;
    this.#read = listReader(parse, path, trim);
  }

  /** Empty where the status is another one that is allowed. */
  async get(namespace: string, options: GetOptions): Promise<ListRead<T>> {
    let list: readonly T[] = [];
    const read = async (bytes: Buffer, json: () => unknown): Promise<unknown> =>
      (list = await this.#listOf(namespace, bytes, json));
    const query = { namespace, ...options.query };
    const before = this.#last.get(namespace)?.bytes;
    const asked = { ...options, query, before, read };
    const { status, index } = await this.#client.get(this.#path, asked);
    return { status, index, body: list };
  }

  async #listOf(namespace: string, bytes: Buffer, json: () => unknown): Promise<readonly T[]> {
    const last = this.#last.get(namespace);
    if (last?.bytes === bytes) return last.list;
    const list = await this.#read(bytes, json);
    this.#last.set(namespace, { bytes, list });
    return list;
  }
}
