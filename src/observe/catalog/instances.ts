/**
 * The list of services and the instances of those that opted in. No endpoint returns all instances,
 * but every answer carries the index of the whole table: answers with the same index form one
 * snapshot, and instances already read at the list's index are not read again.
 */

import type PQueue from 'p-queue';
import { mapQueued } from '../../shared/concurrent.js';
import { keyOf } from './model/keys.js';
import { ConnectorError } from '../../shared/errors.js';
import type { Indexed, NomadApi, Unreadable } from '../nomad/api.js';
import type { WireInstance, WireServiceGroup } from '../nomad/answers/shapes.js';

export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
  /** Tags of all instances. */
  readonly tags: readonly string[];
}

export interface ServicesRead {
  /** The highest index of the read. */
  readonly index: number;
  readonly names: readonly ServiceName[];
  /** By service key, for the requested names. */
  readonly instances: ReadonlyMap<string, readonly WireInstance[]>;
  /** Why some of the requested ones can't be read, by service key. */
  readonly unreadable: ReadonlyMap<string, Unreadable>;
  /** All answers have the same index. */
  readonly whole: boolean;
}

export class InstanceCache {
  #read = new Map<string, Indexed<readonly WireInstance[]>>();

  readonly #api: NomadApi;
  readonly #queue: PQueue;
  readonly #namespaces: readonly string[];

  constructor(api: NomadApi, queue: PQueue, namespaces: readonly string[]) {
    this.#api = api;
    this.#queue = queue;
    this.#namespaces = namespaces;
  }

  clear(): void {
    this.#read.clear();
  }

  /** The cached instances of the service, regardless of their index. */
  has(service: ServiceName): boolean {
    return this.#read.has(keyOf(service.namespace, service.name));
  }

  async readServices(
    isWanted: (service: ServiceName) => boolean,
    signal: AbortSignal,
  ): Promise<ServicesRead> {
    const lists = await mapQueued(this.#queue, this.#namespaces, signal, (namespace, scope) =>
      this.#api.services(namespace, scope),
    );
    const listIndexes = lists.map(({ index }) => index);
    const index = Math.max(...listIndexes);
    const names = lists.flatMap(({ body }) => body.flatMap(namesOf));
    const unreadable = await this.#readInstances(names.filter(isWanted), index, signal);
    const indexes = [...listIndexes, ...[...this.#read.values()].map((entry) => entry.index)];
    return {
      index: Math.max(...indexes),
      names,
      instances: new Map([...this.#read].map(([key, { body }]) => [key, body])),
      unreadable,
      whole: new Set(indexes).size === 1,
    };
  }

  async #readInstances(
    wanted: readonly ServiceName[],
    index: number,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Unreadable>> {
    const entries = await mapQueued(this.#queue, wanted, signal, async (service, scope) => {
      const key = keyOf(service.namespace, service.name);
      const known = this.#read.get(key);
      if (known?.index === index) return [key, { status: 'known', ...known }] as const;
      return [key, await this.#api.instances(service.namespace, service.name, scope)] as const;
    });
    const read = new Map<string, Indexed<readonly WireInstance[]>>();
    const unreadable = new Map<string, Unreadable>();
    for (const [key, one] of entries) {
      if (one.status === 'unreadable') unreadable.set(key, one);
      else read.set(key, { index: one.index, body: one.body });
    }
    this.#read = read;
    if (read.size === 0) requireOneAlone([...unreadable.values()]);
    return unreadable;
  }
}

/** If none can be read, it isn't the service: Nomad fails, or a proxy answers for it. */
function requireOneAlone([first, ...others]: readonly Unreadable[]): void {
  if (first === undefined || (others.length === 0 && first.failed !== true)) return;
  throw new ConnectorError(
    first.failed === true ? 'nomad-failed' : 'nomad-untrusted',
    first.reason,
  );
}

function namesOf({ Namespace, Services }: WireServiceGroup): ServiceName[] {
  return Services.map(({ ServiceName: name, Tags }) => ({
    namespace: Namespace,
    name,
    tags: Tags ?? [],
  }));
}
