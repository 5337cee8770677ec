import type { Hazard } from '../config/hazards.js';
import type { Settings } from '../config/types.js';
import type { Logger } from '../telemetry/logger.js';

/** The process around a command. */
export interface Around {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly print: (text: string) => void;
  /** Whether stdout is a terminal. */
  readonly isTerminal: boolean;
  /** Writes to stderr, where that is a terminal. */
  readonly tell?: (text: string) => void;
  readonly signal: AbortSignal;
}

/** What every command except `--help` and `--version` needs. */
export interface Built {
  readonly settings: Settings;
  readonly hazards: readonly Hazard[];
  readonly logger: Logger;
  /** Called with a token to redact from the logs. */
  readonly onToken: (token: string) => void;
  /** Blanks secrets in what is printed or answered. The logger does so itself. */
  readonly redact: (text: string) => string;
}
