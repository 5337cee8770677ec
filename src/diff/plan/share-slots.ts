import { namespaceOf } from '../../haproxy/ownership.js';
import { compareText } from '../../shared/compare.js';

/** What a service has and wants, in servers. */
export interface Claim {
  readonly service: string;
  /** Servers that it has; 0 if it is new. */
  readonly have: number;
  /** Servers that its instances take. */
  readonly need: number;
  /** Servers that the instances take which its jobs ask for; at most `wish`. */
  readonly asked: number;
  /** With all its spares; at least `need`. */
  readonly wish: number;
}

/**
 * The size of each service where there aren't servers enough for all spares; undefined: there are.
 * Instances come first, then a spare for each service of a namespace, then a second, as far as the
 * namespace's share of them goes. What a service has
 * stays, unless it is needed for others: a size that is only a little unfair isn't worth a write.
 * The claims' needs must fit in `most`.
 */
export function shareSlots(
  claims: readonly Claim[],
  most: number,
): Readonly<Record<string, number>> | undefined {
  if (sum(claims, ({ wish }) => wish) <= most) return undefined;
  const fair = fairSizes(claims, most);
  const fairOf = ({ service }: Claim): number => fair.get(service) ?? 0;
  const sizes = new Map(claims.map((one) => [one.service, unhurried(one, fairOf(one))]));
  const surplus = (one: Claim): number => (sizes.get(one.service) ?? 0) - fairOf(one);
  const lenders = claims
    .filter((one) => surplus(one) > 0)
    .sort((a, b) => surplus(b) - surplus(a) || compareText(a.service, b.service));
  let over = [...sizes.values()].reduce((all, size) => all + size, 0) - most;
  for (const one of lenders) {
    const given = Math.min(over, surplus(one));
    if (given <= 0) break;
    sizes.set(one.service, (sizes.get(one.service) ?? 0) - given);
    over -= given;
  }
  return Object.fromEntries(sizes);
}

/** It grows for its instances, for those that its jobs ask for, and for its first spare. */
function unhurried({ have, need, asked, wish }: Claim, fair: number): number {
  if (have < need || have < Math.min(asked, fair) || (have === need && fair > need)) return fair;
  return Math.min(have, wish);
}

/**
 * Spares are shared among namespaces, then among a namespace's services: the same number for each that
 * wants so many. So a namespace of very many services leaves the others theirs.
 */
function fairSizes(claims: readonly Claim[], most: number): ReadonlyMap<string, number> {
  const namespaces = new Map<string, Want[]>();
  for (const { service, have, need, wish } of claims) {
    const wants = namespaces.get(namespaceOf(service)) ?? [];
    wants.push({ name: service, want: wish - need, has: Math.max(0, Math.min(have, wish) - need) });
    namespaces.set(namespaceOf(service), wants);
  }
  const all = [...namespaces].map(([name, wants]): Want => ({
    name,
    want: sum(wants, ({ want }) => want),
    has: sum(wants, ({ has }) => has),
  }));
  const shares = divide(all, most - sum(claims, ({ need }) => need));
  const spares = new Map(
    [...namespaces].flatMap(([name, wants]) => [...divide(wants, shares.get(name) ?? 0)]),
  );
  return new Map(claims.map(({ service, need }) => [service, need + (spares.get(service) ?? 0)]));
}

interface Want {
  readonly name: string;
  readonly want: number;
  readonly has: number;
}

/** By name, as evenly as it goes: one more, while there are some left, goes to those that have it. */
function divide(wants: readonly Want[], free: number): ReadonlyMap<string, number> {
  const level = levelOf(
    wants.map(({ want }) => want),
    free,
  );
  const given = new Map(wants.map(({ name, want }) => [name, Math.min(level, want)]));
  const left = free - [...given.values()].reduce((all, one) => all + one, 0);
  const next = wants
    .filter(({ want }) => want > level)
    .map((one) => ({ ...one, rank: one.has > level ? 0 : 1 }))
    .sort((a, b) => a.rank - b.rank || compareText(a.name, b.name));
  for (const { name } of next.slice(0, left)) given.set(name, level + 1);
  return given;
}

/** The highest level at which all wants, cut at it, still fit. */
function levelOf(wants: readonly number[], free: number): number {
  const sorted = [...wants].sort((a, b) => a - b);
  let left = free;
  let below = 0;
  for (const [at, want] of sorted.entries()) {
    const sharers = sorted.length - at;
    const step = Math.min(want - below, Math.floor(left / sharers));
    if (step < want - below) return below + step;
    left -= step * sharers;
    below = want;
  }
  return below;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((all, item) => all + of(item), 0);
}
