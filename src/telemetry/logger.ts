import { createLogger as createWinston, format, transports, type Logger as Winston } from 'winston';
import type { LogLevel } from '../config/types.js';
import { logLine, readableLine } from './log-line.js';

export type LogFields = Readonly<Record<string, unknown>>;
type Log = (message: string, fields?: LogFields) => void;

/**
 * Messages are static texts; values go into fields. The field `error` is logged as `errorCode` and
 * `errorMessage`.
 */
export interface Logger {
  readonly error: Log;
  readonly warn: Log;
  readonly info: Log;
  readonly debug: Log;
  /** A logger that adds these fields to every line. */
  readonly child: (fields: LogFields) => Logger;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Applied to every logged text. */
  readonly redact: (text: string) => string;
  /** Default: JSON. `text`: lines for people. */
  readonly format?: 'json' | 'text';
  /** Default: stderr. */
  readonly stream?: NodeJS.WritableStream;
}

/** Writes one JSON object per line, or text. */
export function createLogger(options: LoggerOptions): Logger {
  const { level, redact, stream = process.stderr } = options;
  const line = format((info) => {
    info[Symbol.for('message')] =
      options.format === 'text' ? readableLine(info, redact) : logLine(info, new Date(), redact);
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
 * Fields are nested under one key, because winston treats `message`, `level` and `stack` specially.
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

/** Discards everything. */
export const silentLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silentLogger,
};
