import type { LogLevel } from './types.js';

/** Parsers for configuration values. Each returns undefined for invalid input. */

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** Far above any sensible interval and below the limit of a timer (2^31 ms). */
const maxDurationMs = 7 * 24 * unitMs.h!;

/** `500ms`, `10s`, `1.5m`, `2h`, or a number of seconds, as milliseconds. */
export function parseDuration(value: string | number): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(typeof value === 'number' ? `${value}s` : value);
  if (match === null) return undefined;
  const ms = Math.round(Number(match[1]) * unitMs[match[2]!]!);
  return ms <= maxDurationMs ? ms : undefined;
}

/** `off` or a time above 0. */
export function parseDurationOrOff(value: string | number): 'off' | number | undefined {
  return value === 'off' ? 'off' : parseDuration(value);
}

/** A normalised http(s) URL without credentials, query, fragment or trailing slash. */
export function parseHttpUrl(value: string): string | undefined {
  if (!/^https?:\/\/[^/\s]/i.test(value) || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  if (hasCredentials(value) || url.search !== '' || url.hash !== '') return undefined;
  return url.origin + url.pathname.replace(/\/+$/, '');
}

export function hasCredentials(url: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*@/i.test(url);
}

/** The path from `unix:///path` or an absolute path. */
export function parseUnixPath(value: string): string | undefined {
  return /^(?:unix:(?:\/\/)?)?(\/[^\0\n]+)$/.exec(value)?.[1];
}

export function parseNomadAddress(value: string): { url: string } | { path: string } | undefined {
  const path = value.startsWith('unix:') ? parseUnixPath(value) : undefined;
  if (path !== undefined) return { path };
  const url = parseHttpUrl(value);
  return url === undefined ? undefined : { url };
}

export interface HostPort {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

/** `host:port`, `[::1]:port`, `:port` or a port alone. */
export function parseHostPort(value: string | number): HostPort | undefined {
  const match = /^(?:(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]*)):)?(\d{1,5})$/i.exec(String(value));
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  return { host: match[1] ?? match[2] ?? '', port };
}

export type Listen = 'off' | HostPort;

export function parseListen(value: string | number): Listen | undefined {
  return value === 'off' ? 'off' : parseHostPort(value);
}

/** Names of the same levels in other loggers. */
const logLevels: Readonly<Record<string, LogLevel>> = {
  panic: 'error',
  fatal: 'error',
  critical: 'error',
  err: 'error',
  error: 'error',
  warning: 'warn',
  warn: 'warn',
  notice: 'info',
  info: 'info',
  debug: 'debug',
  trace: 'debug',
};

export function parseLogLevel(value: string): LogLevel | undefined {
  const name = value.toLowerCase();
  return Object.hasOwn(logLevels, name) ? logLevels[name] : undefined;
}
