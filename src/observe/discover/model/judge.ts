/**
 * Which HAProxies there are, after a read of Nomad. Only instances of the one job in the one namespace
 * can become members. What a read lacks is judged as instances of a service are:
 *
 * | a member that the read lacks                       |                                       |
 * |----------------------------------------------------|---------------------------------------|
 * | its allocation has ended, or is to stop            | is gone                               |
 * | its address, or its name, is a newer instance's    | is gone                               |
 * | nothing tells why                                  | stays, until that has lasted          |
 * | the same, after Nomad's index went back            | stays, and the time begins anew       |
 */

import { compareText } from '../../../shared/compare.js';
import { shortId } from '../../../shared/short-id.js';
import type { WireAllocation, WireInstance } from '../../nomad/answers/shapes.js';
import { hasEnded } from '../../catalog/model/allocation.js';
import { urlOf } from './address.js';
import { badNames, nameOf, nameTag } from './names.js';
import type { DiscoverRead, Judged, Member, Members, Refused } from './types.js';

export interface JudgeOptions {
  readonly service: string;
  readonly namespace: string;
  readonly job: string;
  readonly scheme: 'http' | 'https';
  /** How long an absence must have lasted, in milliseconds. */
  readonly holdMs: number;
  /** Unix milliseconds. */
  readonly now: number;
}

interface Candidate extends Member {
  /** Nomad is to stop it. */
  readonly isLeaving: boolean;
}

interface Sorted {
  readonly candidates: readonly Candidate[];
  readonly refused: readonly Refused[];
  /** Not running yet. */
  readonly waiting: number;
}

export function judge(before: Members, read: DiscoverRead, options: JudgeOptions): Judged {
  const known = new Map(before.members.map((member) => [member.allocation, member]));
  const allocs = new Map(read.allocations.map((alloc) => [alloc.ID, alloc]));
  const { candidates, refused, waiting } = sortOut(read, known, allocs, options);
  const byName = newestOfEach(candidates, ({ name }) => name);
  const byAddress = newestOfEach(byName.kept, ({ address }) => address);
  const found = byAddress.kept.map(({ isLeaving: _, ...member }): Member => member);
  const isBack = read.index < before.index;
  const held = before.members.flatMap((member) =>
    isGone(member, found, allocs, read) ? [] : (stillHeld(member, isBack, options) ?? []),
  );
  // An older one must not take the place of one that is only missing.
  const isFree = (one: Member): boolean =>
    held.every(({ name, address }) => name !== one.name && address !== one.address);
  const members = [...held, ...found.filter(isFree)];
  return {
    members: members.sort((a, b) => compareText(a.name, b.name)),
    index: read.index,
    refused: [
      ...refused,
      ...byName.dropped.map((one) => sameName(one, options)),
      ...byAddress.dropped.map((one) => sameAddress(one, options)),
      ...read.elsewhere.map((namespace) => elsewhere(namespace, options)),
    ],
    badNames: read.instances.filter((one) => isOurs(one, options)).flatMap(badNames),
    isOpen: waiting > 0 || held.length > 0,
  };
}

function sortOut(
  { instances }: DiscoverRead,
  known: ReadonlyMap<string, Member>,
  allocs: ReadonlyMap<string, WireAllocation>,
  options: JudgeOptions,
): Sorted {
  const refused: Refused[] = [];
  const candidates: Candidate[] = [];
  let waiting = 0;
  for (const instance of instances) {
    const why = refusalOf(instance, options);
    const alloc = allocs.get(instance.AllocID);
    if (why !== undefined) refused.push(why);
    else if (alloc !== undefined && hasEnded(alloc)) continue;
    else if (alloc !== undefined && isUp(alloc))
      candidates.push(candidate(instance, alloc, options));
    else if (known.has(instance.AllocID)) candidates.push(asKnown(known.get(instance.AllocID)!));
    else waiting += 1;
  }
  return { candidates, refused, waiting };
}

function refusalOf(instance: WireInstance, options: JudgeOptions): Refused | undefined {
  if (!isOurs(instance, options)) return otherJob(instance, options);
  if (urlOf(instance, options.scheme) !== undefined) return undefined;
  return {
    reason: 'no-address',
    instance: textOf(instance),
    detail: 'it has no address and port that can be asked: give its service a `port`',
  };
}

