import type { ActualState } from '../../actual/types.js';
import { excess } from '../../desired/limits.js';
import type { DesiredBackend, KeptService, Skipped } from '../../desired/types.js';
import { keptOf } from './conflicts.js';
import type { PlanInput } from './input.js';
import { withoutServices } from './skipped.js';
import { idealSize } from './slots.js';

/**
 * Each server with a check takes a file descriptor of HAProxy's, and each connection two. Small
 * settings of `maxconn` say nothing about what the process could have.
 */
const share = 0.5;
const atLeast = 1000;

function mostServers({ actual, settings }: PlanInput): number {
  const { serversTotal } = settings.limits;
  const { maxSockets = Infinity } = actual.haproxy;
  return serversTotal ?? Math.max(atLeast, Math.floor(maxSockets * share));
}

/**
 * Skips services that need more servers than there is room for. What runs comes first, then the
 * order of names, so the result doesn't change from pass to pass.
 */
export function withinServers(input: PlanInput): PlanInput {
  const { actual, desired } = input;
  const most = mostServers(input);
  let used = serversIn(actual);
  const skipped: Skipped[] = [];
  const kept: KeptService[] = [];
  const sized = desired.backends.map((backend) => sizeOf(backend, input));
  const growth = sized.reduce((sum, { have, ideal }) => sum + Math.max(0, ideal - have), 0);
  if (used + growth <= most) return input;
  for (const { backend, have, instances, ideal } of sized.sort((a, b) => b.have - a.have)) {
    const more = Math.max(0, ideal - have);
    const fits = isRoom(have, instances);
    if (fits || more === 0 || used + more <= most) {
      used += fits ? 0 : more;
      continue;
    }
    const { limit, reason } = excess('servers_total', `${more} servers more than ${used}`, most);
    const { service, name } = backend;
    const why = `service ${service}: ${reason}`;
    skipped.push({ service, code: 'limit-exceeded', limit, reason: why, backend: name });
    kept.push(within(keptOf(backend), have));
  }
  return withoutServices(input, skipped, kept);
}

/** A backend without servers is new: even without instances it would be created with spare ones. */
function isRoom(have: number, instances: number): boolean {
  return have > 0 && instances <= have;
}

/** Needs no more servers than it has, so that no limit on all of them skips it. */
export function hasRoom(backend: DesiredBackend, input: PlanInput): boolean {
  const { have, instances } = sizeOf(backend, input);
  return isRoom(have, instances);
}

function serversIn({ backends }: ActualState): number {
  return Object.values(backends).reduce(
    (sum, { slots, others = [], foreign = [] }) =>
      sum + slots.length + others.length + foreign.length,
    0,
  );
}

function sizeOf(backend: DesiredBackend, { actual, settings }: PlanInput) {
  const { endpoints, expected = 0, name, service } = backend;
  const slots = actual.backends[name]?.slots ?? [];
  const have = slots.filter((slot) => slot.service === service).length;
  const present = endpoints.filter(({ phase }) => phase !== 'drain').length;
  const instances = Math.max(present, expected);
  const most = settings.limits.serversPerBackend;
  return { backend, have, instances, ideal: idealSize(instances, { ...settings.slots, most }) };
}

/** It gets no more servers than it has: its oldest instances stay. */
function within(kept: KeptService, have: number): KeptService {
  const { endpoints, expected = 0 } = kept;
  const oldest = [...endpoints].sort((a, b) => a.createIndex - b.createIndex).slice(0, have);
  const ids = new Set(oldest.map(({ id }) => id));
  return {
    ...kept,
    endpoints: endpoints.filter(({ id }) => ids.has(id)),
    expected: Math.min(expected, have),
  };
}
