import type { Json, JsonObject } from '../shared/json.js';
import { isIpAddress } from '../haproxy/addresses.js';
import { checkHostLookup, checkPathLookup } from './check-maps.js';
import type { MergedCheck } from './check-merge.js';
import type { Check, CheckShape } from './checks.js';
import { grpcHealthRequest } from './grpc.js';
import { quoteWord } from '../haproxy/quote.js';

/** Check interval after a failure and before a server is first UP. */
const fastMs = 1000;

/** What a check is to a section. */
export interface SectionCheck extends Pick<MergedCheck, 'paths' | 'hosts'> {
  readonly check: Pick<Check, 'shape' | 'timing' | 'port'>;
}

/** The check's part of a backend's section, without `default_server`. */
export function checkSection({ check, paths, hosts }: SectionCheck): JsonObject {
  const { shape, timing } = check;
  switch (shape.kind) {
    case 'none':
      return {};
    case 'tcp':
      // Without a rule of its own, a backend runs the check of the operator's `defaults`.
      return {
        adv_check: 'tcp-check',
        check_timeout: timing.timeoutMs,
        tcp_check_rule_list: [{ action: 'connect', default: true }],
      };
    case 'http':
      return {
        adv_check: 'httpchk',
        check_timeout: timing.timeoutMs,
        http_check_list: httpChecks(shape, paths !== undefined, hosts !== undefined),
      };
    case 'grpc':
      return {
        adv_check: 'tcp-check',
        check_timeout: timing.timeoutMs,
        tcp_check_rule_list: grpcChecks(shape),
      };
  }
}

type Shape<Kind extends CheckShape['kind']> = Extract<CheckShape, { kind: Kind }>;

function httpChecks(shape: Shape<'http'>, pathsDiffer: boolean, hostsDiffer: boolean): Json[] {
  const headers = [
    { name: 'Host', fmt: hostsDiffer ? checkHostLookup : shape.host },
    ...shape.headers.map(([name, value]) => ({ name, fmt: quoteWord(value) })),
  ];
  const send = {
    type: 'send',
    method: shape.method,
    ...(pathsDiffer ? { uri_log_format: checkPathLookup } : { uri: shape.path }),
    version: 'HTTP/1.1',
    headers,
    ...(shape.body === undefined ? {} : { body: quoteWord(shape.body) }),
  };
  if (shape.expect === undefined) return [send];
  const { match, pattern } = shape.expect;
  return [send, { type: 'expect', match, pattern: quoteWord(pattern) }];
}

/** The expected message: `grpc.health.v1.HealthCheckResponse { status: SERVING }`. */
const servingStatus = '00000000020801';

function grpcChecks({ service, authority, tls }: Shape<'grpc'>): Json[] {
  return [
    { action: 'connect', default: true, ...(tls ? { ssl: true, alpn: 'h2' } : {}) },
    { action: 'send-binary', hex_string: grpcHealthRequest({ service, authority, tls }) },
    { action: 'expect', match: 'binary', pattern: servingStatus },
  ];
}

/** The check's part of a server, or of `default_server`. */
export function checkServerFields({ shape, timing }: Pick<Check, 'shape' | 'timing'>): JsonObject {
  if (shape.kind === 'none') return {};
  const fast = Math.min(fastMs, timing.intervalMs);
  return {
    check: 'enabled',
    inter: timing.intervalMs,
    fastinter: fast,
    downinter: fast,
    rise: timing.rise,
    fall: timing.fall,
    ...(shape.kind === 'http' && shape.tls ? tlsCheckFields(shape) : {}),
  };
}

/** A check only tests the instance's health, so its certificate isn't verified. */
function tlsCheckFields({ host }: Shape<'http'>): JsonObject {
  const name = host.replace(/:\d+$/, '');
  return {
    'check-ssl': 'enabled',
    verify: 'none',
    ...(isIpAddress(name) ? {} : { 'check-sni': name }),
  };
}

/** For people: `check GET /health every 10s`. */
export function checkSummary({ check: { shape, timing }, paths }: MergedCheck): string {
  const every = `every ${formatMs(timing.intervalMs)}`;
  switch (shape.kind) {
    case 'none':
      return 'no check';
    case 'tcp':
      return `check tcp ${every}`;
    case 'grpc':
      return `check grpc${shape.service === '' ? '' : ` ${shape.service}`} ${every}`;
    case 'http':
      return `check ${shape.method} ${checkedPaths(shape.path, paths)} ${every}`;
  }
}

function checkedPaths(path: string, paths: MergedCheck['paths']): string {
  return paths === undefined ? path : [...new Set(Object.values(paths))].sort().join(' or ');
}

export function formatMs(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

export function serverCheckSummary({ shape, timing }: MergedCheck['check']): string {
  return shape.kind === 'none' ? 'no check' : `check every ${formatMs(timing.intervalMs)}`;
}
