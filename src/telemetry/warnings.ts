import type { Picture } from '../pass/picture.js';
import { serverText } from './behind.js';

export interface Warning {
  /** A static text; values go into the fields. */
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Logged too, but no reason to say the same warning again. */
  readonly more?: Readonly<Record<string, unknown>>;
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
function heldWarning(picture: Picture, last: Picture | undefined): Warning[] {
  const { held } = picture.rest;
  if (held === undefined || (held.releasable && last?.rest.held === undefined)) return [];
  const fields = { reason: held.reason, instances: held.instances };
  return [{ message: 'removals held', fields, more: { servers: heldServers(picture) } }];
}

/** Maximum number of servers in one log line. */
const maxServers = 50;

function heldServers({ rest: { held }, actual, catalog }: Picture): readonly string[] {
  const ids = new Set(held?.instances);
  const slots = Object.values(actual.backends).flatMap(({ slots }) => slots);
  return slots
    .filter(({ binding }) => binding !== undefined && ids.has(binding.id))
    .slice(0, maxServers)
    .map((slot) => serverText(slot, catalog));
}
