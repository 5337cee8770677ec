import type { Settings } from '../config/types.js';
import type { Logger } from '../telemetry/logger.js';

/** The process around a command. */
export interface Around {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly print: (text: string) => void;
  /** Whether stdout is a terminal. */
  readonly isTerminal: boolean;
  readonly signal: AbortSignal;
}

/** What every command but the printing ones needs. */
export interface Built {
  readonly settings: Settings;
  readonly logger: Logger;
  /** Takes a token that no log may show. */
  readonly onToken: (token: string) => void;
}
