import type { ActualBackend } from '../../actual/types.js';
import { ConnectorError } from '../../shared/errors.js';
import { connectorBackendName } from '../../haproxy/names.js';
import type { BackendContext, BackendPlan } from './backend-plan.js';
import { planCustomBackend } from './custom-backend.js';
import { asItStands, serversAsTheyStand } from './kept-backend.js';
import { planBackend } from './own-backend.js';
import { byKind, type HandlersOf, isStructureRemoval } from '../dispatch.js';
import type { PlanInput } from './input.js';
import {
  type ConfigLine,
  type Reference,
  referencesTo,
  referenceText,
} from '../complete/references.js';
import { aclPrefix } from './routes.js';
import type { DeleteBackend, DeleteServer, Problem, Step } from '../types.js';

export interface Referenced {
  /** Backends, and servers in operator's backends, that stay without an instance. */
  readonly planned: readonly BackendPlan[];
  /** What can be removed. */
  readonly removals: readonly Step[];
  readonly problems: readonly Problem[];
}

/**
 * Keeps what only an operator's line still references, because without it HAProxy would reject the
 * whole commit, and what `sync.policy` keeps. What stays has no instance.
 */
export function keepReferenced(
  { actual, settings }: PlanInput,
  removals: readonly Step[],
  context: BackendContext,
): Referenced {
  const leaving = removals.filter(isStructureRemoval);
  if (leaving.length === 0) return { planned: [], removals, problems: [] };
  const held = new Set(leaving.filter(context.isHeld).map(groupOf));
  const others = leaving.filter((step) => !held.has(groupOf(step)));
  const isOurs = ourLine(actual.backends, settings.ownership.prefix);
  const references = new Map(
    referencesTo(actual.raw, others.map(nameOf), isOurs).map((one) => [one.name, one] as const),
  );
  const named = others.filter((step) => references.has(nameOf(step))).map(groupOf);
  const staying = new Set([...held, ...named]);
  // Held servers are as many as before, even if HAProxy reloads anyway.
  const contextFor = (group: string) =>
    held.has(group) ? { ...context, reloadsAnyway: false } : context;
  return {
    planned: [...staying].sort().map((group) => emptied(actual.backends, group, contextFor(group))),
    removals: removals.filter((step) => !isStructureRemoval(step) || !staying.has(groupOf(step))),
    problems: others.flatMap((step) => {
      const reference = references.get(nameOf(step));
      return reference === undefined ? [] : [problemOf(step, reference)];
    }),
  };
}

type Removal = DeleteBackend | DeleteServer;

type OfRemoval = HandlersOf<Removal['kind'], string>;

function nameOf(step: Removal): string {
  return byKind(step, names);
}

const names: OfRemoval = {
  'delete-backend': ({ backend }) => backend,
  'delete-server': ({ before }) => before.name,
};

/** A service's servers in an operator's backend stay together. */
function groupOf(step: Removal): string {
  return byKind(step, groups);
}

const groups: OfRemoval = {
  'delete-backend': ({ backend }) => backend,
  'delete-server': ({ backend, service }) => `${backend} ${service}`,
};

function emptied(
  backends: Readonly<Record<string, ActualBackend>>,
  group: string,
  context: BackendContext,
): BackendPlan {
  const [name = '', service] = group.split(/ (.*)/s);
  const backend = backends[name];
  if (backend === undefined) throw new ConnectorError('internal', `no backend ${name}`);
  if (service === undefined) {
    return planBackend({ ...asItStands(backend, {}), endpoints: [] }, backend, context);
  }
  const standing = { ...serversAsTheyStand(backend, service, {}), endpoints: [] };
  // A reload for another reason must not remove them.
  return planCustomBackend(standing, backend, { ...context, reloadsAnyway: false });
}

function problemOf(step: Removal, reference: Reference): Problem {
  const what: string = byKind(step, descriptions);
  const line = referenceText(reference);
  return {
    code: 'backend-referenced',
    message:
      `${what} is no longer needed but stays, empty, because your configuration names it: ` +
      `${line}. Once that line is gone, it is removed`,
  };
}

const descriptions: OfRemoval = {
  'delete-backend': ({ backend }) => `backend ${backend}`,
  'delete-server': ({ backend, before }) => `server ${before.name} of backend ${backend}`,
};

/** Lines of our own backends, and rules whose only conditions are our ACLs. */
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
