/** Pure: what may go to an HAProxy, by the verdicts of those before it. */

import type { Judged, Known, Wanted, World } from './types.js';

/** Since when something waits, on the clock of the world. */
export type Since = (key: string) => number;

/**
 * | of a target's plan | goes |
 * |---|---|
 * | a service that runs on any HAProxy, for `settle` or from before | at once |
 * | a service that none has yet | when no HAProxy before this one is left to try it |
 * | a service that the canary refused | skipped with the same version of HAProxy; with another, its first one tries |
 * | the removal of a backend | when one before it has done so, or none is before it |
 * | anything else, such as a lost reload | when one before it has nothing left to do, or none is before it |
 *
 * An HAProxy whose passes fail is left out, except for what it loaded just before. One that gives no
 * verdict is waited for: `patience` for each of those before.
 */
export function judge(target: string, wanted: Wanted, world: World, since: Since): Judged {
  const waits = (wait: Want): boolean => remaining(wait, since, world) > 0;
  const services = Object.entries(wanted.services)
    .map(([service, fingerprint]): Want => {
      const key = `+ ${service} ${fingerprint}`;
      return { key, service, ...serviceWait(target, service, fingerprint, wanted.version, world) };
    })
    .filter(waits);
  const rest = restWaits(target, wanted, world).filter(waits);
  const all = [...services, ...rest];
  return {
    services: services.flatMap(({ service }) => service ?? []),
    isWhole: rest.length > 0,
    keys: all.map(({ key }) => key),
    for: [...new Set(all.flatMap((one) => one.for))],
    afterMs: Math.min(...all.map((one) => remaining(one, since, world))),
  };
}

/**
 * `for`: whose verdict is missing. `settleMs`: it is there, and has to last. `leastMs`: however long it
 * has waited, because one of them has just failed.
 */
interface Wait {
  readonly for: readonly string[];
  readonly settleMs?: number;
  readonly leastMs?: number;
}

interface Want extends Wait {
  readonly key: string;
  readonly service?: string;
}

const nothing: Wait = { for: [] };

function remaining(want: Want, since: Since, { now, patienceMs }: World): number {
  const { key, settleMs, leastMs = -Infinity } = want;
  return settleMs ?? Math.max(leastMs, want.for.length * patienceMs - (now - since(key)));
}

function serviceWait(
  target: string,
  service: string,
  fingerprint: string,
  version: string,
  world: World,
): Wait {
  const { known, order } = world;
  if (runs(known.get(target), service, fingerprint)) return nothing;
  let settling: Wait | undefined;
  for (const name of order) {
    const other = known.get(name);
    if (other === undefined || isAway(other) || !runs(other, service, fingerprint)) continue;
    const settleMs = settleLeft(other, service, world);
    if (settleMs <= 0) return nothing;
    const isSooner = settleMs < (settling?.settleMs ?? Infinity);
    if (isSooner) settling = { for: [name], settleMs };
  }
  const earlier = before(target, order);
  const refusing = earlier.filter((name) => refuses(known.get(name), service, fingerprint));
  const versions = new Set(refusing.map((name) => known.get(name)?.verdict?.version));
  const missing = earlier.filter((name) => {
    const other = known.get(name);
    if (runs(other, service, fingerprint)) return isSuspect(other, service, world);
    if (isAway(other)) return false;
    const has = other?.verdict?.version;
    // Told by it, or by another of its version. Of this version: the next look skips the service.
    return has === undefined || has === version || !versions.has(has);
  });
  // Nobody is before it: a canary waits for no other.
  const isFirst = earlier.every((name) => isAway(known.get(name)));
  if (isFirst && missing.length === 0) return nothing;
  return settling ?? { for: missing, ...afterFailure(missing, world) };
}

/** Those that fail while they settle are waited for from then on, not since they began to settle. */
function afterFailure(
  missing: readonly string[],
  { known, now, patienceMs }: World,
): Pick<Wait, 'leastMs'> {
  const failures = missing.flatMap((name) => known.get(name)?.failedAt ?? []);
  return failures.length === 0 ? {} : { leastMs: Math.max(...failures) + patienceMs - now };
}

/** What is no service's goes with one commit, so it waits as a whole. */
function restWaits(target: string, wanted: Wanted, world: World): readonly Want[] {
  const { known, order } = world;
  const earlier = before(target, order).filter((name) => !isAway(known.get(name)));
  const verdicts = earlier.flatMap((name) => known.get(name)?.verdict ?? []);
  const waits = wanted.removes
    .filter((backend) => verdicts.every(({ backends }) => Object.hasOwn(backends, backend)))
    .map((backend): Want => ({ key: `- ${backend}`, for: earlier }));
  if (!wanted.isRest || verdicts.some(({ isDone }) => isDone)) return waits;
  return [...waits, { key: '*', for: earlier }];
}

export function before(target: string, order: readonly string[]): readonly string[] {
  const at = order.indexOf(target);
  return at < 0 ? order : order.slice(0, at);
}

function isAway(known: Known | undefined): boolean {
  return known?.failedAt !== undefined;
}

function runs(known: Known | undefined, service: string, fingerprint: string): boolean {
  return own(known?.verdict?.inForce, service) === fingerprint;
}

function refuses(known: Known | undefined, service: string, fingerprint: string): boolean {
  return !isAway(known) && own(known?.verdict?.refused, service)?.fingerprint === fingerprint;
}

function settleLeft(known: Known, service: string, { now, settleMs }: World): number {
  const at = own(known.took, service);
  return at === undefined ? 0 : at + settleMs - now;
}

/** It loaded the service and then failed, before it had settled: maybe because of it. */
function isSuspect(known: Known | undefined, service: string, { settleMs }: World): boolean {
  const at = own(known?.took, service);
  return known?.failedAt !== undefined && at !== undefined && known.failedAt < at + settleMs;
}

function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}
