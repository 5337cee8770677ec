import type { Settings } from '../../config/types.js';
import { absentCanary } from '../../observe/discover/model/canary.js';
import { nameRule } from '../../observe/discover/model/names.js';
import type { Judged } from '../../observe/discover/model/types.js';
import { type Finding, type Lack, ok, warning } from '../types.js';

/** Of the first line that needs a HAProxy. */
export function targetsLack(reason: string): Lack {
  return {
    says: reason,
    fix: 'let the job run, register its Data Plane API as that service with provider "nomad", or correct haproxy.discover',
    short: 'no HAProxy is known',
  };
}

export function judgeDiscovered(
  judged: Judged | undefined,
  rollout: Settings['rollout'],
): readonly Finding[] {
  if (judged === undefined) return [ok('the settings name the HAProxies')];
  const { members, refused, badNames } = judged;
  const canary = absentCanary(judged, rollout);
  const used = members.map(({ name, address }) => `${name} at ${address}`).join(', ');
  return [
    ok(`${members.length} found: ${used}`),
    ...refused.map(({ reason, instance, detail }) =>
      warning(`${instance} is not used (${reason})`, detail),
    ),
    ...badNames.map((tag) => warning(`tag ${tag} has no usable name`, nameRule)),
    ...(canary === undefined
      ? []
      : [
          warning(
            `rollout.canary ${canary} is none of them`,
            'correct it, or let that HAProxy run; until then, the first by name is the canary',
          ),
        ]),
  ];
}
