import type { CheckDefaults } from '../config/types.js';
import type { CheckSpec } from '../observe/types.js';
import { type MemberCheck, type MergedCheck, mergeChecks } from './check-merge.js';
import { memoLast } from '../shared/memo.js';
import { type Check, resolveCheck } from './checks.js';
import type { Member } from './endpoints.js';
import type { Tags } from './vocabulary.js';

export interface CheckedMember {
  readonly member: Member;
  /** Its own tags if valid, otherwise the service's. */
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
  /** Newest first. */
  readonly members: readonly CheckedMember[];
  readonly tags: Tags;
  readonly declared: readonly CheckSpec[];
  readonly defaults: CheckDefaults;
  readonly leastIntervalMs: number;
  readonly host: string;
  /** Methods that a job spec's check may use; absent: any. */
  readonly methods?: readonly string[];
}

/**
 * Checks each instance as its own job version says. If that spec can't be read, another instance's
 * check is used. Without one, the backend keeps its check.
 */
export function serviceCheck(input: ServiceCheckInput): ServiceCheck {
  const { defaults, leastIntervalMs, host, tags, declared } = input;
  const methods = input.methods === undefined ? {} : { methods: input.methods };
  // Most instances of a service run the same version.
  const resolve = memoLast((specs: readonly CheckSpec[], own: Tags) =>
    resolveCheck({ specs, tags: own, defaults, leastIntervalMs, host, ...methods }),
  );
  const known: MemberCheck[] = input.members.map(({ member, tags: own }) => ({
    id: member.id,
    check: resolve(specsFor(member, input.members) ?? noSpecs, own),
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

const noSpecs: readonly CheckSpec[] = [];

/**
 * The member's own checks, otherwise the newest readable member's, preferably of the same version.
 */
function specsFor(member: Member, all: readonly CheckedMember[]): readonly CheckSpec[] | undefined {
  if (member.spec.status === 'known') return member.spec.checks;
  const readable = all.map((other) => other.member).filter(({ spec }) => spec.status === 'known');
  const same = readable.find(
    ({ jobId, jobVersion }) => jobId === member.jobId && jobVersion === member.jobVersion,
  );
  const spec = (same ?? readable[0])?.spec;
  return spec?.status === 'known' ? spec.checks : undefined;
}

/** Whether tags alone define the check. In a custom backend, the operator decides its kind. */
function sayAll(tags: Tags, custom: boolean): boolean {
  const { checkType, checkPath, checkMethod, checkHost, checkExpect } = tags;
  if (tags.checkDisabled === true) return true;
  if (custom) return tags.checkInterval !== undefined && tags.checkPort !== undefined;
  return (checkType ?? checkPath ?? checkMethod ?? checkHost ?? checkExpect) !== undefined;
}

/** Skips members whose process is gone, unless there are no others. */
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
