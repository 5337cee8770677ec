import { isObject, type Json, type JsonObject, objectsOf, textAt } from '../shared/json.js';

/** The check that HAProxy runs on a server, for whoever runs it as well. */
export interface ServerCheck {
  /** Consecutive passed checks that bring it UP. */
  readonly rise: number;
  readonly timeoutMs: number;
  /** Absent: a plain connection. */
  readonly tls?: { readonly name?: string; readonly alpn?: string };
  readonly talk: CheckTalk;
}

export type CheckTalk =
  /** Connecting is enough. */
  | { readonly kind: 'connect' }
  | {
      readonly kind: 'http';
      /** The whole request. */
      readonly request: string;
      /** Absent: any 2xx or 3xx. */
      readonly expect?: { readonly match: 'status' | 'string'; readonly pattern: string };
    }
  /** Bytes in hex. */
  | { readonly kind: 'binary'; readonly send: string; readonly expect: string };

/** A server that waits for its check, and the instance behind it. */
export interface Probe {
  /** Of all that a passed check is valid for: the binding, the address and the check. */
  readonly key: string;
  readonly server: string;
  readonly backend: string;
  readonly service: string;
  readonly address: string;
  /** The one that is checked. */
  readonly port: number;
  readonly check: ServerCheck;
}

export interface CheckSource {
  /** The backend's section, or what of it is about checks. */
  readonly section: JsonObject;
  /** The server's fields over its backend's `default-server` over that of the defaults section. */
  readonly server: JsonObject;
  /** The server's line has a port for its check: then HAProxy takes no protocol from the server. */
  readonly hasCheckPort: boolean;
  /** The value of `%[srv_name,map(FILE,DEFAULT)]` for this server; undefined where it can't be told. */
  readonly lookup: (file: string) => string | undefined;
}

/**
 * Undefined where there is no check, or where it does what only HAProxy can: verify certificates with
 * its own CAs, speak HTTP/2 or the PROXY protocol, or whatever else an operator's part asks for.
 */
export function serverCheck(source: CheckSource): ServerCheck | undefined {
  const { section, server, hasCheckPort, lookup } = source;
  if (server['check'] !== 'enabled' || Object.entries(server).some(isForeign)) return undefined;
  if (server['check-send-proxy'] === 'enabled' || server['check_alpn'] !== undefined) {
    return undefined;
  }
  if (!hasCheckPort && proxyFields.some((field) => server[field] === 'enabled')) return undefined;
  const talk = talkOf(section, lookup);
  if (talk === undefined) return undefined;
  const connect = objectsOf(section['tcp_check_rule_list']).find(isConnect);
  const inherited = !hasCheckPort && server['ssl'] === 'enabled';
  const tls = inherited || server['check-ssl'] === 'enabled' || connect?.['ssl'] === true;
  if (tls && server['verify'] !== 'none') return undefined;
  const name = textAt(server, 'check-sni');
  const alpn = textAt(connect ?? {}, 'alpn');
  return {
    rise: numberAt(server, 'rise') ?? defaultRise,
    timeoutMs: numberAt(section, 'check_timeout') ?? numberAt(server, 'inter') ?? defaultInterval,
    talk,
    ...(tls ? { tls: { ...(name === '' ? {} : { name }), ...(alpn === '' ? {} : { alpn }) } } : {}),
  };
}

const proxyFields = ['send-proxy', 'send-proxy-v2', 'send_proxy_v2_ssl', 'send_proxy_v2_ssl_cn'];

/** HAProxy's defaults (configuration manual, 5.2). */
const defaultRise = 2;
const defaultInterval = 2000;

/** Fields about checks, or about how a server is reached, that the connector itself writes. */
const ownFields = new Set(['check', 'check-ssl', 'check-sni', 'check-send-proxy', 'check_alpn']);

