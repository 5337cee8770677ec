import type { ActualBackend } from '../../actual/types.js';
import { connectorBackendName } from '../../haproxy/names.js';
import type { DesiredBackend } from '../../desired/types.js';
import { asItStands } from './kept-backend.js';
import type { PlanInput } from './input.js';
import {
  type ConfigLine,
  type Reference,
  referencesTo,
  referenceText,
} from '../complete/references.js';
import { aclPrefix } from './routes.js';
import type { Problem } from '../types.js';

export interface ReferencedBackends {
  /** As they stay: without an instance. */
  readonly backends: readonly DesiredBackend[];
  readonly names: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

/**
 * Backends of ours that nobody needs any more, except a line of the operator's. HAProxy would refuse
 * the whole commit without them, and all other changes with it.
 */
export function referencedBackends(
  { actual, settings }: PlanInput,
  live: ReadonlySet<string>,
): ReferencedBackends {
  const leaving = Object.values(actual.backends)
    .filter(({ ours, name }) => ours && !live.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (leaving.length === 0) return { backends: [], names: new Set(), problems: [] };
  const { prefix } = settings.ownership;
  const isOurs = ourLine(actual.backends, prefix);
  const names = leaving.map(({ name }) => name);
  const references = referencesTo(actual.raw, names, isOurs);
  const byName = new Map(references.map((one) => [one.name, one]));
  const staying = leaving.filter(({ name }) => byName.has(name));
  return {
    backends: staying.map((backend) => ({ ...asItStands(backend, {}), endpoints: [] })),
    names: new Set(byName.keys()),
    problems: references.map(problemOf),
  };
}

function problemOf(reference: Reference): Problem {
  return {
    code: 'backend-referenced',
    message:
      `backend ${reference.name} is no longer needed and stays, empty, because your configuration ` +
      `names it: ${referenceText(reference)}. Once that line is gone, it is removed`,
  };
}

/** Lines of our own backends, and rules that have no condition but ACLs of ours. */
function ourLine(backends: Readonly<Record<string, ActualBackend>>, prefix: string) {
  const sections = new Set(
    Object.values(backends)
      .filter(({ ours }) => ours)
      .map(({ name }) => `backend ${name}`),
  );
  sections.add(`backend ${connectorBackendName(prefix)}`);
  const acls = aclPrefix(prefix);
  return ({ section, words }: ConfigLine): boolean => {
    if (sections.has(section)) return true;
    const [keyword, , condition, ...tests] = words;
    if (keyword !== 'use_backend' || condition !== 'if' || tests.length === 0) return false;
    return tests.every((name) => name.startsWith(acls));
  };
}
