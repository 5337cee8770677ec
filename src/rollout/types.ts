import type { Rejection } from '../desired/types.js';

/** What the last pass over an HAProxy showed of it. */
export interface Verdict {
  /** Of HAProxy itself. */
  readonly version: string;
  /** Fingerprints of the services that HAProxy runs as desired, by service. */
  readonly inForce: Readonly<Record<string, string>>;
  /** What it refused, by service. */
  readonly refused: Readonly<Record<string, Rejection>>;
  /** By name: all that it has. */
  readonly backends: Readonly<Record<string, unknown>>;
  /** No change that needs a reload is left. */
  readonly isDone: boolean;
  /** The pass made such a change. */
  readonly reloaded: boolean;
}

/** What a plan with a reload would bring to an HAProxy. */
export interface Wanted {
  readonly version: string;
  /** Fingerprints of all services, by service. */
  readonly services: Readonly<Record<string, string>>;
  /** Backends that it removes. */
  readonly removes: readonly string[];
  /** It neither writes nor removes a service: it loads a lost file, or only the marker differs. */
  readonly isRest: boolean;
}

/** An HAProxy as the gate knows it. */
export interface Known {
  /** Undefined: no pass over it has succeeded yet. */
  readonly verdict?: Verdict;
  /** What it loaded lately: when, by service. */
  readonly took: Readonly<Record<string, number>>;
  /** When its passes began to fail; undefined: the last one succeeded. */
  readonly failedAt?: number;
}

/** The order as it is now. All times are milliseconds of one monotonic clock. */
export interface World {
  /** Names: the canary, then the others. */
  readonly order: readonly string[];
  readonly known: ReadonlyMap<string, Known>;
  readonly settleMs: number;
  /** How long one HAProxy waits for another that gives no verdict. */
  readonly patienceMs: number;
  readonly now: number;
}

/** What has to wait, of what is wanted. */
export interface Judged {
  readonly services: readonly string[];
  /** What is no service's waits too: then nothing of the plan can go alone. */
  readonly isWhole: boolean;
  /** Of all that waits. */
  readonly keys: readonly string[];
  /** Names of the HAProxies whose verdict is missing. */
  readonly for: readonly string[];
  /** When time alone lets something of it go, in milliseconds. */
  readonly afterMs: number;
}
