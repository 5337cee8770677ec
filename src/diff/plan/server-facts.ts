import type { ActualBackend, ActualSlot, ActualState } from '../../actual/types.js';
import { ownCheckPort } from '../../haproxy/slots.js';
import { memoOf } from '../../shared/memo.js';
import { hasCheck } from './backend-plan.js';

/** What parts of a plan ask of our servers in HAProxy, whatever their backend. */
export interface ServerFacts {
  /** Their number, by service. */
  readonly sizes: ReadonlyMap<string, number>;
  /** File descriptors that their checks take in the process. */
  readonly checked: number;
  /** Names of those that wait for their check, sorted. */
  readonly waiting: readonly string[];
  /** Ids of the instances that they serve or drain. */
  readonly bound: readonly string[];
  readonly drains: boolean;
  /** HAProxy doesn't know one of them yet. */
  readonly hasUnloaded: boolean;
}

const known = memoOf<ServerFacts>();

/** Found out once for the backends that were read. */
export function serverFacts(actual: Pick<ActualState, 'backends'>): ServerFacts {
  return known(actual.backends, () => factsOf(backendsIn(actual)));
}

function factsOf(backends: readonly ActualBackend[]): ServerFacts {
  const sizes = new Map<string, number>();
  const waiting: string[] = [];
  const bound: string[] = [];
  let drains = false;
  let hasUnloaded = false;
  for (const { slots } of backends) {
    for (const slot of slots) {
      const { name, service, binding, runtime } = slot;
      sizes.set(service, (sizes.get(service) ?? 0) + 1);
      if (isWaiting(slot)) waiting.push(name);
      if (binding !== undefined) bound.push(binding.id);
      drains ||= binding?.drainingSince !== undefined;
      hasUnloaded ||= runtime === undefined;
    }
  }
  const checked = backends.reduce((all, backend) => all + checkedIn(backend), 0);
  return { sizes, checked, waiting: waiting.sort(), bound, drains, hasUnloaded };
}

/** HAProxy has it DOWN and ready: only its check is between it and traffic. */
export function isWaiting({ runtime }: ActualSlot): boolean {
  return runtime?.admin === 'ready' && runtime.operational !== 'up';
}

const lists = memoOf<readonly ActualBackend[]>();

/** V8 sorts what it lists of an object of so many keys, each time. */
export function backendsIn({ backends }: Pick<ActualState, 'backends'>): readonly ActualBackend[] {
  return lists(backends, () => Object.values(backends));
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
