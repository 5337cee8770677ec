import type { Picture } from '../pass/picture.js';

export interface Warning {
  /** A static text; values go into the fields. */
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** All warnings in the picture of a pass. */
export function warningsOf(picture: Picture, last: Picture | undefined): readonly Warning[] {
  const { catalog, rest, degraded } = picture;
  return [
    ...rest.skipped.map(({ service, code, reason, limit }) => ({
      message: 'service skipped',
      fields: { service, code, reason, ...(limit === undefined ? {} : { limit }) },
    })),
    ...rest.warnings.map(({ service, code, message }) => ({
      message: 'service warning',
      fields: { service, code, detail: message },
    })),
    ...catalog.warnings.map(({ code, subject, message }) => ({
      message: 'catalog warning',
      fields: { code, subject, detail: message },
    })),
    ...degraded.map((one) => coded('degraded', one)),
    ...rest.problems.map((one) => coded('problem', one)),
    ...heldWarning(picture, last),
  ];
}

function coded(message: string, one: { readonly code: string; readonly message: string }): Warning {
  return { message, fields: { code: one.code, detail: one.message } };
}

/** A removal that the next read can confirm within a second is normal, so it isn't reported. */
function heldWarning({ rest: { held } }: Picture, last: Picture | undefined): Warning[] {
  if (held === undefined || (held.releasable && last?.rest.held === undefined)) return [];
  return [{ message: 'removals held', fields: { reason: held.reason, instances: held.instances } }];
}
