/** The part of a logger used here, compatible with winston. */
export interface ObserveLog {
  debug(message: string, fields?: Record<string, unknown>): unknown;
  info(message: string, fields?: Record<string, unknown>): unknown;
  warn(message: string, fields?: Record<string, unknown>): unknown;
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
