import { createLogger as createWinston, format, transports, type Logger as Winston } from 'winston';
import type { LogLevel } from '../config/types.js';
import { logLine } from './log-line.js';

export type LogFields = Readonly<Record<string, unknown>>;
type Log = (message: string, fields?: LogFields) => void;

/**
 * Messages are static texts, what varies stands in the fields. An error goes into the field `error`
 * and comes out as `errorCode` and `errorMessage`.
 */
export interface Logger {
  readonly error: Log;
  readonly warn: Log;
  readonly info: Log;
  readonly debug: Log;
  /** A logger that adds these fields to each of its lines, such as the pass's id. */
  readonly child: (fields: LogFields) => Logger;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Runs over every text that is logged. */
  readonly redact: (text: string) => string;
  /** Standard error if not given. */
  readonly stream?: NodeJS.WritableStream;
}

/** Writes a JSON object a line. */
export function createLogger({ level, redact, stream = process.stderr }: LoggerOptions): Logger {
  const line = format((info) => {
    info[Symbol.for('message')] = logLine(info, new Date(), redact);
    return info;
  });
  const winston = createWinston({
    level,
    format: line(),
    transports: [new transports.Stream({ stream })],
  });
  return wrap(winston, {});
}

/**
 * Fields travel below one key: winston gives `message`, `level` and `stack` in them a meaning of
 * its own.
 */
function wrap(winston: Winston, bound: LogFields): Logger {
  const at =
    (level: LogLevel): Log =>
    (message, fields = {}) => {
      winston.log({ level, message, fields: { ...bound, ...fields } });
    };
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    child: (fields) => wrap(winston, { ...bound, ...fields }),
  };
}

/** For code that may run without a log, and for tests. */
export const silentLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silentLogger,
};
