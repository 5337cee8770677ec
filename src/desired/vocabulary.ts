import { canaryHeader } from './canary.js';
import { type Grammar, boolean, duration, either, flag, integer, oneOf } from './grammar.js';
import * as values from './values.js';

/** One row of the table of tags, which is the code, the docs page and the JSON schema at once. */
export interface TagRow<T, Many extends boolean> {
  /** Without the prefix. */
  readonly key: string;
  readonly grammar: Grammar<T>;
  /** May be given more than once. */
  readonly many: Many;
  /** What holds without the tag, for people. */
  readonly fallback: string;
  /** What it becomes, for people. */
  readonly becomes: string;
  /** It means something for a custom backend too. */
  readonly custom: boolean;
  /** It means nothing in tcp mode. */
  readonly httpOnly: boolean;
  /** Read from each instance's own tags instead of the newest's. */
  readonly perInstance: boolean;
  /** A file of the routes folder may hold it. */
  readonly inFiles: boolean;
}

type Texts = readonly [fallback: string, becomes: string];
type Extras = Partial<
  Pick<TagRow<unknown, false>, 'custom' | 'httpOnly' | 'perInstance' | 'inFiles'>
>;

function one<T>(key: string, grammar: Grammar<T>, texts: Texts, extras?: Extras): TagRow<T, false> {
  return { ...row(key, grammar, texts, extras), many: false };
}

function many<T>(key: string, grammar: Grammar<T>, texts: Texts, extras?: Extras): TagRow<T, true> {
  return { ...row(key, grammar, texts, extras), many: true };
}

function row<T>(key: string, grammar: Grammar<T>, [fallback, becomes]: Texts, extras: Extras = {}) {
  return {
    key,
    grammar,
    fallback,
    becomes,
    custom: false,
    httpOnly: false,
    perInstance: false,
    inFiles: true,
    ...extras,
  };
}

const ofHttp = { httpOnly: true } as const;
const always = { custom: true } as const;
const ofNomad = { custom: true, inFiles: false } as const;
const ofInstance = { custom: true, perInstance: true, inFiles: false } as const;
const ofCheck = { perInstance: true } as const;
const ofServerCheck = { custom: true, perInstance: true } as const;

const fromSpec = 'the job spec, else the settings';

