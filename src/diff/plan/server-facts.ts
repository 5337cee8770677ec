import type { ActualBackend, ActualState } from '../../actual/types.js';
import { ownCheckPort } from '../../haproxy/slots.js';
import { memoOf } from '../../shared/memo.js';
import { hasCheck } from './backend-plan.js';
import { isWaiting } from './probes.js';

/** What parts of a plan ask of our servers, in one backend or in all. */
export interface ServerFacts {
  /** Their number, by service. */
  readonly sizes: ReadonlyMap<string, number>;
  /** File descriptors that their checks take in the process. */
  readonly checked: number;
  /** Names of those that wait for their check. */
  readonly waiting: readonly string[];
  /** Ids of the instances that they serve or drain. */
  readonly bound: readonly string[];
  readonly drains: boolean;
  /** HAProxy doesn't know one of them yet. */
  readonly hasUnloaded: boolean;
}

const ofEach = memoOf<ServerFacts>();
const ofAll = memoOf<ServerFacts>();

/** Of all backends. Found out once for each that was read, and put together once for all. */
export function serverFacts(actual: Pick<ActualState, 'backends'>): ServerFacts {
  return ofAll(actual.backends, () =>
    together(backendsIn(actual).map((one) => ofEach(one, () => factsOf(one)))),
  );
}

function together(all: readonly ServerFacts[]): ServerFacts {
  const sizes = new Map<string, number>();
  for (const one of all) {
    for (const [service, size] of one.sizes) sizes.set(service, (sizes.get(service) ?? 0) + size);
  }
  return {
    sizes,
    checked: all.reduce((sum, { checked }) => sum + checked, 0),
    waiting: all.flatMap(({ waiting }) => waiting).sort(),
    bound: all.flatMap(({ bound }) => bound),
    drains: all.some(({ drains }) => drains),
    hasUnloaded: all.some(({ hasUnloaded }) => hasUnloaded),
  };
}

const lists = memoOf<readonly ActualBackend[]>();

/** V8 sorts what it lists of an object of so many keys, each time. */
export function backendsIn({ backends }: Pick<ActualState, 'backends'>): readonly ActualBackend[] {
  return lists(backends, () => Object.values(backends));
}

function factsOf(backend: ActualBackend): ServerFacts {
  const { slots } = backend;
  const sizes = new Map<string, number>();
  for (const { service } of slots) sizes.set(service, (sizes.get(service) ?? 0) + 1);
  const bindings = slots.flatMap(({ binding }) => binding ?? []);
  return {
    sizes,
    checked: checkedIn(backend),
    waiting: slots.filter(isWaiting).map(({ name }) => name),
    bound: bindings.map(({ id }) => id),
    drains: bindings.some(({ drainingSince }) => drainingSince !== undefined),
    hasUnloaded: slots.some(({ runtime }) => runtime === undefined),
  };
}

/** One for a server with a check, another where its line names a port for that. */
function checkedIn({ ours, section, slots }: ActualBackend): number {
  const isChecked = ours && hasCheck(section);
  return slots.reduce((all, { runtime, fields, config }) => {
    const check = ours ? isChecked : fields['check'] === 'enabled';
    if (runtime === undefined || !check) return all;
    return all + (ownCheckPort(config) === undefined ? 1 : 2);
  }, 0);
}
