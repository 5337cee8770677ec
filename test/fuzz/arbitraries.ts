/** Jobs that a hostile or careless author could submit, and entries that Nomad itself would refuse. */

import fc from 'fast-check';

import { acceptedTagList, tagList } from '../desired/arbitraries.js';

export interface FuzzJob {
  readonly namespace: string;
  readonly id: string;
  readonly group: string;
  readonly portLabel: string;
  readonly services: readonly FuzzService[];
  readonly instances: readonly FuzzInstance[];
  readonly count: number;
  readonly updated: boolean;
}

export interface FuzzService {
  readonly name: string;
  readonly ofTask: boolean;
  readonly tags: readonly string[];
  readonly canaryTags: readonly string[];
  readonly checks: readonly FuzzCheck[];
}

export interface FuzzCheck {
  readonly Type: string;
  readonly Name: string;
  readonly Path: string;
  readonly Method: string;
  readonly Protocol: string;
  readonly PortLabel: string;
  readonly GRPCService: string;
  readonly Header: Record<string, string[]>;
  readonly Interval: number;
  readonly Timeout: number;
}

export interface FuzzInstance {
  /** Absent: an app that answers. */
  readonly address?: string | undefined;
  readonly port: number;
  readonly canary: boolean;
  readonly status: 'running' | 'pending' | 'failed' | 'lost' | 'unknown' | 'complete';
}

/** Registered without a job. */
export interface FuzzEntry {
  readonly id: string;
  readonly alloc: string;
  readonly job: string;
  readonly namespace: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly address: string;
  readonly port: number;
}

export interface FuzzRun {
  readonly jobs: readonly FuzzJob[];
  readonly entries: readonly FuzzEntry[];
}

const harm = [
  ...['\n', '\r\n', '\0', '\t', ' ', '"', "'", '\\', '#', '%[', '$(x)', '${HOME}', '`', '{}', '/'],
  ...['..', '\u2028', 'é', '\u202e', '\ud800', '*/', '}}', '"}}\n  server x 127.0.0.1:1'],
  ...['\nbackend evil\n  http-request return status 200', 'toString', '__proto__', 'constructor'],
];

const junk = fc
  .array(fc.oneof(fc.string({ unit: 'binary', maxLength: 4 }), fc.constantFrom(...harm)), {
    maxLength: 4,
  })
  .map((parts) => parts.join(''));

function nearly(...seeds: readonly string[]): fc.Arbitrary<string> {
  const seed = fc.constantFrom(...seeds);
  const mutated = fc
    .tuple(seed, junk, fc.nat(8))
    .map(([text, bad, at]) => text.slice(0, at) + bad + text.slice(at));
  return fc.oneof(
    { weight: 8, arbitrary: seed },
    { weight: 3, arbitrary: mutated },
    { weight: 1, arbitrary: seed.map((text) => text.repeat(300)) },
  );
}

const name = nearly(
  ...['web', 'API', 'a', 'a-b', 'x'.repeat(63), '0', 'Victim', 'connector', 'victim-ward'],
  ...['${NOMAD_JOB_NAME}', '${NOMAD_TASK_NAME}-x', 'nomad', 'a.b', 'ward_victim', 'default_victim'],
);
/**
 * The victims' own is not among them: who may submit there is one of them. Everything in Nomad and
 * here goes by `namespace/name`, so neither a slash nor the name for all of them is tried.
 */
