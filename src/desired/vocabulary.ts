import { canaryHeader } from './canary.js';
import { type Grammar, boolean, duration, either, flag, integer, oneOf } from './grammar.js';
import * as values from './values.js';

/** One row of the table of tags, the source of the parser, the docs page and the JSON schema. */
export interface TagRow<T, Many extends boolean> {
  /** Without the prefix. */
  readonly key: string;
  readonly grammar: Grammar<T>;
  /** Whether it may be repeated. */
  readonly many: Many;
  /** Default, for people. */
  readonly fallback: string;
  /** Meaning, for people. */
  readonly becomes: string;
  /** Also applies to a custom backend. */
  readonly custom: boolean;
  /** Has no meaning in tcp mode. */
  readonly httpOnly: boolean;
  /** Read from each instance's own tags instead of the newest's. */
  readonly perInstance: boolean;
  /** Allowed in route files. */
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

const fromSpec = 'job spec, otherwise the setting';

export const vocabulary = {
  enable: one('enable', boolean, ['false', 'Enables routing to this instance.'], ofInstance),
  backend: one(
    'backend',
    oneOf('dynamic', 'custom', 'static'),
    [
      'dynamic',
      '`dynamic`: the connector creates and owns the backend. `custom`: it adds servers to a backend the operator maintains. `static`: it does nothing; HAProxy is configured by hand.',
    ],
    ofNomad,
  ),
  backendName: one(
    'backend.name',
    values.haproxyName,
    ["the service's name", 'Name of the backend that a `custom` service adds its servers to.'],
    ofNomad,
  ),
  backendStrategy: one(
    'backend.strategy',
    oneOf('use_existing', 'create_new', 'fail_on_conflict'),
    [
      'setting `haproxy.backend_strategy`',
      "What to do when a backend with that name exists and the connector doesn't own it. `fail_on_conflict` in a tag skips the service, as `create_new` does; only the setting fails the pass.",
    ],
    ofNomad,
  ),
  domains: many(
    'domain',
    values.rawDomain,
    ['no route', 'Routes this host to the backend. Case and port are ignored.'],
    always,
  ),
  domainType: one(
    'domain.type',
    oneOf('exact', 'prefix', 'wildcard', 'regex'),
    [
      'exact; `wildcard` for a domain that begins with `*.`',
      'How all domains of the service match: the whole host, a prefix of it, any subdomain, or a regular expression.',
    ],
    always,
  ),
  paths: many(
    'path',
    values.pathPrefix,
    ['all paths', 'Limits the route to this path and everything below it. The longest path wins.'],
    { ...always, httpOnly: true },
  ),
  pathStrip: one(
    'path.strip',
    boolean,
    ['false', 'Removes the path prefix before forwarding the request.'],
    ofHttp,
  ),
  frontends: many(
    'frontend',
    values.haproxyName,
    [
      'setting `haproxy.frontend`',
      'Frontends that get the routes. A `tcp` service without a domain receives all their traffic.',
    ],
    always,
  ),
  mode: one(
    'mode',
    oneOf('http', 'tcp'),
    ['http', '`tcp`: forwards raw connections; domains match the TLS server name (SNI).'],
    always,
  ),
  loadBalance: one('load-balance', values.balance, [
    'roundrobin',
    '`balance`; `source`, `uri` and `hdr` use consistent hashing.',
  ]),
  weight: one(
    'weight',
    integer(0, 256),
    ['100; 1 in a `custom` backend', 'Weight of the instance. 0: no new requests.'],
    ofInstance,
  ),
  canaryWeight: one(
    'canary.weight',
    integer(0, 256),
    [
      '`weight`; 0 with `canary.header`',
      'Weight of a canary until promotion. 0: no traffic by weight.',
    ],
    ofInstance,
  ),
  canaryHeader: one(
    'canary.header',
    canaryHeader,
    [
      'none',
      'Requests with this header go to canaries while one is up. A name alone matches any value except `never`.',
    ],
    { httpOnly: true, perInstance: true, inFiles: false },
  ),
  cookie: one(
    'cookie',
    values.cookieName,
    ['none', 'Sticky sessions with a cookie of this name.'],
    ofHttp,
  ),
  maxconn: one('maxconn', integer(1, 1_000_000), [
    'no limit',
    '`maxconn` per server; excess requests are queued.',
  ]),
  timeoutServer: one('timeout.server', duration, ['from `defaults`', '`timeout server`']),
  timeoutConnect: one('timeout.connect', duration, ['from `defaults`', '`timeout connect`']),
  timeoutQueue: one('timeout.queue', duration, ['from `defaults`', '`timeout queue`']),
  timeoutTunnel: one('timeout.tunnel', duration, [
    'from `defaults`',
    '`timeout tunnel`: WebSockets and other long-lived connections',
  ]),
  serverSsl: one('server.ssl', boolean, [
    'false',
    'Connects to the instances over TLS and sends the host as SNI.',
  ]),
  serverSslVerify: one('server.ssl.verify', boolean, [
    'false',
    "Verifies the instances' certificates against the system's CAs.",
  ]),
  serverProto: one(
    'server.proto',
    oneOf('h1', 'h2'),
    ['h1', '`h2`: HTTP/2 to the instances, negotiated by ALPN when TLS is on.'],
    ofHttp,
  ),
  sendProxy: one('send-proxy', either(boolean, oneOf('v1', 'v2')), [
    'false',
    "Sends the client's address to the instances with the PROXY protocol; `true` means `v1`.",
  ]),
  forwardedFor: one(
    'forwarded-for',
    boolean,
    ['true', '`option forwardfor`: adds X-Forwarded-For.'],
    ofHttp,
  ),
  sslRedirect: one(
    'ssl-redirect',
    boolean,
    ['false', 'Redirects plain HTTP to HTTPS with a 301.'],
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
    'all clients',
    'Client addresses that are allowed. Others get a 403; in tcp mode the connection is closed.',
  ]),
  rateLimit: one('rate-limit', values.rate, [
    'none',
    'Limit per client address. Excess requests get a 429; in tcp mode excess connections are closed.',
  ]),
  checkDisabled: one(
    'check.disabled',
    flag,
    ['false', 'Turns the check off: instances get traffic as soon as they run.'],
    ofServerCheck,
  ),
  checkType: one(
    'check.type',
    oneOf('http', 'https', 'tcp', 'grpc'),
    [
      'job spec; `http` if `check.path`, `method`, `host` or `expect` is set; otherwise `tcp`',
      'Type of the check.',
    ],
    ofCheck,
  ),
  checkPath: one(
    'check.path',
    values.checkPath,
    ['job spec, otherwise /', 'Path the check requests.'],
    ofCheck,
  ),
  checkMethod: one(
    'check.method',
    values.httpMethod,
    ['job spec, otherwise GET', 'HTTP method of the check.'],
    ofCheck,
  ),
  checkHost: one(
    'check.host',
    values.checkHost,
    [
      "Host header in the job spec, otherwise the first exact domain, otherwise the service's name",
      'Host header of the check.',
    ],
    ofCheck,
  ),
  checkExpect: one('check.expect', values.expectation, ['200-399', '`http-check expect`'], ofCheck),
  checkPort: one(
    'check.port',
    integer(1, 65_535),
    ["job spec, otherwise the service's port", 'Port to check.'],
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
    ['setting `checks.rise`', '`rise`: passed checks until the server is up'],
    ofServerCheck,
  ),
  checkFall: one(
    'check.fall',
    integer(1, 100),
    ['setting `checks.fall`', '`fall`: failed checks until the server is down'],
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

/** The same rows, for generic code. */
export const tagRows: Readonly<Record<TagName, TagRow<unknown, boolean>>> = vocabulary;
