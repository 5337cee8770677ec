import { ConnectorError } from '../shared/errors.js';
import { plainJson, visible } from '../shared/text.js';

interface LogInfo {
  readonly level: string;
  readonly message: unknown;
  readonly fields?: unknown;
}

const deepest = 6;

/** A log entry as a line of JSON. Our own fields come first and can't be overwritten. */
export function logLine(info: LogInfo, time: Date, redact: (text: string) => string): string {
  const own = {
    time: time.toISOString(),
    level: info.level,
    message: redact(String(info.message)),
  };
  const fields = plain(flattenError(info.fields), redact, 0);
  // First for the order, last so that a field of the same name can't overwrite it.
  return plainJson(Object.assign({ ...own }, fields, own));
}

/** The same for a person at a terminal: `error: failed: connection refused (nomad-unreachable)`. */
export function readableLine(info: LogInfo, redact: (text: string) => string): string {
  const fields = plain(flattenError(info.fields), redact, 0) as Readonly<Record<string, unknown>>;
  const { errorCode, errorMessage, stack, ...rest } = fields;
  const others = Object.entries(rest).map(([name, value]) => `${name}=${textOf(value)}`);
  const line = [
    `${info.level}: ${redact(String(info.message))}`,
    ...(errorMessage === undefined ? [] : [`: ${textOf(errorMessage)}`]),
    ...(errorCode === undefined ? [] : [` (${textOf(errorCode)})`]),
    ...(others.length === 0 ? [] : [` ${others.join(' ')}`]),
  ].join('');
  const trace = typeof stack === 'string' ? stack.split('\n').slice(1) : [];
  return [line, ...trace].map(visible).join('\n');
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : plainJson(value);
}

/** Flattens the field `error` into fields that are easy to search for. */
function flattenError(fields: unknown): Readonly<Record<string, unknown>> {
  if (typeof fields !== 'object' || fields === null) return {};
  if (!('error' in fields) || !(fields.error instanceof Error)) return { ...fields };
  const { code, message, stack } = errorFields(fields.error);
  const { error: _error, ...rest } = fields;
  return {
    ...rest,
    errorCode: code,
    errorMessage: message,
    ...(stack === undefined ? {} : { stack }),
  };
}

/** A stack only for unexpected errors. ConnectorErrors explain themselves in the message. */
function errorFields(error: Error): { code: string; message: string; stack?: string } {
  const { message } = error;
  if (!(error instanceof ConnectorError)) return { code: 'internal', message, ...stackOf(error) };
  const cause = error.code === 'internal' ? error.cause : undefined;
  return { code: error.code, message, ...stackOf(cause) };
}

function stackOf(error: unknown): { stack?: string } {
  return error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {};
}

/** Turns any value into plain redacted data. Logging must never throw. */
function plain(value: unknown, redact: (text: string) => string, depth: number): unknown {
  if (typeof value === 'string') return redact(value);
  if (typeof value === 'bigint' || typeof value === 'symbol') return redact(value.toString());
  if (typeof value === 'function') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (depth === deepest) return '...';
  if (value instanceof Error) return plain(errorFields(value), redact, depth + 1);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (Array.isArray(value)) return value.map((item) => plain(item, redact, depth + 1));
  if (value instanceof Set) return plain([...value], redact, depth);
  if (value instanceof Map) return plain(Object.fromEntries(value), redact, depth);
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [redact(name), plain(item, redact, depth + 1)]),
  );
}