function isForeign([field, value]: [string, Json | undefined]): boolean {
  if (value === 'disabled' || ownFields.has(field)) return false;
  return /^(?:check|agent|health_check_address|socks4|source|track)/.test(field);
}

function talkOf(section: JsonObject, lookup: CheckSource['lookup']): CheckTalk | undefined {
  switch (section['adv_check']) {
    case undefined:
      return { kind: 'connect' };
    case 'httpchk':
      return httpTalk(objectsOf(section['http_check_list']), lookup);
    case 'tcp-check':
      return tcpTalk(objectsOf(section['tcp_check_rule_list']));
    default:
      return undefined;
  }
}

function httpTalk(
  rules: readonly JsonObject[],
  lookup: CheckSource['lookup'],
): CheckTalk | undefined {
  const [send, expect, ...more] = rules;
  if (send?.['type'] !== 'send' || more.length > 0) return undefined;
  const path = textAt(send, 'uri') || formatted(textAt(send, 'uri_log_format'), lookup);
  const headers = objectsOf(send['headers']).map(
    (header): readonly [string, string | undefined] => [
      textAt(header, 'name'),
      formatted(textAt(header, 'fmt'), lookup),
    ],
  );
  if (path === undefined || headers.some(([, value]) => value === undefined)) return undefined;
  const expected = expect === undefined ? {} : expectation(expect);
  if (expected === undefined) return undefined;
  const body = unquoted(textAt(send, 'body'));
  const request = [
    `${textAt(send, 'method')} ${path} HTTP/1.1`,
    ...headers.map(([name, value = '']) => `${name}: ${value}`),
    ...(body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
    'Connection: close',
    '',
    body,
  ].join('\r\n');
  return { kind: 'http', request, ...expected };
}

function expectation(rule: JsonObject) {
  const { type, match } = rule;
  if (type !== 'expect' || rule['exclamation_mark'] === true) return undefined;
  if (match !== 'status' && match !== 'string') return undefined;
  return { expect: { match, pattern: unquoted(textAt(rule, 'pattern')) } } as const;
}

const nameLookup = /^%\[srv_name,map\(([^,()]+),[^,()]*\)\]$/;

/** A text of haproxy.cfg without its quotes, or what it looks up by the server's name. */
function formatted(text: string, lookup: CheckSource['lookup']): string | undefined {
  const plain = unquoted(text);
  const file = nameLookup.exec(plain)?.[1];
  if (file !== undefined) return lookup(file);
  return plain.includes('%') ? undefined : plain;
}

function unquoted(text: string): string {
  return /^(["'])(.*)\1$/.exec(text)?.[2] ?? text;
}

/** `connect` alone, or with `send-binary` and `expect binary`: how gRPC health is asked for. */
function tcpTalk(rules: readonly JsonObject[]): CheckTalk | undefined {
  const [connect, send, expect, ...more] = rules;
  if (connect === undefined || !isConnect(connect)) return undefined;
  if (send === undefined) return { kind: 'connect' };
  if (expect === undefined || more.length > 0) return undefined;
  if (send['action'] !== 'send-binary' || expect['action'] !== 'expect') return undefined;
  if (expect['match'] !== 'binary') return undefined;
  return { kind: 'binary', send: textAt(send, 'hex_string'), expect: textAt(expect, 'pattern') };
}

const connectFields = new Set(['action', 'default', 'ssl', 'alpn']);

/** As the server is connected to anyway. */
function isConnect(rule: JsonObject): boolean {
  const isPlain = Object.keys(rule).every((key) => connectFields.has(key));
  return rule['action'] === 'connect' && isPlain;
}

function numberAt(object: JsonObject, key: string): number | undefined {
  const value = object[key];
  return typeof value === 'number' ? value : undefined;
}

/** Field by field, the last one that says it. */
export function mergedFields(...settings: readonly unknown[]): JsonObject {
  return Object.assign({}, ...settings.filter(isObject)) as JsonObject;
}
