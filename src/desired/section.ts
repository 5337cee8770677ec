import { interned } from '../shared/intern.js';
import { type Json, type JsonObject, objectsOf } from '../shared/json.js';
import { canaryRules } from './canary.js';
import { canonicalSection } from '../haproxy/canonical.js';
import { checkSection, checkServerFields, type SectionCheck } from './check-section.js';
import { quoteWord } from '../haproxy/quote.js';
import type { Balance, Header, Rate } from './values.js';
import type { TagName, Tags } from './vocabulary.js';

/**
 * Four of six servers may die at once, and a request may hit each of them (docs/performance.md).
 */
const retryCount = 10;
const tableSize = 100_000;
/** The operator's frontends usually use the first ones. */
const counter = 2;
const allowed = 'nomad_allowed';
/** HAProxy accepts 64 words per line. */
const aclValues = 40;

/** The tags that a section is made of. */
const sectionTags = [
  ...['mode', 'loadBalance', 'forwardedFor', 'cookie', 'canaryHeader', 'allowList'],
  ...['timeoutServer', 'timeoutConnect', 'timeoutQueue', 'timeoutTunnel', 'rateLimit'],
  ...['serverProto', 'serverSsl', 'serverSslVerify', 'sendProxy', 'maxconn', 'checkPort'],
  ...['sslRedirect', 'paths', 'pathStrip', 'requestHeaders', 'responseHeaders'],
] as const satisfies readonly TagName[];

type SectionTags = Pick<Tags, (typeof sectionTags)[number]>;

const sections = interned<JsonObject>();

/**
 * A dynamic backend's section. Most services of a fleet differ in the Host header of their check, if in
 * anything: what they have in common is made once.
 */
export function dynamicSection(name: string, tags: SectionTags, merged: SectionCheck): JsonObject {
  const { shape, timing, port } = merged.check;
  const { paths, hosts } = merged;
  const hasHost = shape.kind === 'http' && !shape.tls && hosts === undefined;
  const alike = hasHost ? { ...shape, host: '' } : shape;
  const hasName = tags.cookie !== undefined || tags.canaryHeader !== undefined;
  const key = JSON.stringify([
    sectionTags.map((tag) => tags[tag]),
    [alike, timing, port, paths !== undefined, hosts !== undefined],
    hasName ? name : '',
  ]);
  const section = sections(key, () =>
    wholeSection(name, tags, { ...merged, check: { ...merged.check, shape: alike } }),
  );
  return hasHost ? withHost(section, shape.host) : section;
}

/** The Host header is the first of the check's. */
function withHost(section: JsonObject, host: string): JsonObject {
  const [send, ...checks] = objectsOf(section['http_check_list']);
  const [first, ...headers] = objectsOf(send?.['headers']);
  const sent = { ...send, headers: [{ ...first, fmt: host }, ...headers] };
  return { ...section, http_check_list: [sent, ...checks] };
}

/** The same, made anew. Options needed for zero loss are set here, not in `defaults`. */
export function wholeSection(name: string, tags: SectionTags, merged: SectionCheck): JsonObject {
  const http = (tags.mode ?? 'http') === 'http';
  return canonicalSection({
    mode: http ? 'http' : 'tcp',
    ...balanceFields(tags.loadBalance ?? { algorithm: 'roundrobin' }),
    redispatch: { enabled: 'enabled', interval: 1 },
    retries: retryCount,
    // For a server that dies during a request; see retrySafe.
    retry_on: http ? 'conn-failure empty-response' : undefined,
    load_server_state_from_file: 'global',
    forwardfor: http && tags.forwardedFor !== false ? { enabled: 'enabled' } : undefined,
    ...timeouts(tags),
    ...(http ? cookieFields(name, tags) : {}),
    ...checkSection(merged),
    ...(http ? httpRules(name, tags) : tcpRules(tags)),
    ...allowFields(tags),
    stick_table: tags.rateLimit === undefined ? undefined : stickTable(http, tags.rateLimit),
    default_server: {
      ...checkServerFields(merged.check),
      ...serverOptions(tags, http),
      ...checkWire(tags, merged.check),
      hash_key: isHashed(tags.loadBalance) ? 'addr-port' : undefined,
    },
  });
}

function isHashed(balance: Balance | undefined): boolean {
  return ['source', 'uri', 'hdr'].includes(balance?.algorithm ?? '');
}

function balanceFields(balance: Balance): JsonObject {
  const { algorithm } = balance;
  const header = algorithm === 'hdr' ? { hdr_name: balance.header } : {};
  return {
    balance: { algorithm, ...header },
    // The default hash doesn't follow servers that change without a reload.
    hash_type: isHashed(balance) ? { method: 'consistent' } : undefined,
  };
}

function timeouts(tags: SectionTags): JsonObject {
  return {
    server_timeout: tags.timeoutServer,
    connect_timeout: tags.timeoutConnect,
    queue_timeout: tags.timeoutQueue,
    tunnel_timeout: tags.timeoutTunnel,
  };
}

/** The value is derived from the server's address, so it follows an instance from slot to slot. */
function cookieFields(backend: string, { cookie }: SectionTags): JsonObject {
  if (cookie === undefined) return {};
  return {
    cookie: {
      name: cookie,
      type: 'insert',
      indirect: true,
      nocache: true,
      httponly: true,
      dynamic: true,
    },
    dynamic_cookie_key: backend,
  };
}

