import type { Json } from '../shared/json.js';
import {
  domainList,
  grantList,
  hostNameList,
  methodList,
  nameList,
  namespaceMap,
  networkList,
} from './policy-schema.js';
import { syncPolicies } from './types.js';

/** Of the Data Plane API's own examples, so that everybody knows it. */
export const defaultPassword = 'adminpwd';

/**
 * Every configuration key with its allowed form, default, environment variable and flag. The JSON
 * schema, the error messages and the documentation test are derived from it.
 */
export interface Leaf {
  readonly [keyword: string]: Json | undefined;
  readonly description: string;
  /** The allowed form, for error messages: "expected ...". */
  readonly expected: string;
  readonly type: string | readonly string[];
  readonly default?: Json;
  readonly env?: string;
  readonly flag?: string;
  /** Never print the value. */
  readonly secret?: true;
  /** The empty text is a valid value. For other keys it means "not set". */
  readonly emptyIsValue?: true;
}

type Extra = Partial<Leaf>;

function text(description: string, expected: string, extra: Extra = {}): Leaf {
  return { description, expected, type: 'string', ...extra };
}

function file(description: string, extra: Extra = {}): Leaf {
  return text(description, 'a file path', { pattern: '^[^\\u0000-\\u001f]+$', ...extra });
}

function yesNo(description: string, value: boolean, extra: Extra = {}): Leaf {
  return { description, expected: 'true or false', type: 'boolean', default: value, ...extra };
}

