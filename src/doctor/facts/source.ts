import { scopeOf } from '../../shared/concurrent.js';
import { asConnectorError } from '../../shared/errors.js';
import { lackOf } from '../model/lacks.js';
import type { FactName, Facts, Lack } from '../types.js';

export type Known<Name extends FactName = FactName> =
  { readonly known: Pick<Facts, Name> } | { readonly lacks: Lack };

/** Finds out each fact once, however many checks ask for it. */
export interface FactSource {
  /** All of them, or the first that is lacking. Never throws. */
  all<Name extends FactName>(names: readonly Name[]): Promise<Known<Name>>;
}

/** A lack on its way up, so that what builds on it is lacking for the same reason. */
export class Lacking extends Error {
  readonly lacks: Lack;

  constructor(lacks: Lack) {
    super(lacks.says);
    this.lacks = lacks;
  }
}

export type Get = <Name extends FactName>(name: Name) => Promise<Facts[Name]>;

export interface Gatherer<Name extends FactName> {
  /** Milliseconds in all, what it builds on included. */
  readonly timeoutMs: number;
  readonly gather: (get: Get, signal: AbortSignal) => Promise<Facts[Name]> | Facts[Name];
}

export type Gatherers = { readonly [Name in FactName]: Gatherer<Name> };

export function factSource(gatherers: Gatherers, signal: AbortSignal): FactSource {
  const found = new Map<FactName, Promise<unknown>>();

  const get = <Name extends FactName>(name: Name): Promise<Facts[Name]> => {
    const before = found.get(name) as Promise<Facts[Name]> | undefined;
    if (before !== undefined) return before;
    const asked = within(gatherers[name], get, signal, name);
    found.set(name, asked);
    return asked;
  };

  return {
    all: async (names) => {
      const settled = await Promise.allSettled(names.map((name) => get(name)));
      const failed = settled.find((one) => one.status === 'rejected');
      if (failed !== undefined) return { lacks: (failed.reason as Lacking).lacks };
      const values = settled.map((one) => (one as { readonly value?: unknown }).value);
      const known = Object.fromEntries(names.map((name, at) => [name, values[at]]));
      return { known: known as Pick<Facts, (typeof names)[number]> };
    },
  };
}

async function within<Name extends FactName>(
  { timeoutMs, gather }: Gatherer<Name>,
  get: Get,
  parent: AbortSignal,
  name: Name,
): Promise<Facts[Name]> {
  const scope = scopeOf(parent);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Lacking(lateLack(name, timeoutMs)));
      scope.abort();
    }, timeoutMs);
  });
  try {
    return await Promise.race([Promise.resolve().then(() => gather(get, scope.signal)), late]);
  } catch (error) {
    throw error instanceof Lacking ? error : new Lacking(lackOf(asConnectorError(error)));
  } finally {
    clearTimeout(timer);
    scope.done();
  }
}

function lateLack(name: string, ms: number): Lack {
  const says = `no answer in ${ms / 1000} s (${name})`;
  return { says, fix: 'find out what is slow, and run doctor again', short: says };
}