const namespace = nearly(
  ...['default', 'default', 'evil', 'evil', 'team-1', 'route.file', 'EVIL'],
).map((text) => text.replace(/[/*]/g, '_'));
const anyLabel = nearly('http', 'http', 'http', 'web', 'x_y', '8080', '');

/** Near the victims' hosts, paths, backends and frontends. */
const aimed = fc.constantFrom(
  ...['domain=victim.test', 'domain=VICTIM.test:80', 'domain=*.test', 'domain=*', 'domain=victim.'],
  ...['domain=^.*$', 'domain=.*', 'domain=(v|x)ictim[.]test$', 'domain=victim\\.test', 'domain='],
  ...['domain=*.ward.test', 'domain=a.ward.test', 'domain=*.a.ward.test', 'domain=ward.test'],
  ...['domain.type=regex', 'domain.type=prefix', 'domain.type=wildcard', 'domain.type=exact'],
  ...['path=/', 'path=/deep', 'path=/operator', 'path=//', 'path=/%2e%2e', 'path.strip=true'],
  ...['backend=custom', 'backend=dynamic', 'backend=static', 'backend.strategy=use_existing'],
  ...['backend.strategy=fail_on_conflict', 'backend.strategy=create_new'],
  ...['backend.name=nomad_victim', 'backend.name=nomad_ward_victim', 'backend.name=operator_api'],
  ...['backend.name=shop', 'backend.name=tcp_pool', 'backend.name=http_front'],
  ...['backend.name=nomad__connector', 'backend.name=toString', 'backend.name=__proto__'],
  ...['frontend=http_front', 'frontend=tcp_front', 'frontend=other_front', 'frontend=none'],
  ...['frontend=__proto__', 'mode=tcp', 'mode=http', 'weight=256', 'weight=0'],
);

const many = fc
  .tuple(fc.constantFrom(30, 200, 501, 1200), fc.constantFrom('domain', 'path', 'x'), fc.nat(99))
  .map(([count, key, at]) =>
    Array.from({ length: count }, (_, n) => {
      const value = key === 'path' ? `/p${at}/${n}` : `h${n}.many${at}.test`;
      return key === 'x' ? `x${n}=${value}` : `${key}=${value}`;
    }),
  );

const regexes = fc
  .array(
    fc.constantFrom('(a|b)+[.]test$', '[a-z]{1,60}[.](x|y)*$', '^(([a-z])+.)+$', '(.*){9}x', '^a?'),
    { minLength: 1, maxLength: 14 },
  )
  .map((list) => ['domain.type=regex', ...list.map((one) => `domain=${one}`)]);

const tagLists = fc.oneof(
  { weight: 5, arbitrary: acceptedTagList },
  { weight: 4, arbitrary: tagList },
  { weight: 5, arbitrary: fc.array(aimed, { minLength: 1, maxLength: 5 }) },
  { weight: 1, arbitrary: many },
  { weight: 1, arbitrary: regexes },
  {
    weight: 1,
    arbitrary: fc.array(
      junk.map((text) => `${text}=1`),
      { maxLength: 5 },
    ),
  },
);

const tags = fc
  .tuple(
    fc.oneof(
      tagLists,
      fc.tuple(tagLists, tagLists).map((two) => two.flat()),
    ),
    fc.nat(30),
    junk,
  )
  .map(([list, odd, bad]) => {
    const ours = list.map((tag) => `haproxy.${tag}`);
    if (odd === 0) return ours;
    const own = [`haproxy.enable=true`, `haproxy.domain=own${odd % 7}.test`];
    return odd === 1
      ? [...own, ...ours, bad]
      : odd < 20
        ? [...own, ...ours]
        : [own[0] ?? '', ...ours];
  });

const duration = fc.constantFrom(1e9, 2e9, 10e9, 1, 0, -1, 2 ** 53, 1.5e9);
const header = fc.dictionary(nearly('Host', 'X-A', 'host'), fc.array(nearly('a', 'victim.test')), {
  noNullPrototype: true,
  maxKeys: 3,
});

const check = fc.record({
  Type: fc.constantFrom('http', 'http', 'tcp', 'grpc', 'script', 'HTTP', ''),
  Name: nearly('alive'),
  Path: nearly('/health', '/', '', 'health', '/a b', '/%[src]', 'http://x/'),
  Method: nearly('', 'GET', 'HEAD', 'POST', 'get', 'G T'),
  Protocol: nearly('', 'http', 'https'),
  PortLabel: anyLabel,
  GRPCService: nearly('', 'pkg.Health'),
  Header: header,
  Interval: duration,
  Timeout: duration,
});

const address = nearly(
  ...['127.0.0.1', '127.0.0.2', '10.9.8.7', '::1', '[::1]', '', 'localhost', '0.0.0.0', '::'],
  ...['169.254.169.254', 'fe80::1%eth0', '::ffff:127.0.0.1', 'unix@/tmp/x', 'fd@3', 'abns@x'],
  ...['127.1', '0x7f000001', '2130706433', 'example.invalid', 'ipv4@10.0.0.1', '10.0.0.1:80'],
);
const port = fc.constantFrom(8080, 80, 1, 65_535, 0, -1, 65_536, 1e9);

const instance = fc.record({
  address: fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    { weight: 2, arbitrary: address },
  ),
  port,
  canary: fc.boolean(),
  status: fc.constantFrom(
    ...(['running', 'running', 'running', 'running', 'pending'] as const),
    ...(['failed', 'lost', 'unknown', 'complete'] as const),
  ),
});

const service = fc.record({
  name,
  ofTask: fc.boolean(),
  tags,
  canaryTags: fc.oneof(fc.constant([]), fc.constant(['canary']), tags),
  checks: fc.array(check, { maxLength: 3 }),
});

const job = fc.record({
  namespace,
  id: nearly('job', 'job-2', 'job 3', 'a/b', 'periodic-1700', 'dispatch/x'),
  group: nearly('group', 'web', 'a b'),
  portLabel: anyLabel,
  services: fc.array(service, { minLength: 1, maxLength: 3 }),
  instances: fc.oneof(
    { weight: 12, arbitrary: fc.array(instance, { maxLength: 4 }) },
    { weight: 1, arbitrary: fc.array(instance, { minLength: 40, maxLength: 60 }) },
  ),
  count: fc.constantFrom(0, 1, 2, 5, 60, 1001, 1e9, -1),
  updated: fc.boolean(),
});

const entry = fc.record({
  id: nearly('_nomad-task-1-group-web-web-http', ''),
  alloc: nearly('6b5f415c-8840-02b9-1eab-bd18f579ec86', ''),
  job: nearly('ghost', ''),
  namespace,
  name,
  tags,
  address,
  port,
});

/** As Nomad's own JSON holds them: without halves of surrogate pairs. */
function wellFormed(run: FuzzRun): FuzzRun {
  const each = (_key: string, value: unknown): unknown =>
    typeof value === 'string' ? Buffer.from(value).toString() : value;
  return JSON.parse(JSON.stringify(run), each) as FuzzRun;
}

export const fuzzRun: fc.Arbitrary<FuzzRun> = fc
  .record({
    jobs: fc.array(job, { minLength: 1, maxLength: 6 }),
    entries: fc.array(entry, { maxLength: 3 }),
  })
  .map(wellFormed);