function oneOf(description: string, values: readonly string[], extra: Extra = {}): Leaf {
  const expected = `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
  return { description, expected, type: 'string', enum: values, ...extra };
}

function count(description: string, minimum: number, maximum: number, value: number): Leaf {
  const expected = `a whole number from ${minimum} to ${maximum}`;
  return { description, expected, type: 'integer', minimum, maximum, default: value };
}

function share(description: string, maximum: number, value: number): Leaf {
  const expected = `a number from 0 to ${maximum}`;
  return { description, expected, type: 'number', minimum: 0, maximum, default: value };
}

function duration(description: string, value: string): Leaf {
  return {
    description,
    expected: 'a time such as "10s" or "500ms", or a number of seconds; above 0, up to 7 days',
    type: ['string', 'number'],
    format: 'duration',
    exclusiveMinimum: 0,
    maximum: 604_800,
    default: value,
  };
}

/** Bounds in seconds, and as people write them. */
function durationFromTo(
  description: string,
  [minimum, least]: readonly [number, string],
  [maximum, most]: readonly [number, string],
  value: string,
): Leaf {
  return {
    description,
    expected: `a time such as "15s" or "1m", or a number of seconds; ${least} to ${most}`,
    type: ['string', 'number'],
    format: `duration-${least}-${most}`,
    minimum,
    maximum,
    default: value,
  };
}

function durationOrNone(description: string, value: string): Leaf {
  return {
    description,
    expected: 'a time such as "5m" or "90s", or a number of seconds; 0 to 7 days',
    type: ['string', 'number'],
    format: 'duration-or-none',
    minimum: 0,
    maximum: 604_800,
    default: value,
  };
}

const filePath = { type: 'string', pattern: '^[^\\u0000-\\u001f]+$' } as const;
const haproxyName = '^[A-Za-z0-9_.:-]+$';
const nameRule = 'letters, digits, ".", "_", ":" and "-"';
const domainRule = 'host names such as www.example.com or *.example.com';

const target = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'address'],
  properties: {
    name: { type: 'string', pattern: '^[A-Za-z0-9_.-]{1,64}$' },
    address: { type: 'string', format: 'http-url' },
    username: { type: 'string', pattern: '^[^:\\u0000-\\u001f]+$' },
    password: { type: 'string', pattern: '^[^\\u0000-\\u001f]*$' },
    password_file: filePath,
    ca_cert: filePath,
    client_cert: filePath,
    client_key: filePath,
    tls_server_name: { type: 'string', pattern: '^[A-Za-z0-9_.-]+$' },
    request_timeout: {
      type: ['string', 'number'],
      format: 'duration',
      exclusiveMinimum: 0,
      maximum: 604_800,
    },
  },
} as const;

const discover = {
  type: 'object',
  additionalProperties: false,
  required: ['service', 'job'],
  properties: {
    service: { type: 'string', pattern: '^[A-Za-z0-9-]{1,63}$' },
    job: { type: 'string', pattern: '^[^\\s\\u0000-\\u001f]{1,256}$' },
    namespace: { type: 'string', pattern: '^[A-Za-z0-9-]{1,128}$' },
    scheme: { type: 'string', enum: ['https', 'http'] },
  },
} as const;

export const sections = {
  nomad: {
    address: text("Address of Nomad's HTTP API.", 'an http(s) URL or unix:// path', {
      format: 'nomad-address',
      default: 'http://127.0.0.1:4646',
      env: 'NOMAD_ADDR',
      flag: '--nomad-address',
    }),
    unix_addr: text(
      "Unix socket of Nomad's task API, used instead of an address.",
      'a unix:// path',
      {
        format: 'unix-path',
        env: 'NOMAD_UNIX_ADDR',
      },
    ),
    token: text('Nomad ACL token or workload identity.', 'printable characters without spaces', {
      pattern: '^[\\u0021-\\u007e]+$',
      secret: true,
      env: 'NOMAD_TOKEN',
    }),
    token_file: file('File that holds the token; reread when Nomad rejects the token.', {
      env: 'NOMAD_TOKEN_FILE',
    }),
    region: text("Nomad region; defaults to the agent's region.", 'a region name', {
      pattern: '^[A-Za-z0-9_.-]+$',
      env: 'NOMAD_REGION',
    }),
    namespace: text(
      'Nomad namespaces, or `*` for all.',
      'namespace names, separated by commas, or *',
      {
        pattern: '^(\\*|[A-Za-z0-9-]{1,128}( *, *[A-Za-z0-9-]{1,128})*)$',
        default: '*',
        env: 'NOMAD_NAMESPACE',
      },
    ),
    ca_cert: file('CA certificate (PEM) used to verify Nomad.', { env: 'NOMAD_CACERT' }),
    client_cert: file('Client certificate (PEM) for Nomad.', { env: 'NOMAD_CLIENT_CERT' }),
    client_key: file('Private key (PEM) of the client certificate.', {
      secret: true,
      env: 'NOMAD_CLIENT_KEY',
    }),
    tls_server_name: text("Host name to verify in Nomad's certificate.", 'a host name', {
      pattern: '^[A-Za-z0-9_.-]+$',
      env: 'NOMAD_TLS_SERVER_NAME',
    }),
    skip_verify: yesNo("Skip verification of Nomad's certificate.", false, {
      env: 'NOMAD_SKIP_VERIFY',
    }),
    request_timeout: duration('Timeout of a request to Nomad.', '10s'),
  },
  haproxy: {
    address: text('URL of the Data Plane API, with or without `/v3`.', 'an http(s) URL', {
      format: 'http-url',
      default: 'http://127.0.0.1:5555',
      env: 'HAPROXY_DATAPLANE_URL',
      flag: '--haproxy-address',
    }),
    username: text('User name for the Data Plane API.', 'a user name without ":"', {
      pattern: '^[^:\\u0000-\\u001f]+$',
      default: 'admin',
      env: 'HAPROXY_USERNAME',
    }),
    username_file: file('File that holds the user name.', { env: 'HAPROXY_USERNAME_FILE' }),
    password: text('Password for the Data Plane API.', 'one line of text (put digits in quotes)', {
      pattern: '^[^\\u0000-\\u001f]*$',
      default: defaultPassword,
      secret: true,
      emptyIsValue: true,
      env: 'HAPROXY_PASSWORD',
    }),
    password_file: file('File that holds the password.', { env: 'HAPROXY_PASSWORD_FILE' }),
    ca_cert: file('CA certificate (PEM) used to verify the Data Plane API.', {
      env: 'HAPROXY_CACERT',
    }),
    client_cert: file('Client certificate (PEM) for the Data Plane API.', {
      env: 'HAPROXY_CLIENT_CERT',
    }),
    client_key: file('Private key (PEM) of the client certificate.', {
      secret: true,
      env: 'HAPROXY_CLIENT_KEY',
    }),
    tls_server_name: text(
      "Host name to verify in the Data Plane API's certificate.",
      'a host name',
      {
        pattern: '^[A-Za-z0-9_.-]+$',
        env: 'HAPROXY_TLS_SERVER_NAME',
      },
    ),
    backend_strategy: oneOf(
      "What to do when a backend with the wanted name exists and the connector doesn't own it.",
      ['use_existing', 'create_new', 'fail_on_conflict'],
      { default: 'use_existing', env: 'HAPROXY_BACKEND_STRATEGY' },
    ),
    drain_timeout_sec: {
      ...count('Seconds a draining server gets to finish its requests.', 0, 86_400, 30),
      env: 'HAPROXY_DRAIN_TIMEOUT_SEC',
    },
    frontend: text('Frontend that gets the routes.', `a frontend name: ${nameRule}`, {
      pattern: haproxyName,
      default: 'https',
      env: 'HAPROXY_FRONTEND',
      flag: '--frontend',
    }),
    frontends: {
      description: 'Several frontends; use instead of `frontend`.',
      expected: `a list of frontend names: ${nameRule}`,
      type: 'array',
      items: { type: 'string', pattern: haproxyName },
      minItems: 1,
      uniqueItems: true,
    },
    peers: text(
      'Your `peers` section for the tables of `haproxy.rate-limit`, so that a reload and other HAProxies know them.',
      `the name of a peers section: ${nameRule}`,
      { pattern: haproxyName },
    ),
    targets: {
      description:
        'Several HAProxies, each with a `name` and the `address` of its Data Plane API; use instead of `address`. What a target leaves out (`username`, `password`, `password_file`, `ca_cert`, `client_cert`, `client_key`, `tls_server_name`, `request_timeout`) is as above.',
      expected: 'a list of targets with a name and an address each',
      type: 'array',
      items: target,
      minItems: 1,
      secret: true,
    },
    discover: {
      description:
        'Instead of `address`: a Nomad `service` whose instances are the Data Plane APIs, the `job` (its ID) that registers them, and its `namespace` (`default`). `scheme` is `https` (the default) or `http`; the other keys are as above.',
      expected:
        'a group with service and job, and if need be namespace and scheme ("https" or "http"); without the job, anybody who registers that service would get the password',
      ...discover,
    },
    // Longer than the 30 s after which the Data Plane API gives up waiting for HAProxy.
    request_timeout: duration('Timeout of a request to the Data Plane API.', '40s'),
    watch_interval: {
      ...duration(
        'How often HAProxy is checked for changes that need a pass; `off` disables the check.',
        '1s',
      ),
      expected:
        'a time such as "1s" or "500ms", a number of seconds, or "off"; above 0, up to 7 days',
      format: 'duration-or-off',
    },
  },
  leader: {
    lock_path: text(
      'Nomad variable that is the lock of several connectors for the same HAProxies: one writes, the others stand by.',
      'a path such as haproxy-nomad-connector/leader: letters, digits, "_", "~", "/" and "-"',
      { pattern: '^(?!nomad(/(?!jobs/).*)?$)[A-Za-z0-9_~/-]{1,128}$' },
    ),
    lock_ttl: durationFromTo(
      'How long the leader writes on after its last renewal. It renews three times as often; Nomad frees the lock after twice this time.',
      [10, '10s'],
      [86_400, '24h'],
      '15s',
    ),
    lock_delay: durationFromTo(
      'How much longer Nomad keeps the lock of a leader that did not release it.',
      [1, '1s'],
      [86_400, '24h'],
      '1s',
    ),
  },
  rollout: {
    canary: text(
      'Of several HAProxies, the one that gets changes that need a reload first; by default, the first by name.',
      'the name of a target: letters, digits, ".", "_" and "-"',
      { pattern: '^[A-Za-z0-9_.-]{1,64}$' },
    ),
    settle: durationOrNone(
      'How long the canary has to run a change before the others get it.',
      '2s',
    ),
    max_parallel: count('How many of the others reload at a time.', 1, 100, 1),
  },
  tags: {
    prefix: text('Prefix of the tags on Nomad services.', 'a word such as haproxy', {
      pattern: '^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$',
      default: 'haproxy',
    }),
  },
  ownership: {
    prefix: text(
      'Name prefix of the objects the connector owns; an empty prefix needs Data Plane API 3.2 or newer.',
      nameRule,
      {
        pattern: '^[A-Za-z0-9_.:-]*$',
        default: 'nomad_',
        emptyIsValue: true,
      },
    ),
    scope: text(
      'Name of the Nomad cluster, where several that share a region name are served by one HAProxy; defaults to `nomad.region`.',
      'letters, digits, ".", "_" and "-"',
      { pattern: '^[A-Za-z0-9_.-]+$' },
    ),
    adopt: yesNo("Take full ownership of existing backends the connector doesn't own.", false, {
      flag: '--adopt',
    }),
  },
  routing: {
    mode: oneOf(
      'Route through map files, or through one ACL and one rule per domain.',
      ['map', 'rules'],
      {
        default: 'map',
        flag: '--routing-mode',
      },
    ),
    position: oneOf(
      "Put the connector's rules before or after the operator's.",
      ['before', 'after'],
      {
        default: 'before',
      },
    ),
    map_name: text('Base name of the map files.', 'letters, digits, ".", "_" and "-"', {
      pattern: '^[A-Za-z0-9_-][A-Za-z0-9_.-]*$',
      default: 'nomad',
    }),
  },
  domain_map: {
    enabled: {
      description: '`true`: map mode with the map at `file_path`; `false`: rules mode.',
      expected: 'true or false',
      type: 'boolean',
      env: 'DOMAIN_MAP_ENABLED',
    },
    file_path: text(
      "Path of the map, inside the Data Plane API's maps directory.",
      'a path that ends in .map',
      {
        pattern: '^([^\\u0000-\\u001f]*/)?[A-Za-z0-9_-][A-Za-z0-9_.-]*[.]map$',
        env: 'DOMAIN_MAP_FILE_PATH',
      },
    ),
  },
  checks: {
    from_job_spec: yesNo('Take health checks from the Nomad job spec.', true),
    interval: duration('Check interval when the job sets none.', '10s'),
    timeout: duration('Check timeout when the job sets none.', '5s'),
    rise: count('Consecutive passed checks that bring a server up.', 1, 100, 2),
    fall: count('Consecutive failed checks that take a server down.', 1, 100, 3),
    probe: yesNo(
      "Run the check of a server that waits for it from the connector, instead of waiting for HAProxy's schedule.",
      true,
    ),
  },
  slots: {
    spare_factor: share('Spare servers per instance.', 10, 1),
    spare_min: count('Minimum number of spare servers per backend.', 0, 1000, 2),
  },
  guard: {
    max_removal_percent: share(
      'Percentage of owned servers or backends that one pass may remove because Nomad no longer lists' +
        ' them.',
      100,
      30,
    ),
    traceless_hold: durationOrNone(
      'How long more than that must be missing before it is removed, where nothing in Nomad tells why' +
        ' it went; `0` disables the wait.',
      '5m',
    ),
    allow_removals: yesNo('Disable the guard: apply every removal.', false, {
      flag: '--allow-removals',
    }),
  },
  sync: {
    policy: oneOf(
      'What a pass may do to backends and routes that are there: `sync` changes and removes them, `upsert-only` removes none, `create-only` changes none either. Servers always follow the catalog.',
      [...syncPolicies],
      { default: 'sync', flag: '--policy' },
    ),
    resync_interval: duration('Longest time between two passes.', '30s'),
    debounce: duration(
      'The first change starts a pass at once. How long those that follow wait for more.',
      '75ms',
    ),
    debounce_max: duration('Upper limit of that wait when changes keep coming.', '1s'),
    full_read_interval: duration(
      'Longest time between two full reads of HAProxy and of Nomad.',
      '300s',
    ),
    backoff_min: duration('First delay after a failed pass.', '500ms'),
    backoff_max: duration('Longest delay after a failed pass.', '30s'),
  },
  policy: {
    mode: oneOf(
      '`open`: job authors are trusted with routes, but not with the machine. `strict`: a namespace may use what `policy.namespaces` lists for it.',
      ['open', 'strict'],
      { default: 'open' },
    ),
    file: file('File with the keys of this section, read again when it changes.'),
    reserved_domains: {
      description: 'Hosts that no tag may route.',
      expected: `a list of ${domainRule}`,
      ...domainList,
    },
    protected_frontends: {
      description: 'Frontends that no tag may use.',
      expected: `a list of frontend names: ${nameRule}`,
      ...nameList,
    },
    protected_backends: {
      description: 'Backends that no service may join.',
      expected: `a list of backend names: ${nameRule}`,
      ...nameList,
    },
    allowed_addresses: {
      description: "Networks that are allowed as targets although they aren't an allocation's own.",
      expected: 'a list of IP addresses and networks such as 10.1.0.0/16',
      ...networkList,
    },
    check_methods: {
      description: 'Methods that checks may use besides GET, HEAD and OPTIONS.',
      expected: 'a list of HTTP methods such as POST',
      ...methodList,
    },
    custom_weight: {
      description:
        "Highest weight of a server in a `custom` backend; by default, the highest of the operator's own servers there.",
      expected: 'a whole number from 1 to 256',
      type: 'integer',
      minimum: 1,
      maximum: 256,
    },
    claim_grace: durationOrNone(
      'How long a host stays with its namespace, and a route keeps its age, after the last service that claims it is gone.',
      '1h',
    ),
    grants: {
      description: 'Paths of any host that a namespace may route.',
      expected: `a list of host, path and to: ${domainRule}, a path such as /api, a namespace`,
      ...grantList,
    },
    namespaces: {
      description: 'What each namespace may use in strict mode, and the paths it grants to others.',
      expected:
        'a group per namespace with domains, frontends, backends, addresses, features (regex, prefix, hostless, tcp, check, headers, canary) and grants (host, path, to)',
      ...namespaceMap,
    },
  },
  limits: {
    name_bytes: count(
      "Bytes of the name of a service's namespace, job or task group.",
      128,
      1024,
      255,
    ),
    tags_per_service: count(
      'Tags of a service with the prefix, over all of its instances and groups whose tags differ.',
      10,
      100_000,
      1000,
    ),
    tag_bytes: count('Bytes of one tag.', 64, 65_536, 4096),
    tags_bytes: count('Bytes of all these tags of a service.', 1024, 16_777_216, 524_288),
    domains_per_service: count('Domains of a service.', 1, 10_000, 500),
    paths_per_service: count('Paths of a service.', 1, 1000, 100),
    routes_per_service: count('Routes of a service: each domain with each path.', 1, 10_000, 1000),
    regexes_per_service: count(
      'Regular expressions of a service: each regex domain, and each prefix domain with a path, once per path.',
      0,
      100,
      10,
    ),
    regexes_total: count('Regular expressions of all services together.', 0, 1000, 100),
    regex_steps: count(
      'Steps that all regular expressions together may need for the worst host; up to 1 ns each.',
      0,
      1_000_000_000,
      4_000_000,
    ),
    servers_per_backend: count('Servers of a backend, including spare ones.', 1, 100_000, 1000),
    servers_total: {
      description:
        'Servers of all backends together; `auto` is what HAProxy has file descriptors for, at most half of them where it chooses `maxconn` itself.',
      expected: 'a whole number from 1 to 1000000, or "auto"',
      type: ['integer', 'string'],
      pattern: '^auto$',
      minimum: 1,
      maximum: 1_000_000,
      default: 'auto',
    },
    check_interval: duration('Shortest check interval that a job or a tag can ask for.', '500ms'),
    reload_interval: durationOrNone(
      'Shortest time between two reloads; the first one is immediate, changes that follow are gathered. `0` disables the wait.',
      '1s',
    ),
    answer_bytes: count(
      'Bytes of one answer of Nomad or the Data Plane API, uncompressed.',
      65_536,
      1_073_741_824,
      134_217_728,
    ),
    object_bytes: count(
      "Bytes of Nomad's answer about one job, allocation or service, uncompressed.",
      16_384,
      134_217_728,
      4_194_304,
    ),
  },
  routes: {
    directory: text('Directory of route files for services outside Nomad.', 'a directory path', {
      pattern: '^[^\\u0000-\\u001f]+$',
    }),
  },
  http: {
    listen: {
      description:
        'Listen address of the status page, `/health`, `/readyz` and `/metrics`; `:8080` is every address, `off` none.',
      expected: '":PORT", "HOST:PORT" or "off"',
      type: ['string', 'integer'],
      format: 'listen',
      minimum: 0,
      maximum: 65_535,
      default: '127.0.0.1:8080',
      flag: '--http-listen',
    },
    host_names: {
      description:
        'Host names under which the status page, and on a loopback address health and metrics too, may be reached, besides addresses, `localhost` and the name of the machine.',
      expected: 'a list of host names such as status.example.com',
      ...hostNameList,
    },
  },
  log: {
    level: text('Minimum log level.', 'error, warn, info or debug', {
      format: 'log-level',
      default: 'info',
      env: 'LOG_LEVEL',
      flag: '--log-level',
    }),
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Leaf>>>>;

type Sections = typeof sections;
type KeysOf<S extends keyof Sections> = S extends string
  ? `${S}.${Extract<keyof Sections[S], string>}`
  : never;

/** `nomad.address`, ... */
export type ConfigKey = KeysOf<keyof Sections>;

export const leaves: ReadonlyMap<ConfigKey, Leaf> = new Map(
  Object.entries(sections).flatMap(([section, keys]) =>
    Object.entries(keys).map(([key, leaf]) => [`${section}.${key}` as ConfigKey, leaf as Leaf]),
  ),
);

/** JSON schema of the configuration file. */
export const configSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'haproxy-nomad-connector configuration',
  type: 'object',
  additionalProperties: false,
  properties: {
    $schema: { type: 'string' },
    ...Object.fromEntries(
      Object.entries(sections).map(([section, properties]) => [
        section,
        { type: 'object', additionalProperties: false, properties },
      ]),
    ),
  },
};
