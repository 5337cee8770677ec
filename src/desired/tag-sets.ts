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
 * An instance without an allocation counts only if nothing else of its job does. Of groups with the same
 * tags the first counts: thousands of them say no more than one. Restarts and the order of instances
 * don't change the result.
 */
export function tagSetsOf(
  members: readonly Member[],
  declarations: readonly ServiceDeclaration[],
  ageOf: JobAge,
): readonly TagSet[] {
  const known = members.filter(({ jobVersion }) => jobVersion >= 0);
  const running = new Set(known.map(groupKey));
  const declared = declarations.filter(
    // An instance with an unknown group may belong to any group of its job.
    ({ jobId, group }) =>
      !running.has(groupKey({ jobId, group })) && !running.has(groupKey({ jobId, group: '' })),
  );
  const speaking = [...groupsOf(known).flatMap(speakers), ...declared];
  const jobs = new Set(speaking.map(({ jobId }) => jobId));
  const ghosts = members.filter((one) => one.jobVersion < 0 && !jobs.has(one.jobId));
  const sets = [...speaking, ...ghosts].map(({ jobId, group, tags }) => ({ jobId, group, tags }));
  const byJob = byGroup(ageOf);
  const ordered = sets.sort((a, b) => byJob(a, b) || byTags(a, b));
  return firstOfEach(ordered, ({ tags }) => textOf(tags));
}

function groupKey({ jobId, group }: OfGroup): string {
  return `${jobId.length} ${jobId} ${group}`;
}

function groupsOf(members: readonly Member[]): Member[][] {
  const groups = new Map<string, Member[]>();
  for (const member of members) {
    const key = groupKey(member);
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
  const byJob = byGroup(ageOf);
  return (a: Member, b: Member): number =>
    Number(a.canary) - Number(b.canary) ||
    byJob(a, b) ||
    b.jobVersion - a.jobVersion ||
    byTags(a, b) ||
    compareText(a.id, b.id);
}

function byTags({ tags: a }: Pick<Member, 'tags'>, { tags: b }: Pick<Member, 'tags'>): number {
  return a === b ? 0 : compareText(textOf(a), textOf(b));
}

function textOf(tags: readonly string[]): string {
  return tags.join('\n');
}
