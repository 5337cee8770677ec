import { createHash } from 'node:crypto';

import type { ActualBackend, ActualFrontend, OtherServer } from '../../actual/types.js';
import type { DesiredBackend } from '../../desired/types.js';
import { type JsonObject, textAt } from '../../shared/json.js';
import type { PlanInput } from '../plan/input.js';
import { type ConfigLine, referencesTo } from './references.js';
import type { PlannedSlot, Problem, Step } from '../types.js';

/**
 * What the original connector created for currently desired services. With `--adopt`, it is removed in the transaction that creates ours, so that no request falls in between.
 *
 * | the original's | its name | belongs to the service when |
 * |---|---|---|
 * | backend | the service's, `-` as `_` | all its servers do, or one of its rules leads to it |
 * | server | `<that>_<address, . as _>_<port>` | its address and port say the same |
 * | ACL | `is_<backend>_<8 digits>` | the digits are its domain's hash |
 * | rule | none: `use_backend <backend> if <ACL>` | both are |
 */
export interface Adoption {
  /** Backends to remove, with the service that replaces them. */
  readonly backends: ReadonlyMap<string, string>;
  /** `<frontend> <name>` of ACLs to remove. */
  readonly acls: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

const nothing: Adoption = { backends: new Map(), acls: new Set(), problems: [] };

export function findAdoption({ actual, desired, settings }: PlanInput): Adoption {
  if (!settings.ownership.adopt) return nothing;
  const frontends = Object.values(actual.frontends);
  const backends = new Map<string, string>();
  const acls = new Set<string>();
  const problems: Problem[] = [];
  for (const { kind, name, service } of desired.backends) {
    const legacy = kind === 'dynamic' ? actual.backends[legacyName(service) ?? ''] : undefined;
    if (legacy === undefined || legacy.name === name || backends.has(legacy.name)) continue;
    const own = frontends.flatMap((frontend) => legacyAcls(legacy.name, frontend));
    const isRouted = frontends.some((one) => one.rules.some((rule) => leads(rule, legacy, own)));
    if (!isLegacy(legacy, isRouted)) continue;
    const reference = foreignReference(actual.raw, legacy.name, own);
    if (reference === undefined) {
      backends.set(legacy.name, service);
      for (const { frontend, acl } of own) acls.add(`${frontend} ${acl}`);
    } else {
      const message = `backend ${legacy.name} can't be adopted: "${reference}" is not the connector's`;
      problems.push({ code: 'not-adopted', message });
    }
  }
  return { backends, acls, problems };
}

/** Undefined for a route file, which the original didn't have. */
function legacyName(service: string): string | undefined {
  const name = /^[^/:]+\/(.+)$/s.exec(service)?.[1];
  return name?.replaceAll('-', '_');
}

function legacyServerName(backend: string, { address, port }: OtherServer): string {
  return `${backend}_${address.replaceAll('.', '_')}_${port}`;
}

function isLegacy(actual: ActualBackend, isRouted: boolean): boolean {
  const { name, ours, slots, foreign = [], foreignService, others = [] } = actual;
  if (ours || foreignService !== undefined || slots.length + foreign.length > 0) return false;
  if (others.length === 0) return isRouted;
  return others.every((server) => server.name === legacyServerName(name, server));
}

interface OwnAcl {
  readonly frontend: string;
  readonly acl: string;
}

function legacyAcls(backend: string, { name, acls }: ActualFrontend): OwnAcl[] {
  return acls
    .filter((rule) => {
      const domain = textAt(rule, 'value').replace(/^-m reg /, '');
      const hash = createHash('sha256').update(domain).digest('hex').slice(0, 8);
      return textAt(rule, 'acl_name') === `is_${backend.replaceAll('-', '_')}_${hash}`;
    })
    .map((rule) => ({ frontend: name, acl: textAt(rule, 'acl_name') }));
}

function leads(rule: JsonObject, { name }: ActualBackend, own: readonly OwnAcl[]): boolean {
  const test = textAt(rule, 'cond_test').trim();
  return textAt(rule, 'name') === name && own.some(({ acl }) => acl === test);
}

/**
 * An operator's line that references something to remove, so that the configuration would break.
 */
function foreignReference(
  raw: string,
  backend: string,
  own: readonly OwnAcl[],
): string | undefined {
  const acls = new Set(own.map(({ acl }) => acl));
  const isOwn = ({ section, words }: ConfigLine): boolean => {
    const [keyword, first = '', word = '', last = ''] = words;
    if (section === `backend ${backend}`) return true;
    if (keyword === 'acl' && acls.has(first)) return true;
    return keyword === 'use_backend' && first === backend && word === 'if' && acls.has(last);
  };
  return referencesTo(raw, [backend, ...acls], isOwn)[0]?.text;
}

export function adoptedBackendSteps({ backends }: Adoption): readonly Step[] {
  return [...backends].sort().map(([backend, service]) => ({
    kind: 'delete-backend',
    route: 'transaction',
    reload: 'removed-backend',
    reason: `adopted backend ${backend}`,
    backend,
    service: `${service}: adopted`,
    before: [],
  }));
}

/** The original's servers in an operator's backend that a custom service joins. */
export function adoptedServers(
  { kind, service }: DesiredBackend,
  actual: ActualBackend,
  adopt: boolean,
): readonly OtherServer[] {
  const name = legacyName(service);
  if (!adopt || kind !== 'custom' || name === undefined) return [];
  return (actual.others ?? []).filter((one) => one.name === legacyServerName(name, one));
}

/** Slots whose instance already serves under the original's server name stay UP. */
export function takenOver(
  slots: readonly PlannedSlot[],
  before: readonly OtherServer[],
): readonly PlannedSlot[] {
  const serving = new Set(
    before
      .filter(({ runtime }) => runtime?.admin === 'ready' && runtime.operational === 'up')
      .map(({ address, port }) => `${address} ${port}`),
  );
  return slots.map((slot) =>
    slot.binding !== undefined && serving.has(`${slot.config.address} ${slot.config.port}`)
      ? { ...slot, servesAlready: true }
      : slot,
  );
}
