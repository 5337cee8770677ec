import type { ActualBackend, ActualState } from '../../actual/types.js';
import type { Settings } from '../../config/types.js';
import type { DesiredBackend, KeptService, Skipped } from '../../desired/types.js';
import { keptOf } from './conflicts.js';
import { serverRoom, type ServerRoom } from './descriptors.js';
import type { PlanInput } from './input.js';
import { serverFacts } from './server-facts.js';
import { type Claim, shareSlots } from './share-slots.js';
import { withoutServices } from './skipped.js';
import { neededSize, usualSize } from './slots.js';
import { mapInSlices, type Sliced } from '../../shared/slices.js';
import type { Problem } from '../types.js';

/** The servers of all services, within what HAProxy can hold. */
export interface SizedInput extends PlanInput {
  /** The most servers of each service, where not all can have their spares. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** What the operator should know of that. */
  readonly shortage?: Problem;
}

/**
 * Skips services whose instances have no room, and says how many servers each of the others may have.
 * What runs comes first, then the order of names, so the result doesn't change from pass to pass.
 */
export function* withinServers(
  input: PlanInput,
  memory: ClaimMemory = { known: new WeakMap() },
): Sliced<SizedInput> {
  const { actual, desired, settings } = input;
  const { serversTotal } = settings.limits;
  const room = serverRoom(
    actual,
    desired,
    input.refused,
    serversTotal && ownTotal(serversTotal, actual),
  );
  yield;
  const { sizes: have } = serverFacts(actual);
  yield;
  if (memory.settings !== settings) {
    memory.settings = settings;
    memory.known = new WeakMap();
  }
  const claims = yield* mapInSlices(desired.backends, (backend) =>
    rememberedClaim(backend, input, memory),
  );
  const others = standing(have, claims);
  const all = sum(claims, ({ wish }) => wish) + others;
  yield;
  const { served, skipped, kept } = withinRoom(claims, others, room);
  yield;
  const left = withoutServices(input, skipped, kept);
  yield;
  const sizes = shareSlots(served, room.most - standing(have, served));
  yield;
  const shortage = shortageOf(input, room, all);
  return {
    ...left,
    ...(sizes === undefined ? {} : { sizes: { ...Object.fromEntries(have), ...sizes } }),
    ...(shortage === undefined ? {} : { shortage }),
  };
}

type Sized = Claim & { readonly backend: DesiredBackend };

/** Claims as of the last plan, which depend on a backend's two states and the settings. */
export interface ClaimMemory {
  settings?: Settings;
  known: WeakMap<
    DesiredBackend,
    { readonly there: ActualBackend | undefined; readonly claim: Sized }
  >;
}

function rememberedClaim(backend: DesiredBackend, input: PlanInput, memory: ClaimMemory): Sized {
  const there = input.actual.backends[backend.name];
  const before = memory.known.get(backend);
  if (before !== undefined && before.there === there) return before.claim;
  const claim = claimOf(backend, there, input);
  memory.known.set(backend, { there, claim });
  return claim;
}

interface Within {
  readonly served: readonly Sized[];
  readonly skipped: readonly Skipped[];
  readonly kept: readonly KeptService[];
}

function withinRoom(claims: readonly Sized[], others: number, { most, limit }: ServerRoom): Within {
  const [served, skipped, kept]: [Sized[], Skipped[], KeptService[]] = [[], [], []];
  let used = others + sum(claims, ({ have, need }) => Math.min(have, need));
  const running = claims.filter(({ have }) => have > 0);
  for (const claim of [...running, ...claims.filter(({ have }) => have === 0)]) {
    const { backend, have, need } = claim;
    const more = Math.max(0, need - have);
    if (more === 0 || used + more <= most) {
      used += more;
      served.push(claim);
      continue;
    }
    const { service, name } = backend;
    const what = `${more} servers more than ${used}`;
    const bound = `limits.servers_total is ${most}${limit === undefined ? '' : `, of HAProxy's ${limit} file descriptors`}`;
    const reason = `service ${service}: ${what}; ${bound}`;
    skipped.push({
      service,
      code: 'limit-exceeded',
      limit: 'servers_total',
      reason,
      backend: name,
    });
    kept.push(within(keptOf(backend), have));
  }
  return { served, skipped, kept };
}

/** Its instances have servers, so that no limit on all of them skips it. */
export function hasRoom(backend: DesiredBackend, input: PlanInput): boolean {
  const { have, need } = claimOf(backend, input.actual.backends[backend.name], input);
  return need <= have;
}

function claimOf(
  backend: DesiredBackend,
  there: ActualBackend | undefined,
  { settings }: PlanInput,
): Sized {
  const { endpoints, service } = backend;
  const slots = there?.slots.filter((slot) => slot.service === service) ?? [];
  const need = neededSize(slots, endpoints);
  const most = settings.limits.serversPerBackend;
  const wish = Math.max(need, usualSize(backend, { ...settings.slots, most }));
  const asked = Math.min(wish, Math.max(need, backend.expected ?? 0));
  return { backend, service, have: slots.length, need, asked, wish };
}

/** Servers that stay as they are: of services that are skipped, held or about to go. */
function standing(sizes: ReadonlyMap<string, number>, claims: readonly Claim[]): number {
  const left = new Map(sizes);
  for (const { service } of claims) left.delete(service);
  return sum([...left.values()], (size) => size);
}

/** The setting counts everybody's servers. */
function ownTotal(total: number, { backends }: ActualState): number {
  const theirs = sum(
    Object.values(backends),
    ({ others = [], foreign = [] }) => others.length + foreign.length,
  );
  return Math.max(0, total - theirs);
}

function shortageOf(
  input: PlanInput,
  { most, limit }: ServerRoom,
  wanted: number,
): Problem | undefined {
  if (wanted <= most) return undefined;
  const { serversTotal } = input.settings.limits;
  const [why, advice] =
    limit === undefined || most === ownTotal(serversTotal ?? Infinity, input.actual)
      ? serversTotal === undefined
        ? [`at most ${most} are made where HAProxy tells no limit`, 'set fd-hard-limit in global']
        : [`limits.servers_total allows ${most}`, 'raise it']
      : [
          `HAProxy has file descriptors for ${most} (its limit is ${limit})`,
          howToRaise(input.actual, wanted - most),
        ];
  return {
    code: 'servers-short',
    message:
      `about ${aboutOf(wanted)} servers are wanted, spare ones included, and ${why}: backends have ` +
      `fewer spare servers, so deploys can reload HAProxy. To have them all, ${advice}`,
  };
}

/** Each connection of `maxconn` reserves two descriptors. */
function howToRaise({ global }: ActualState, missing: number): string {
  const { maxConnections, fdHardLimit } = global;
  const what = [
    'LimitNOFILE or ulimit -n',
    ...(fdHardLimit === undefined ? [] : ['fd-hard-limit']),
  ];
  const raise = `raise HAProxy's limit (${what.join(', ')})`;
  if (maxConnections === undefined || maxConnections * 2 <= missing) return raise;
  return `${raise}, or lower maxconn from ${maxConnections}`;
}

/** Three digits: the message stays the same while services come and go. */
function aboutOf(count: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, count))) - 2);
  return Math.ceil(count / unit) * unit;
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

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((all, item) => all + of(item), 0);
}
