/**
 * What the event stream has named. It says which services to read again, never what is true of them:
 * the stream loses events, and without saying so. So its word counts only while nothing speaks against
 * it, see `told` and `epoch`.
 */

import type { NamedService } from './model/events.js';
import { keyOf } from './model/keys.js';

export interface News {
  /**
   * Another one whenever events may have been missed; undefined while not every stream is connected.
   * Of a change that came after an answer asked for in this epoch, the stream has told.
   */
  readonly epoch: number | undefined;
  /**
   * Whether the stream has told of the change that gave the table of services this index. Events come
   * within milliseconds, so it is waited for. An index without an event is a loss (or a change in a
   * namespace that isn't subscribed to).
   */
  told(index: number): Promise<boolean>;
  /** Whether a change of the service came after this index. */
  isNamedAfter(key: string, index: number): boolean;
  /** Keys of services of which a change came after this index. */
  namedAfter(index: number): readonly string[];
  /** Another number whenever the stream has said something. */
  readonly heardCount: number;
}

/** Far above realistic numbers. Beyond them, everything is read again. */
const mostNames = 100_000;
const mostIndexes = 10_000;

export class StreamNews implements News {
  #connected = false;
  #epoch = 0;
  /** The last index at which each service was named. */
  readonly #named = new Map<string, number>();
  /** Indexes of which the stream has told. */
  readonly #told = new Set<number>();
  readonly #listeners = new Set<() => void>();
  /** An event didn't come in time. Until another does, none is waited for. */
  #late = false;
  #heardCount = 0;

  readonly #lateMs: number;

  /** How long an event may be behind an answer. */
  constructor(lateMs = 200) {
    this.#lateMs = lateMs;
  }

  get epoch(): number | undefined {
    return this.#connected ? this.#epoch : undefined;
  }

  get heardCount(): number {
    return this.#heardCount;
  }

  connected(is: boolean): void {
    this.#connected = is;
    this.#late = false;
    this.missed();
  }

  /** Events were lost, or might have been. */
  missed(): void {
    this.#epoch += 1;
    this.#named.clear();
    this.#told.clear();
    this.#tell();
  }

  heard(index: number, services: readonly NamedService[]): void {
    if (services.length === 0) return;
    this.#heardCount += 1;
    for (const { namespace, name } of services) {
      const key = keyOf(namespace, name);
      this.#named.set(key, Math.max(index, this.#named.get(key) ?? 0));
    }
    this.#told.add(index);
    this.#late = false;
    if (this.#named.size > mostNames) this.missed();
    for (const oldest of this.#told) {
      if (this.#told.size <= mostIndexes) break;
      this.#told.delete(oldest);
    }
    this.#tell();
  }

  isNamedAfter(key: string, index: number): boolean {
    return (this.#named.get(key) ?? 0) > index;
  }

  namedAfter(index: number): readonly string[] {
    return [...this.#named].flatMap(([key, last]) => (last > index ? [key] : []));
  }

  async told(index: number): Promise<boolean> {
    const { epoch } = this;
    const isTold = (): boolean => epoch !== undefined && this.epoch === epoch;
    const has = (): boolean => isTold() && this.#told.has(index);
    if (!isTold() || this.#late || has()) return has();
    await this.#until(() => !isTold() || has());
    this.#late = isTold() && !has();
    return has();
  }

  /** Resolves once the condition holds, or when it is too late. */
  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(late);
        this.#listeners.delete(check);
        resolve();
      };
      const check = (): void => {
        if (condition()) end();
      };
      const late = setTimeout(end, this.#lateMs);
      this.#listeners.add(check);
    });
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
