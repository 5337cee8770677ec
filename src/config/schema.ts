import type { Json } from '../json.js';

/**
 * Every key of the configuration, once: what it may be, its default, and the variable and flag that
 * set it. The JSON schema, the error messages and the test of the documentation are made from it.
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
  /** Never printed. */
  readonly secret?: true;
  /** The empty text is a value; elsewhere it means "not set". */
  readonly emptyIsValue?: true;
}

type Extra = Partial<Leaf>;

function text(description: string, expected: string, extra: Extra = {}): Leaf {
  return { description, expected, type: 'string', ...extra };
}

function file(description: string, extra: Extra = {}): Leaf {
  return text(description, 'the path of a file', { pattern: '^[^\\u0000-\\u001f]+$', ...extra });
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

const HAPROXY_NAME = '^[A-Za-z0-9_.:-]+$';
const NAME_RULE = 'letters, digits, ".", "_", ":" and "-"';

export const sections = {
  nomad: {
    address: text("Nomad's HTTP API.", 'an http(s) URL or unix:// path', {
      format: 'nomad-address',
      default: 'http://127.0.0.1:4646',
      env: 'NOMAD_ADDR',
      flag: '--nomad-address',
    }),
    unix_addr: text("Nomad's task API socket, instead of an address.", 'a unix:// path', {
      format: 'unix-path',
      env: 'NOMAD_UNIX_ADDR',
    }),
    token: text('ACL token or workload identity.', 'printable characters without spaces', {
      pattern: '^[\\u0021-\\u007e]+$',
      secret: true,
      env: 'NOMAD_TOKEN',
    }),
    token_file: file('File with the token; read again when Nomad refuses the token.', {
      env: 'NOMAD_TOKEN_FILE',
    }),
    region: text("Nomad region; not set: the agent's own.", 'the name of a region', {
      pattern: '^[A-Za-z0-9_.-]+$',
      env: 'NOMAD_REGION',
    }),
    namespace: text('Nomad namespace; `*` for all.', 'the name of a namespace, or *', {
      pattern: '^(\\*|[A-Za-z0-9-]{1,128})$',
      default: '*',
      env: 'NOMAD_NAMESPACE',
    }),
    ca_cert: file('CA certificate (PEM) that Nomad is checked against.', { env: 'NOMAD_CACERT' }),
    client_cert: file('Client certificate (PEM).', { env: 'NOMAD_CLIENT_CERT' }),
    client_key: file("The client certificate's key (PEM).", {
      secret: true,
      env: 'NOMAD_CLIENT_KEY',
    }),
    tls_server_name: text("Name expected in Nomad's certificate.", 'a host name', {
      pattern: '^[A-Za-z0-9_.-]+$',
      env: 'NOMAD_TLS_SERVER_NAME',
    }),
    skip_verify: yesNo("Don't verify Nomad's certificate.", false, { env: 'NOMAD_SKIP_VERIFY' }),
    request_timeout: duration('Longest wait for an answer from Nomad.', '10s'),
  },
  haproxy: {
    address: text('The Data Plane API, with or without `/v3`.', 'an http(s) URL', {
      format: 'http-url',
      default: 'http://127.0.0.1:5555',
      env: 'HAPROXY_DATAPLANE_URL',
      flag: '--haproxy-address',
    }),
    username: text('User of the Data Plane API.', 'a user name without ":"', {
      pattern: '^[^:\\u0000-\\u001f]+$',
      default: 'admin',
      env: 'HAPROXY_USERNAME',
    }),
    username_file: file('File with the user name.', { env: 'HAPROXY_USERNAME_FILE' }),
    password: text('Password of that user.', 'one line of text (put digits in quotes)', {
      pattern: '^[^\\u0000-\\u001f]*$',
      default: 'adminpwd',
      secret: true,
      emptyIsValue: true,
      env: 'HAPROXY_PASSWORD',
    }),
    password_file: file('File with the password.', { env: 'HAPROXY_PASSWORD_FILE' }),
    backend_strategy: oneOf(
      "What to do about a backend of the wanted name that isn't the connector's.",
      ['use_existing', 'create_new', 'fail_on_conflict'],
      { default: 'use_existing', env: 'HAPROXY_BACKEND_STRATEGY' },
    ),
    drain_timeout_sec: {
      ...count('Seconds that a leaving server may take to finish its requests.', 0, 86_400, 30),
      env: 'HAPROXY_DRAIN_TIMEOUT_SEC',
    },
    frontend: text('The frontend that routes are put in.', `a frontend's name: ${NAME_RULE}`, {
      pattern: HAPROXY_NAME,
      default: 'https',
      env: 'HAPROXY_FRONTEND',
      flag: '--frontend',
    }),
    frontends: {
      description: 'Several of them, instead of `frontend`.',
      expected: `a list of frontends' names: ${NAME_RULE}`,
      type: 'array',
      items: { type: 'string', pattern: HAPROXY_NAME },
      minItems: 1,
      uniqueItems: true,
    },
    // Longer than the 30 s after which the Data Plane API gives up on HAProxy and answers.
    request_timeout: duration('Longest wait for an answer from the Data Plane API.', '40s'),
  },
  tags: {
    prefix: text('What the tags on Nomad services begin with.', 'a word such as haproxy', {
      pattern: '^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$',
      default: 'haproxy',
    }),
  },
  ownership: {
    prefix: text(
      "What the names of the connector's own objects begin with; none needs Data Plane API 3.2 or newer.",
      NAME_RULE,
      {
        pattern: '^[A-Za-z0-9_.:-]*$',
        default: 'nomad_',
        emptyIsValue: true,
      },
    ),
    adopt: yesNo("Take over existing backends that aren't the connector's whole.", false, {
      flag: '--adopt',
    }),
  },
  routing: {
    mode: oneOf('Map files, or an ACL and a rule per domain.', ['map', 'rules'], {
      default: 'map',
      flag: '--routing-mode',
    }),
    position: oneOf("Where our rules stand among the operator's.", ['before', 'after'], {
      default: 'before',
    }),
    map_name: text('Base name of the map files.', 'letters, digits, ".", "_" and "-"', {
      pattern: '^[A-Za-z0-9_-][A-Za-z0-9_.-]*$',
      default: 'nomad',
    }),
  },
  domain_map: {
    enabled: {
      description: 'true: map mode with the map at `file_path`; false: rules mode.',
      expected: 'true or false',
      type: 'boolean',
      env: 'DOMAIN_MAP_ENABLED',
    },
    file_path: text(
      "The map's path, in the data plane's maps folder.",
      'a path that ends in .map',
      {
        pattern: '^([^\\u0000-\\u001f]*/)?[A-Za-z0-9_-][A-Za-z0-9_.-]*[.]map$',
        env: 'DOMAIN_MAP_FILE_PATH',
      },
    ),
  },
  checks: {
    from_job_spec: yesNo("Take each service's health check from its Nomad job.", true),
    interval: duration("Time between two checks, where the job doesn't say.", '10s'),
    timeout: duration("Longest wait for a check, where the job doesn't say.", '5s'),
    rise: count('Passed checks in a row that bring a server up.', 1, 100, 2),
    fall: count('Failed checks in a row that take a server down.', 1, 100, 3),
  },
  slots: {
    spare_factor: share('Spare servers for each instance.', 10, 1),
    spare_min: count('Least number of spare servers in a backend.', 0, 1000, 2),
  },
  guard: {
    max_removal_percent: share(
      "Percent of the connector's servers or backends that may go in one pass because Nomad doesn't" +
        ' list them.',
      100,
      30,
    ),
    allow_removals: yesNo('Let every removal through.', false, { flag: '--allow-removals' }),
  },
  sync: {
    resync_interval: duration('A pass at least this often.', '30s'),
    debounce: duration('Wait this long for more changes before a pass.', '75ms'),
    debounce_max: duration('Wait no longer than this, however many changes come.', '500ms'),
    full_read_interval: duration('Read all of HAProxy at least this often.', '300s'),
    backoff_min: duration('First wait after a failed pass.', '500ms'),
    backoff_max: duration('Longest wait after a failed pass.', '30s'),
  },
  routes: {
    directory: text("Folder with routes for what isn't in Nomad.", 'the path of a folder', {
      pattern: '^[^\\u0000-\\u001f]+$',
    }),
  },
  http: {
    listen: {
      description: 'Where `/health`, `/readyz` and `/metrics` are served; `off` for nowhere.',
      expected: '":PORT", "HOST:PORT" or "off"',
      type: ['string', 'integer'],
      format: 'listen',
      minimum: 0,
      maximum: 65_535,
      default: ':8080',
      flag: '--http-listen',
    },
  },
  log: {
    level: text('Least level that is logged.', 'error, warn, info or debug', {
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
