import { formatAddress, isIpAddress } from '../../haproxy/addresses.js';
import { isObject, type Json, type JsonObject } from '../../shared/json.js';
import {
  by,
  count,
  duration,
  type Field,
  given,
  hasOther,
  line,
  oneOf,
  word,
  type Words,
  words,
} from './words.js';

/**
 * A backend's section as text, from the JSON that the Data Plane API would be sent. Only what the
 * connector itself puts into sections can be said. Undefined for all else, such as a section that
 * someone edited and the connector keeps. The words and their order are those of Data Plane API
 * 3.2.15, so that its next edit leaves the section as it is.
 */
export function backendText(json: JsonObject): string | undefined {
  const { name, from, metadata, ...content } = json;
  const header = headerOf({ name, from });
  if (header === undefined || hasOther(content, sectionKeys)) return undefined;
  const lines: string[] = [header + comment(metadata)];
  for (const [key, says] of section) {
    const value = content[key];
    if (value === undefined) continue;
    const some = says(value, content);
    if (some === undefined) return undefined;
    lines.push(...some.map((one) => `  ${one}`));
  }
  return lines.join('\n');
}

const headerOf = (header: JsonObject): string | undefined =>
  line('backend', ['name', word()], ['from', word('from'), 'optional'])(header, header);

/** JSON has no newline outside of its strings, and escapes them inside. */
function comment(metadata: Json | undefined): string {
  return metadata === undefined ? '' : ` # ${JSON.stringify(metadata)}`;
}

type Lines = (value: Json, whole: JsonObject) => readonly string[] | undefined;

function one(says: Words): Lines {
  return (value, whole) => {
    const text = says(value, whole);
    return text === undefined ? undefined : [text];
  };
}

function each(says: Words): Lines {
  return (list, whole) => {
    if (!Array.isArray(list)) return undefined;
    const lines = (list as readonly Json[]).map((value) => says(value, whole));
    return lines.every((text) => text !== undefined) ? lines : undefined;
  };
}

const enabled = (says: string): Words => given('enabled', says);
const optional = (key: string, says: Words): Field => [key, says, 'optional'];
const condition: readonly Field[] = [
  optional('cond', oneOf('', 'if', 'unless')),
  optional('cond_test', words()),
];

const balance = line(
  'balance',
  [
    'algorithm',
    (value, { hdr_name: header }) => {
      if (value !== 'hdr') return header === undefined ? word()(value, {}) : undefined;
      return typeof header === 'string' ? word()(`hdr(${header})`, {}) : undefined;
    },
  ],
  optional('hdr_name', () => ''),
);

/** The only list of objects within a rule. */
const checkHeaders: Words = (list) => {
  const header = line('hdr', ['name', word()], ['fmt', words()]);
  const all = Array.isArray(list)
    ? (list as readonly Json[]).map((value) => header(value, {}))
    : [];
  return all.length > 0 && all.every((text) => text !== undefined) ? all.join(' ') : undefined;
};

const httpCheck = by('type', {
  send: line(
    'http-check send',
    ['method', word('meth')],
    optional('uri', words('uri')),
    optional('uri_log_format', words('uri-lf')),
    ['version', word('ver')],
    ['headers', checkHeaders],
    optional('body', words('body')),
  ),
  expect: line('http-check expect', ['match', word()], ['pattern', words()]),
});

const tcpCheck = by('action', {
  connect: line(
    'tcp-check connect',
    ['default', given(true, 'default')],
    optional('ssl', given(true, 'ssl')),
    optional('alpn', word('alpn')),
  ),
  'send-binary': line('tcp-check send-binary', ['hex_string', word()]),
  expect: line('tcp-check expect', ['match', word()], ['pattern', words()]),
});

const setHeader = (start: string): Words =>
  line(start, ['hdr_name', word()], ['hdr_format', words()]);
const deleteHeader = (start: string): Words => line(start, ['hdr_name', word()]);

const httpRequest = by('type', {
  'disable-l7-retry': line('http-request disable-l7-retry', ...condition),
  'set-var': line(
    'http-request',
    ['var_scope', given('txn', '')],
    [
      'var_name',
      (value) => (typeof value === 'string' ? word()(`set-var(txn.${value})`, {}) : undefined),
    ],
    ['var_expr', words()],
    ...condition,
  ),
  deny: line('http-request deny', ['deny_status', count('deny_status')], ...condition),
  'track-sc': line(
    'http-request track-sc2',
    ['track_sc_stick_counter', given(2, '')],
    ['track_sc_key', word()],
  ),
  redirect: line(
    'http-request redirect',
    ['redir_type', oneOf('', 'scheme')],
    ['redir_value', word()],
    ['redir_code', count('code')],
    ...condition,
  ),
  'replace-path': line('http-request replace-path', ['path_match', words()], ['path_fmt', words()]),
  'set-header': setHeader('http-request set-header'),
  'del-header': deleteHeader('http-request del-header'),
});

