import { compareText } from '../shared/compare.js';
import type { ServiceDeclaration } from '../observe/types.js';
import type { Member } from './endpoints.js';
import { firstOfEach } from './first-of-each.js';

/** The tags of one group of one job. */
export interface TagSet {
  readonly jobId: string;
  /** Empty if unknown. */
  readonly group: string;
  readonly tags: readonly string[];
}

/** The age of a job; MAX_SAFE_INTEGER if it is gone. */
export type JobAge = (jobId: string) => number;

/**
 * The tag sets that count, oldest job first. Versions are only compared within one group of one job,
 * because several groups may offer a service with different tags.
 *
 * | the group has | its tags are those of |
 * |---|---|
 * | instances other than canaries | the newest version among these |
 * | only canaries | the newest version |
 * | no instance | its declaration |
 * An instance without an allocation counts only if nothing else of its job does. Restarts and the order
 * of instances don't change the result.
 */
export function tagSetsOf(
  members: readonly Member[],
  declarations: readonly ServiceDeclaration[],
  ageOf: JobAge,
): readonly TagSet[] {
  const known = members.filter(({ jobVersion }) => jobVersion >= 0);
  const declared = declarations.filter(({ jobId, group }) => !known.some(isOf(jobId, group)));
  const speaking = [...groupsOf(known).flatMap(speakers), ...declared];
  const jobs = new Set(speaking.map(({ jobId }) => jobId));
  const ghosts = members.filter((one) => one.jobVersion < 0 && !jobs.has(one.jobId));
  const sets = [...speaking, ...ghosts].map(({ jobId, group, tags }) => ({ jobId, group, tags }));
  const ordered = sets.sort(
    (a, b) => byGroup(ageOf)(a, b) || compareText(textOf(a.tags), textOf(b.tags)),
  );
  return firstOfEach(ordered, ({ jobId, group, tags }) => JSON.stringify([jobId, group, ...tags]));
}

/** An instance with an unknown group may belong to any group of its job. */
function isOf(jobId: string, group: string) {
  return (member: Member): boolean =>
    member.jobId === jobId && (member.group === group || member.group === '');
}

function groupsOf(members: readonly Member[]): Member[][] {
  const groups = new Map<string, Member[]>();
  for (const member of members) {
    const key = JSON.stringify([member.jobId, member.group]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [member]);
    else group.push(member);
  }
  return [...groups.values()];
}

function speakers(group: readonly Member[]): readonly Member[] {
  const stable = group.filter(({ canary }) => !canary);
  const candidates = stable.length > 0 ? stable : group;
  const newest = candidates.reduce((max, { jobVersion }) => Math.max(max, jobVersion), 0);
  return candidates.filter(({ jobVersion }) => jobVersion === newest);
}

interface OfGroup {
  readonly jobId: string;
  readonly group: string;
}

function byGroup(ageOf: JobAge) {
  return (a: OfGroup, b: OfGroup): number =>
    ageOf(a.jobId) - ageOf(b.jobId) ||
    compareText(a.jobId, b.jobId) ||
    compareText(a.group, b.group);
}

/** Canaries last, then by oldest job, then by newest version. */
export function byAuthority(ageOf: JobAge) {
  return (a: Member, b: Member): number =>
    Number(a.canary) - Number(b.canary) ||
    byGroup(ageOf)(a, b) ||
    b.jobVersion - a.jobVersion ||
    compareText(textOf(a.tags), textOf(b.tags)) ||
    compareText(a.id, b.id);
}

function textOf(tags: readonly string[]): string {
  return tags.join('\n');
}
