/**
 * A line of the event stream. Of its events only names are read: which services, allocations and jobs
 * they are about, and which allocations are worth a look before all else.
 */

import { isLeaving } from './allocation.js';

export interface StreamLine {
  readonly index: number;
  readonly events: readonly StreamEvent[];
}

/** As Nomad sends it; nothing of it is checked. */
export interface StreamEvent {
  readonly Topic?: unknown;
  readonly Namespace?: unknown;
  readonly Key?: unknown;
  readonly FilterKeys?: unknown;
  readonly Payload?: unknown;
}

/** Undefined if it isn't a line of events. */
export function readLine(line: string): StreamLine | undefined {
  try {
    const { Index, Events } = JSON.parse(line) as { Index?: unknown; Events?: unknown };
    if (typeof Index !== 'number' || !Array.isArray(Events) || Events.length === 0)
      return undefined;
    if (!Events.every((event) => typeof event === 'object' && event !== null)) return undefined;
    return { index: Index, events: Events as StreamEvent[] };
  } catch {
    return undefined;
  }
}

export interface NamedService {
  readonly namespace: string;
  readonly name: string;
}

/** The services that its events name; undefined if one doesn't say which. */
export function servicesNamed({ events }: StreamLine): readonly NamedService[] | undefined {
  const named: NamedService[] = [];
  for (const { Topic, Payload } of events) {
    if (Topic !== 'Service') continue;
    const { Service } = (Payload ?? {}) as { Service?: { [key: string]: unknown } | null };
    const { Namespace: namespace, ServiceName: name } = Service ?? {};
    if (typeof namespace !== 'string' || typeof name !== 'string') return undefined;
    named.push({ namespace, name });
  }
  return named;
}

export interface NamedAllocation {
  readonly namespace: string;
  readonly id: string;
}

/** The allocations that stop or are over by what its events say, which may be old or wrong. */
export function leaversNamed({ events }: StreamLine): readonly NamedAllocation[] {
  const named: NamedAllocation[] = [];
  for (const { Topic, Payload } of events) {
    if (Topic !== 'Allocation') continue;
    const { Allocation } = (Payload ?? {}) as { Allocation?: { [key: string]: unknown } | null };
    const { Namespace: namespace, ID: id, ClientStatus, DesiredStatus } = Allocation ?? {};
    if (typeof namespace !== 'string' || typeof id !== 'string') continue;
    const status = { clientStatus: String(ClientStatus), desiredStatus: String(DesiredStatus) };
    if (isLeaving(status)) named.push({ namespace, id });
  }
  return named;
}