function isOurs({ JobID, Namespace }: WireInstance, { job, namespace }: JudgeOptions): boolean {
  return JobID === job && Namespace === namespace;
}

/** Disconnected nodes are `unknown`: their HAProxies may well serve. */
function isUp({ ClientStatus }: WireAllocation): boolean {
  return ClientStatus === 'running' || ClientStatus === 'unknown';
}

function isLeaving({ DesiredStatus }: WireAllocation): boolean {
  return DesiredStatus !== 'run';
}

function candidate(
  instance: WireInstance,
  alloc: WireAllocation,
  { scheme }: JudgeOptions,
): Candidate {
  return {
    name: nameOf(instance, alloc.NodeName ?? ''),
    address: urlOf(instance, scheme)!,
    allocation: alloc.ID,
    createIndex: alloc.CreateIndex,
    isLeaving: isLeaving(alloc),
  };
}

/** Registered; its allocation is being restarted, or the list of allocations lacks it. */
function asKnown({ missingSince: _, ...member }: Member): Candidate {
  return { ...member, isLeaving: false };
}

interface Newest {
  readonly kept: readonly Candidate[];
  readonly dropped: readonly Candidate[];
}

/** One that is to stop makes way for one that isn't. */
function newestOfEach(all: readonly Candidate[], keyOf: (one: Candidate) => string): Newest {
  const ordered = [...all].sort(
    (a, b) =>
      Number(a.isLeaving) - Number(b.isLeaving) ||
      b.createIndex - a.createIndex ||
      compareText(a.address, b.address),
  );
  const taken = new Map<string, Candidate>();
  for (const one of ordered) if (!taken.has(keyOf(one))) taken.set(keyOf(one), one);
  const kept = [...taken.values()];
  // During an update, the old one is there for a while.
  const dropped = ordered.filter((one) => !kept.includes(one) && !one.isLeaving);
  return { kept, dropped };
}

function isGone(
  member: Member,
  found: readonly Member[],
  allocs: ReadonlyMap<string, WireAllocation>,
  { instances }: DiscoverRead,
): boolean {
  const alloc = allocs.get(member.allocation);
  if (alloc !== undefined && (hasEnded(alloc) || isLeaving(alloc))) return true;
  // It is among those found, or was refused.
  if (instances.some(({ AllocID }) => AllocID === member.allocation)) return true;
  return found.some(
    ({ name, address, createIndex }) =>
      (name === member.name || address === member.address) && createIndex >= member.createIndex,
  );
}

/** Undefined: that it is missing has lasted. */
function stillHeld(
  { missingSince, ...member }: Member,
  isBack: boolean,
  { now, holdMs }: JudgeOptions,
): Member | undefined {
  if (missingSince === undefined || isBack) return { ...member, missingSince: now };
  return now - missingSince >= holdMs ? undefined : { ...member, missingSince };
}

function textOf({ Namespace, JobID, AllocID, Address, Port }: WireInstance): string {
  return `${Namespace}/${JobID} ${shortId(AllocID)} at ${Address}:${Port}`;
}

function otherJob(instance: WireInstance, { job, namespace }: JudgeOptions): Refused {
  const isElsewhere = instance.Namespace !== namespace;
  return {
    reason: isElsewhere ? 'other-namespace' : 'other-job',
    instance: textOf(instance),
    detail: `it isn't of job ${job} in namespace ${namespace}, and gets no request: stop it, or correct haproxy.discover.job`,
  };
}

function elsewhere(namespace: string, { service }: JudgeOptions): Refused {
  return {
    reason: 'other-namespace',
    instance: `${namespace}/${service}`,
    detail: `instances of that namespace get no request: rename that service, or correct haproxy.discover.namespace`,
  };
}

function sameName({ name, address, allocation }: Candidate, { job }: JudgeOptions): Refused {
  return {
    reason: 'same-name',
    instance: `${shortId(allocation)} at ${address}`,
    detail: `another one, not older, is also named ${name}: give each its own tag in job ${job}, such as ${nameTag}edge-\${NOMAD_ALLOC_INDEX}`,
  };
}

function sameAddress({ name, address, allocation }: Candidate, { job }: JudgeOptions): Refused {
  return {
    reason: 'same-address',
    instance: `${name}, ${shortId(allocation)}`,
    detail: `another one, not older, is also at ${address}: give each its own port in job ${job}`,
  };
}
