/** The part of a logger used here, compatible with winston. */
export interface ObserveLog {
  debug(message: string, fields?: Record<string, unknown>): unknown;
  info(message: string, fields?: Record<string, unknown>): unknown;
  warn(message: string, fields?: Record<string, unknown>): unknown;
}

/** Takes note of what the sources tell, beside that something changed. */
export interface Listener {
  /**
   * A line of events; undefined: one too long to be kept. Returns whether it is irrelevant, so that it
   * causes no wake.
   */
  hear(line: string | undefined): boolean;
  /** Whether every event stream is connected. */
  connected(is: boolean): void;
  /** The blocking query got this index of the table of services after a higher one. */
  wentBack(index: number): void;
}

export interface WakeTiming {
  /** Timeout for the event stream's first line, which a refused token never gets. */
  readonly firstByteMs: number;
  /** Nomad sends a heartbeat every 30 s. */
  readonly silenceMs: number;
  /** How long Nomad holds the blocking query. */
  readonly blockMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** A connection that lasted this long resets the backoff. */
  readonly stableMs: number;
}

export const defaultTiming: WakeTiming = {
  firstByteMs: 3000,
  silenceMs: 45_000,
  blockMs: 60_000,
  backoffMinMs: 250,
  backoffMaxMs: 10_000,
  stableMs: 10_000,
};
