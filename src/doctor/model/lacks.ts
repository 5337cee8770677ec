import type { ConnectorError, ErrorCode } from '../../shared/errors.js';
import type { Lack } from '../types.js';
import { fixes } from './fixes.js';

const shorts: Partial<Readonly<Record<ErrorCode, string>>> = {
  'nomad-unreachable': "Nomad can't be reached",
  'nomad-refused': 'Nomad refuses the token',
  'haproxy-unreachable': "the Data Plane API can't be reached",
  'haproxy-refused': 'the Data Plane API refuses the password',
  'haproxy-down': "the Data Plane API doesn't reach HAProxy",
};

export function lackOf({ code, message }: ConnectorError): Lack {
  return { says: message, fix: fixes[code], short: shorts[code] ?? message };
}
