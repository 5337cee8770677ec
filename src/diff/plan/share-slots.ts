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
 * Instances come first, then a spare for each, then a second, as far as it goes. What a service has
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

/** The same number of spares for each that wants so many. The rest goes to those that have it. */
function fairSizes(claims: readonly Claim[], most: number): ReadonlyMap<string, number> {
  const spares = ({ need, wish }: Claim): number => wish - need;
  const free = most - sum(claims, ({ need }) => need);
  const level = levelOf(claims.map(spares), free);
  const sizes = claims.map(
    (one) => [one.service, one.need + Math.min(level, spares(one))] as const,
  );
  const fair = new Map(sizes);
  let left = most - sum(sizes, ([, size]) => size);
  const next = claims
    .filter((one) => spares(one) > level)
    .map((one) => ({ ...one, has: one.have > one.need + level ? 0 : 1 }))
    .sort((a, b) => a.has - b.has || compareText(a.service, b.service));
  for (const { service, need } of next) {
    if (left <= 0) break;
    fair.set(service, need + level + 1);
    left -= 1;
  }
  return fair;
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
