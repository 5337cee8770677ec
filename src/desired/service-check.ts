import type { CheckDefaults } from '../config/types.js';
import type { CheckSpec } from '../observe/types.js';
import { type MemberCheck, type MergedCheck, mergeChecks } from './check-merge.js';
import { type Check, resolveCheck } from './checks.js';
import type { Member } from './endpoints.js';
import type { Tags } from './vocabulary.js';

export interface CheckedMember {
  readonly member: Member;
  /** Its own, where they can be read; else the service's. */
  readonly tags: Tags;
}

export interface ServiceCheck {
  readonly merged: MergedCheck;
  /** By member id. */
  readonly checks: Readonly<Record<string, Check>>;
  readonly keepCheck: boolean;
  readonly unreadable: readonly string[];
}

export interface ServiceCheckInput {
  /** The newest first. */
  readonly members: readonly CheckedMember[];
  readonly tags: Tags;
  readonly declared: readonly CheckSpec[];
  readonly defaults: CheckDefaults;
  readonly host: string;
}

/**
 * Each instance as the job version that it runs says. A spec that can't be read says nothing about
 * the check: another instance's stands in for it, and without one the backend keeps what it has.
 */
export function serviceCheck(input: ServiceCheckInput): ServiceCheck {
  const { defaults, host, tags, declared } = input;
  const resolve = (specs: readonly CheckSpec[], own: Tags) =>
    resolveCheck({ specs, tags: own, defaults, host });
  const known: MemberCheck[] = input.members.map(({ member, tags: own }) => ({
    id: member.id,
    check: resolve(specsFor(member, input.members) ?? [], own),
  }));
  const lost = defaults.fromJobSpec
    ? input.members.filter(({ member }) => member.spec.status === 'unreadable')
    : [];
  const keepCheck = lost.some(
    ({ member, tags: own }) =>
      specsFor(member, input.members) === undefined && !sayAll(own, tags.backend === 'custom'),
  );
  return {
    merged: merge(living(known, input.members), () => resolve(declared, tags), keepCheck),
    checks: Object.fromEntries(known.map(({ id, check }) => [id, check])),
    keepCheck,
    unreadable: lost.map(({ member }) => unreadableReason(member)),
  };
}

/** The member's own, else those of the newest readable member, of its own version if there is one. */
function specsFor(member: Member, all: readonly CheckedMember[]): readonly CheckSpec[] | undefined {
  if (member.spec.status === 'known') return member.spec.checks;
  const readable = all.map((other) => other.member).filter(({ spec }) => spec.status === 'known');
  const same = readable.find(
    ({ jobId, jobVersion }) => jobId === member.jobId && jobVersion === member.jobVersion,
  );
  const spec = (same ?? readable[0])?.spec;
  return spec?.status === 'known' ? spec.checks : undefined;
}

/** The tags alone say how to check; in a custom backend the kind of check is the operator's. */
function sayAll(tags: Tags, custom: boolean): boolean {
  const { checkType, checkPath, checkMethod, checkHost, checkExpect } = tags;
  if (tags.checkDisabled === true) return true;
  if (custom) return tags.checkInterval !== undefined && tags.checkPort !== undefined;
  return (checkType ?? checkPath ?? checkMethod ?? checkHost ?? checkExpect) !== undefined;
}

/** Those whose process is gone need no check, unless there is no other. */
function living(checks: readonly MemberCheck[], members: readonly CheckedMember[]) {
  const alive = checks.filter((_, index) => members[index]?.member.terminal === false);
  return alive.length > 0 ? alive : checks;
}

function merge(checks: readonly MemberCheck[], declared: () => Check, keepCheck: boolean) {
  const [first, ...others] = checks;
  const merged: MergedCheck =
    first === undefined ? alone(declared()) : mergeChecks([first, ...others]);
  if (!keepCheck) return merged;
  const { check, fallbacks } = merged;
  return { check: { ...check, shape: { kind: 'tcp' } as const }, fallbacks };
}

function alone(check: Check): MergedCheck {
  return { check, fallbacks: check.fallbacks };
}

function unreadableReason({ id, spec }: Member): string {
  return `${id}: ${spec.status === 'unreadable' ? spec.reason : ''}`;
}
