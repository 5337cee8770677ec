import { isNetwork } from '../haproxy/addresses.js';
import {
  parseDuration,
  parseDurationOrOff,
  parseHttpUrl,
  parseListen,
  parseLogLevel,
  parseNomadAddress,
  parseUnixPath,
} from './formats.js';

type FormatCheck = (value: string) => boolean;

/** Bounds in seconds. */
function within(least: number, most: number): FormatCheck {
  return (value) => {
    const ms = parseDuration(value);
    return ms !== undefined && ms >= least * 1000 && ms <= most * 1000;
  };
}

/** The formats that the schema names. */
export const formatChecks: Readonly<Record<string, FormatCheck>> = {
  duration: (value) => (parseDuration(value) ?? 0) > 0,
  'duration-10s-24h': within(10, 86_400),
  'duration-1s-24h': within(1, 86_400),
  'duration-or-off': (value) => {
    const parsed = parseDurationOrOff(value) ?? 0;
    return parsed === 'off' || parsed > 0;
  },
  'duration-or-none': (value) => parseDuration(value) !== undefined,
  'http-url': (value) => parseHttpUrl(value) !== undefined,
  'nomad-address': (value) => parseNomadAddress(value) !== undefined,
  'unix-path': (value) => parseUnixPath(value) !== undefined,
  listen: (value) => parseListen(value) !== undefined,
  network: isNetwork,
  'log-level': (value) => parseLogLevel(value) !== undefined,
};
