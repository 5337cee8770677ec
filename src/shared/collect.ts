/**
 * The bytes of an answer as they arrive. Where they are those of an earlier one, nothing is collected:
 * the answers that are read again in every pass are megabytes, and mostly the same.
 */
export class Collector {
  readonly #before: Buffer;
  /** How many bytes are as before. */
  #same = 0;
  /** What came since they were not. */
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(before: Buffer = Buffer.alloc(0)) {
    this.#before = before;
  }

  /** Of all bytes so far. */
  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    if (this.#chunks.length === 0 && this.#continues(chunk)) this.#same += chunk.length;
    else this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** All bytes: the same buffer as before if they are the same. */
  end(): Buffer {
    const [only] = this.#chunks;
    if (only === undefined && this.#same === this.#before.length) return this.#before;
    if (only !== undefined && only.length === this.#length) return only;
    return Buffer.concat([this.#before.subarray(0, this.#same), ...this.#chunks], this.#length);
  }

  #continues(chunk: Buffer): boolean {
    const end = this.#same + chunk.length;
    return (
      end <= this.#before.length &&
      this.#before.compare(chunk, 0, chunk.length, this.#same, end) === 0
    );
  }
}