const httpResponse = by('type', {
  'set-header': setHeader('http-response set-header'),
  'del-header': deleteHeader('http-response del-header'),
});

const tcpRequest = by('type', {
  content: by('action', {
    reject: line('tcp-request content reject', ...condition),
    'track-sc': line(
      'tcp-request content track-sc2',
      ['track_stick_counter', given(2, '')],
      ['track_key', word()],
    ),
  }),
});

const defaultServer = line(
  'default-server',
  optional('check', enabled('check')),
  optional('check-send-proxy', enabled('check-send-proxy')),
  optional('check-ssl', enabled('check-ssl')),
  optional('send-proxy', enabled('send-proxy')),
  optional('send-proxy-v2', enabled('send-proxy-v2')),
  optional('ssl', enabled('ssl')),
  optional('alpn', word('alpn')),
  optional('ssl_cafile', word('ca-file')),
  optional('check_alpn', word('check-alpn')),
  optional('check-sni', word('check-sni')),
  optional('fall', count('fall')),
  optional('inter', duration('inter')),
  optional('fastinter', duration('fastinter')),
  optional('downinter', duration('downinter')),
  optional('maxconn', count('maxconn')),
  optional('proto', word('proto')),
  optional('rise', count('rise')),
  optional('sni', word('sni')),
  optional('verify', oneOf('verify', 'none', 'required')),
  optional('hash_key', word('hash-key')),
);

const address: Words = (value, { port }) =>
  typeof value === 'string' && isIpAddress(value) && typeof port === 'number'
    ? formatAddress(value, port)
    : undefined;

const server = line(
  'server',
  ['name', word()],
  ['address', address],
  ['port', () => ''],
  [
    'maintenance',
    (value) => (value === 'enabled' ? 'disabled' : given('disabled', 'enabled')(value, {})),
  ],
  optional('health_check_port', count('port')),
  optional('weight', count('weight')),
  optional('metadata', (value) => comment(value).trimStart()),
);

const servers: Lines = (value) =>
  isObject(value) ? each(server)(Object.values(value) as Json[], {}) : undefined;

/** In the order of the Data Plane API. */
const section: readonly (readonly [key: string, says: Lines])[] = [
  ['mode', one(oneOf('mode', 'http', 'tcp'))],
  ['hash_type', one(line('hash-type', ['method', word()]))],
  ['balance', one(balance)],
  ['acl_list', each(line('acl', ['acl_name', word()], ['criterion', word()], ['value', words()]))],
  ['forwardfor', one(line('option forwardfor', ['enabled', enabled('')]))],
  ['redispatch', one(line('option redispatch', ['enabled', enabled('')], ['interval', count()]))],
  ['adv_check', one(oneOf('option', 'httpchk', 'tcp-check'))],
  ['http_check_list', each(httpCheck)],
  ['tcp_check_rule_list', each(tcpCheck)],
  ['queue_timeout', one(duration('timeout queue'))],
  ['check_timeout', one(duration('timeout check'))],
  ['tunnel_timeout', one(duration('timeout tunnel'))],
  ['server_timeout', one(duration('timeout server'))],
  ['connect_timeout', one(duration('timeout connect'))],
  ['default_server', one(defaultServer)],
  ['http_request_rule_list', each(httpRequest)],
  ['tcp_request_rule_list', each(tcpRequest)],
  [
    'stick_table',
    one(
      line(
        'stick-table',
        ['type', word('type')],
        ['size', count('size')],
        ['expire', duration('expire')],
        optional('peers', word('peers')),
        ['store', word('store')],
      ),
    ),
  ],
  [
    'cookie',
    one(
      line(
        'cookie',
        ['name', word()],
        ['dynamic', given(true, 'dynamic')],
        ['httponly', given(true, 'httponly')],
        ['indirect', given(true, 'indirect')],
        ['nocache', given(true, 'nocache')],
        ['type', oneOf('', 'insert')],
      ),
    ),
  ],
  ['dynamic_cookie_key', one(word('dynamic-cookie-key'))],
  ['server_switching_rule_list', each(line('use-server', ['target_server', word()], ...condition))],
  ['servers', servers],
  ['retries', one(count('retries'))],
  ['http_response_rule_list', each(httpResponse)],
  ['load_server_state_from_file', one(given('global', 'load-server-state-from-file global'))],
  ['retry_on', one(words('retry-on'))],
];

const sectionKeys: ReadonlySet<string> = new Set(section.map(([key]) => key));
