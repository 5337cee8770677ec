import type { Picture } from '../../../pass/picture.js';
import { fixes } from '../../../doctor/model/fixes.js';
import type { FailedPass, Notice } from './types.js';

/** What somebody should look at: what blocks first, then what weakens. */
export function noticesOf(
  picture: Picture | undefined,
  failure: FailedPass | undefined,
): readonly Notice[] {
  const failed: readonly Notice[] = failure === undefined ? [] : [failureNotice(failure)];
  if (picture === undefined) return failed;
  const { rest, degraded, catalog } = picture;
  return [
    ...failed,
    ...rest.problems.map(({ code, message }): Notice => {
      return { level: 'error', kind: 'problem', code, message, fix: fixes[code] };
    }),
    ...heldNotice(picture),
    ...degraded.map(({ code, message }): Notice => {
      return { level: 'warning', kind: 'degraded', code, message, fix: fixes[code] };
    }),
    ...rest.skipped.map(({ service, code, reason }): Notice => {
      return { level: 'error', kind: 'skipped', code, subject: service, message: reason };
    }),
    ...rest.warnings.map(({ service, code, message }): Notice => {
      return { level: 'warning', kind: 'warning', code, subject: service, message };
    }),
    ...catalog.warnings.map(({ code, subject, message }): Notice => {
      return { level: 'warning', kind: 'warning', code, subject, message };
    }),
  ];
}

function failureNotice({ code, reason: message }: FailedPass): Notice {
  const notice = { level: 'error', kind: 'failure', code, message } as const;
  return isKnown(code) ? { ...notice, fix: fixes[code] } : notice;
}

function isKnown(code: string): code is keyof typeof fixes {
  return Object.hasOwn(fixes, code);
}

function heldNotice({ rest: { held } }: Picture): readonly Notice[] {
  if (held === undefined) return [];
  const { instances, backends, reason } = held;
  const message = `the removal of ${instances.length} servers and ${backends.length} backends is held: ${reason}`;
  const fix = held.releasable
    ? 'nothing: a second read of Nomad that agrees releases it'
    : 'if it is right that they are gone, run once with --allow-removals';
  return [{ level: 'warning', kind: 'held', code: 'removals-held', message, fix }];
}
