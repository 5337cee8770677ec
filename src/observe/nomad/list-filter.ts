import { MalformedAnswer } from './errors.js';

/**
 * Nomad takes job IDs of a megabyte and repeats them for each allocation, so a few jobs could make its
 * lists longer than `limits.answer_bytes`, for everybody. Once that happened, the lists are asked
 * without jobs of such an ID, whose services no limit on names allows. Where Nomad, or a proxy, refuses
 * that filter, the list stays too long.
 */
export class ListFilter {
  #leavesOut = false;

  /**
   * `send` gives undefined if the filter is refused.
   *
   * @param field what the list calls a job's ID.
   * @param own the filter that is wanted anyway; may be empty.
   */
  async ask<T>(
    field: 'ID' | 'JobID',
    own: string,
    send: (filter: string) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    if (this.#leavesOut) {
      const list = await send(withoutLong(field, own));
      if (list !== undefined) return list;
      this.#leavesOut = false;
    }
    try {
      return await send(own);
    } catch (error) {
      if (!(error instanceof MalformedAnswer) || error.limit !== 'answer_bytes') throw error;
      const list = await send(withoutLong(field, own));
      if (list === undefined) throw error;
      this.#leavesOut = true;
      return list;
    }
  }
}

/** The most that Nomad's regular expressions can count. */
const longest = 1000;

function withoutLong(field: string, own: string): string {
  const short = `${field} not matches \`^[\\s\\S]{${longest}}\``;
  return own === '' ? short : `(${own}) and ${short}`;
}