export const vocabulary = {
  enable: one('enable', boolean, ['false', 'Opts the instance in.'], ofInstance),
  backend: one(
    'backend',
    oneOf('dynamic', 'custom', 'static'),
    [
      'dynamic',
      "`dynamic`: a backend of the connector's own. `custom`: servers in a backend of the operator's. `static`: nothing, HAProxy's configuration is done by hand.",
    ],
    ofNomad,
  ),
  backendName: one(
    'backend.name',
    values.haproxyName,
    ["the service's name", 'The backend that a `custom` service joins.'],
    ofNomad,
  ),
  backendStrategy: one(
    'backend.strategy',
    oneOf('use_existing', 'create_new', 'fail_on_conflict'),
    [
      '`backend_strategy` of the settings',
      "What to do about a backend of that name that isn't the connector's.",
    ],
    ofNomad,
  ),
  domains: many(
    'domain',
    values.rawDomain,
    ['no route', 'A route from this host to the backend, whatever its case and port.'],
    always,
  ),
  domainType: one(
    'domain.type',
    oneOf('exact', 'prefix', 'wildcard', 'regex'),
    [
      'exact; `wildcard` for a domain that begins with `*.`',
      "How all the service's domains match: the whole host, its beginning, any subdomain, or a regular expression.",
    ],
    always,
  ),
  paths: many(
    'path',
    values.pathPrefix,
    ['every path', 'The route holds for this path and what is below it. The longest path wins.'],
    { ...always, httpOnly: true },
  ),
  pathStrip: one(
    'path.strip',
    boolean,
    ['false', 'The path is cut off before the request is passed on.'],
    ofHttp,
  ),
  frontends: many(
    'frontend',
    values.haproxyName,
    [
      '`haproxy.frontend` of the settings',
      'The routes stand in these frontends. A `tcp` service without a domain takes all of them.',
    ],
    always,
  ),
  mode: one(
    'mode',
    oneOf('http', 'tcp'),
    [
      'http',
      '`tcp`: connections are passed on as they are; domains match the TLS server name (SNI).',
    ],
    always,
  ),
  loadBalance: one('load-balance', values.balance, [
    'roundrobin',
    '`balance`; `source`, `uri` and `hdr` hash consistently.',
  ]),
  weight: one(
    'weight',
    integer(0, 256),
    ["100; 1 in a backend of the operator's", "The instance's weight. 0: no new requests."],
    ofInstance,
  ),
  canaryWeight: one(
    'canary.weight',
    integer(0, 256),
    [
      'its weight; 0 with `canary.header`',
      "A canary's weight until it is promoted. 0 keeps it out.",
    ],
    ofInstance,
  ),
  canaryHeader: one(
    'canary.header',
    canaryHeader,
    [
      'none',
      'Requests with this header go to canaries, while one is up. A name alone: whatever its value, but `never`.',
    ],
    { httpOnly: true, perInstance: true, inFiles: false },
  ),
  cookie: one(
    'cookie',
    values.cookieName,
    ['none', 'Sticky sessions by a cookie of this name.'],
    ofHttp,
  ),
  maxconn: one('maxconn', integer(1, 1_000_000), [
    'no limit',
    '`maxconn` of each server; more requests wait in a queue.',
  ]),
  timeoutServer: one('timeout.server', duration, ["the operator's", '`timeout server`']),
  timeoutConnect: one('timeout.connect', duration, ["the operator's", '`timeout connect`']),
  timeoutQueue: one('timeout.queue', duration, ["the operator's", '`timeout queue`']),
  timeoutTunnel: one('timeout.tunnel', duration, [
    "the operator's",
    '`timeout tunnel`: WebSockets and other long connections',
  ]),
  serverSsl: one('server.ssl', boolean, [
    'false',
    'HAProxy speaks TLS to the instances and sends the host as SNI.',
  ]),
  serverSslVerify: one('server.ssl.verify', boolean, [
    'false',
    "The instances' certificates must be signed by the system's CAs.",
  ]),
  serverProto: one(
    'server.proto',
    oneOf('h1', 'h2'),
    ['h1', '`h2`: HTTP/2 to the instances, by ALPN with TLS.'],
    ofHttp,
  ),
  sendProxy: one('send-proxy', either(boolean, oneOf('v1', 'v2')), [
    'false',
    "The PROXY protocol, version 1 for `true` and `v1`, tells the instances the client's address.",
  ]),
  forwardedFor: one(
    'forwarded-for',
    boolean,
    ['true', '`option forwardfor`: X-Forwarded-For, in http mode.'],
    ofHttp,
  ),
  sslRedirect: one(
    'ssl-redirect',
    boolean,
    ['false', 'Plain HTTP is redirected to https with a 301.'],
    ofHttp,
  ),
  requestHeaders: many(
    'request-header.set',
    values.header,
    ['none', '`http-request set-header`'],
    ofHttp,
  ),
  responseHeaders: many(
    'response-header.set',
    values.header,
    ['none', '`http-response set-header`'],
    ofHttp,
  ),
  allowList: many('allow-list', values.networks, [
    'everybody',
    'Others get a 403; in tcp mode their connection is closed.',
  ]),
  rateLimit: one('rate-limit', values.rate, [
    'none',
    "More requests from one client's address get a 429; in tcp mode more connections are closed.",
  ]),
  checkDisabled: one(
    'check.disabled',
    flag,
    ['false', 'No check: instances get traffic as soon as they run.'],
    ofServerCheck,
  ),
  checkType: one(
    'check.type',
    oneOf('http', 'https', 'tcp', 'grpc'),
    ['the job spec; http with check.path, method, host or expect; else tcp', 'What kind of check.'],
    ofCheck,
  ),
  checkPath: one(
    'check.path',
    values.checkPath,
    ['the job spec, else /', 'The path that the check asks for.'],
    ofCheck,
  ),
  checkMethod: one(
    'check.method',
    values.httpMethod,
    ['the job spec, else GET', 'The request of the check.'],
    ofCheck,
  ),
  checkHost: one(
    'check.host',
    values.checkHost,
    [
      "the job spec's Host header, else the first exact domain, else the service's name",
      "The check's Host header.",
    ],
    ofCheck,
  ),
  checkExpect: one('check.expect', values.expectation, ['200-399', '`http-check expect`'], ofCheck),
  checkPort: one(
    'check.port',
    integer(1, 65_535),
    ["the job spec, else the service's port", 'The port that is checked.'],
    ofServerCheck,
  ),
  checkInterval: one(
    'check.interval',
    duration,
    [fromSpec, '`inter`; `fastinter` and `downinter` are at most 1s.'],
    ofServerCheck,
  ),
  checkTimeout: one('check.timeout', duration, [fromSpec, '`timeout check`'], ofCheck),
  checkRise: one(
    'check.rise',
    integer(1, 100),
    ['the settings', '`rise`: passes until it is up'],
    ofServerCheck,
  ),
  checkFall: one(
    'check.fall',
    integer(1, 100),
    ['the settings', '`fall`: failures until it is down'],
    ofServerCheck,
  ),
} as const;

export type TagName = keyof typeof vocabulary;
type ValueOf<Row> =
  Row extends TagRow<infer T, infer Many>
    ? true extends Many
      ? readonly T[]
      : T | undefined
    : never;

/** The tags of a service or an instance, parsed. */
export type Tags = { readonly [Name in TagName]: ValueOf<(typeof vocabulary)[Name]> };

export const tagNames = Object.keys(vocabulary) as readonly TagName[];

/** The same rows, for code that treats them all alike. */
export const tagRows: Readonly<Record<TagName, TagRow<unknown, boolean>>> = vocabulary;