function serverOptions(tags: SectionTags, http: boolean): JsonObject {
  const h2 = tags.serverProto === 'h2';
  const version = tags.sendProxy;
  return {
    maxconn: tags.maxconn,
    ...(tags.serverSsl === true ? tlsOptions(tags, http, h2) : { proto: h2 ? 'h2' : undefined }),
    'send-proxy': version === true || version === 'v1' ? 'enabled' : undefined,
    'send-proxy-v2': version === 'v2' ? 'enabled' : undefined,
  };
}

/**
 * A check of the service's own port uses the same protocols as traffic. HAProxy inherits them
 * where a server's line has no check port, as slots have only if theirs differs.
 */
function checkWire(
  { checkPort, sendProxy, serverProto }: SectionTags,
  { shape, port }: SectionCheck['check'],
): JsonObject {
  if (shape.kind === 'none' || checkPort !== undefined || port !== undefined) return {};
  const h2 = shape.kind === 'http' && shape.tls && serverProto === 'h2';
  return {
    'check-send-proxy': sendProxy !== undefined && sendProxy !== false ? 'enabled' : undefined,
    check_alpn: h2 ? 'h2' : undefined,
  };
}

function tlsOptions(tags: SectionTags, http: boolean, h2: boolean): JsonObject {
  const verify = tags.serverSslVerify === true;
  return {
    ssl: 'enabled',
    verify: verify ? 'required' : 'none',
    ssl_cafile: verify ? '@system-ca' : undefined,
    sni: http ? 'req.hdr(host),field(1,:)' : undefined,
    alpn: h2 ? 'h2' : undefined,
  };
}

function allowFields({ allowList }: SectionTags): JsonObject {
  const networks = [...new Set(allowList.flat())];
  const lines: Json[] = [];
  for (let at = 0; at < networks.length; at += aclValues) {
    const value = networks.slice(at, at + aclValues).join(' ');
    lines.push({ acl_name: allowed, criterion: 'src', value });
  }
  return { acl_list: lines };
}

function stickTable(http: boolean, { periodMs }: Rate): JsonObject {
  const what = http ? 'http_req_rate' : 'conn_rate';
  return {
    // Also holds IPv4 addresses.
    type: 'ipv6',
    size: tableSize,
    expire: periodMs,
    store: `${what}(${periodMs})`,
  };
}

/** Once a server has received a request, only GET and HEAD are retried. */
const retrySafe = { type: 'disable-l7-retry', cond: 'unless', cond_test: 'METH_GET' };

function httpRules(backend: string, tags: SectionTags): JsonObject {
  const canary = canaryRules(backend, tags.canaryHeader);
  const rules: Json[] = [retrySafe, ...canary.requestRules];
  if (tags.allowList.length > 0) {
    rules.push({ type: 'deny', deny_status: 403, cond: 'unless', cond_test: allowed });
  }
  if (tags.rateLimit !== undefined) {
    const tooMany = `{ sc_http_req_rate(${counter}) gt ${tags.rateLimit.count} }`;
    rules.push(
      { type: 'track-sc', track_sc_stick_counter: counter, track_sc_key: 'src' },
      { type: 'deny', deny_status: 429, cond: 'if', cond_test: tooMany },
    );
  }
  if (tags.sslRedirect === true) {
    const plain = { cond: 'unless', cond_test: '{ ssl_fc }' };
    rules.push({
      type: 'redirect',
      redir_type: 'scheme',
      redir_value: 'https',
      redir_code: 301,
      ...plain,
    });
  }
  if (tags.pathStrip === true && tags.paths.length > 0) rules.push(stripRule(tags.paths));
  rules.push(...tags.requestHeaders.map(headerRule));
  return {
    http_request_rule_list: rules,
    server_switching_rule_list: canary.serverRules,
    http_response_rule_list: tags.responseHeaders.map(headerRule),
  };
}

/** One rule for all paths, so that the remainder is never stripped again. */
function stripRule(paths: readonly string[]): JsonObject {
  const longestFirst = [...new Set(paths)].sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  const alternatives = longestFirst.map((path) => path.replaceAll('.', '\\.')).join('|');
  return { type: 'replace-path', path_match: `^(?:${alternatives})(?:/|$)(.*)`, path_fmt: '/\\1' };
}

function headerRule({ name, value }: Header): JsonObject {
  return value === ''
    ? { type: 'del-header', hdr_name: name }
    : { type: 'set-header', hdr_name: name, hdr_format: quoteWord(value) };
}

function tcpRules(tags: SectionTags): JsonObject {
  const rules: Json[] = [];
  if (tags.allowList.length > 0) rules.push(reject('unless', allowed));
  if (tags.rateLimit !== undefined) {
    rules.push(
      { type: 'content', action: 'track-sc', track_stick_counter: counter, track_key: 'src' },
      reject('if', `{ sc_conn_rate(${counter}) gt ${tags.rateLimit.count} }`),
    );
  }
  return { tcp_request_rule_list: rules };
}

function reject(cond: 'if' | 'unless', test: string): JsonObject {
  return { type: 'content', action: 'reject', cond, cond_test: test };
}
