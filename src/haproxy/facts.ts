import type { Listener } from './listeners.js';
import type { HostMatch } from './map-names.js';

/** What the desired state must know of HAProxy. Plain data. */
export interface HaproxyFacts {
  /** Hosts that the operator's rules name. */
  readonly operatorHosts: readonly OperatorHost[];
  /** Backends that aren't ours, with the highest weight of the operator's servers there. */
  readonly operatorBackends: Readonly<Record<string, number>>;
  /** Services that have a backend or servers. */
  readonly served: readonly string[];
  /** The operator's backends in which a service has servers, by `namespace/service`. */
  readonly joined: Readonly<Record<string, readonly string[]>>;
  /** Where HAProxy itself listens. */
  readonly listeners: readonly Listener[];
}

export interface OperatorHost {
  readonly frontend: string;
  readonly match: HostMatch;
  readonly host: string;
}

export const noFacts: HaproxyFacts = {
  operatorHosts: [],
  operatorBackends: {},
  served: [],
  joined: {},
  listeners: [],
};
