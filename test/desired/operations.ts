/**
 * Prints, for each hostile service, how often blocks of src run to plan it: JSON by name. A process
 * of its own, because counting would take the counts of a coverage run.
 */

import { Session } from 'node:inspector/promises';

import { sortedNames } from '../../src/observe/catalog/model/service-names.js';
import type { CatalogService } from '../../src/observe/types.js';
import { desiredInSlices } from '../../src/desired/build.js';
import { catalogOf, declaration, desired, enabled, instance, service, settings } from './given.js';

function list<T>(count: number, of: (at: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, at) => of(at));
}

const text = `${'a'.repeat(120)}b${'a'.repeat(120)}`;
const expressions = ['domain.type=regex', ...list(9, (at) => `domain=^x${at}[a-z]{1,40}[.]io$`)];

function groups(count: number, tagsOf: (at: number) => readonly string[]): CatalogService {
  const declarations = list(count, (at) =>
    declaration({ group: `g${at}`, tags: enabled(...tagsOf(at)) }),
  );
  return service('many', { declarations });
}

function jobs(count: number, tagsOf: (job: number) => readonly string[]): CatalogService {
  const declarations = list(count, (at) => declaration({ jobId: `j${at}`, tags: tagsOf(at) }));
  return service('many', { declarations });
}

function instances(count: number, tagsOf: (at: number) => readonly string[]): CatalogService {
  const all = list(count, (at) => instance({ tags: enabled(...tagsOf(at)) }));
  return service('many', { instances: all });
}

/** The most that one answer of Nomad can hold, or that the limits allow. */
const cases: Readonly<Record<string, CatalogService>> = {
  '2,400 groups alike': groups(2400, () => ['domain=x.io']),
  '2,400 groups with tags of their own': groups(2400, (at) => [`maxconn=${at + 1}`]),
  '2,400 groups with the same 9 expressions': groups(2400, () => expressions),
  '2,400 groups with expressions of their own': groups(2400, (at) => [
    'domain.type=regex',
    `domain=^x${at}[a-z]{1,40}[.]io$`,
  ]),
  '2,400 groups with 30 domains and 30 paths': groups(2400, () => [
    ...list(30, (at) => `domain=x${at}.io`),
    ...list(30, (at) => `path=/p${at}`),
  ]),
  '1,000 instances with tags of their own': instances(1000, (at) => [`weight=${(at % 256) + 1}`]),
  '1,000 instances of as many groups, and 2,400 other groups': service('many', {
    instances: list(1000, (at) => instance({ group: `i${at}`, tags: enabled('domain=x.io') })),
    declarations: list(2400, (at) =>
      declaration({ group: `g${at}`, tags: enabled('domain=x.io') }),
    ),
  }),
  '40 jobs with 20,000 tags of their own, 17 MB in all': jobs(40, (job) => [
    ...enabled('domain=x.io'),
    ...list(20_000, (at) => `other.tag-${job}-${at}`),
  ]),
  '40 jobs with 20,000 tags of ours each': jobs(40, (job) =>
    enabled(...list(20_000, (at) => `tag-${job}-${at}`)),
  ),
  '40 jobs with the same 20,000 tags': jobs(40, () => [
    ...enabled('domain=x.io'),
    ...list(20_000, (at) => `other.tag-${at}`),
  ]),
  '40 jobs that did not opt in, with 20,000 tags of their own': service('many', {
    instances: [instance({ tags: enabled('domain=x.io') })],
    declarations: list(40, (job) =>
      declaration({ jobId: `j${job}`, tags: list(20_000, (at) => `other.tag-${job}-${at}`) }),
    ),
  }),
  '10 expressions of a long text': instances(1, () => [
    'domain.type=regex',
    ...list(10, (at) => `domain=^${text}${at}$`),
  ]),
  '500 wildcards of 110 labels': instances(1, () =>
    list(500, (at) => `domain=*.${'a.'.repeat(110)}x${at}.io`),
  ),
};

/** 5,000 hosts of another namespace. */
const others = list(10, (one) =>
  service(`shop-${one}`, {
    namespace: 'shop',
    claimedAt: 1,
    instances: [
      instance({ tags: enabled(...list(500, (at) => `domain=www-${at}.shop-${one}.example.com`)) }),
    ],
  }),
);

function patterns(kind: string, domains: readonly string[]): CatalogService {
  const tags = enabled(`domain.type=${kind}`, ...domains.map((one) => `domain=${one}`));
  return service('many', { claimedAt: 99, instances: [instance({ tags })] });
}

/** Beside the others, whose hosts it could match. What is done between two turns of the loop counts. */
const beside: Readonly<Record<string, CatalogService>> = {
  '10 expressions beside 5,000 hosts': patterns(
    'regex',
    list(10, (at) => `^[a-z0-9-]{1,60}[.][a-z0-9-]{1,60}[.]${at}xample[.](com|org)$`),
  ),
  '10 expressions that hosts nearly match': patterns(
    'regex',
    list(10, (at) => `^(www|ftp)-[0-9]+[.](shop|bar)-[0-9]+[.]example[.]com${at}$`),
  ),
  '50 prefixes beside 5,000 hosts': patterns(
    'prefix',
    list(50, (at) => `www-${at}.shop-1.example.comm`),
  ),
  '50 wildcards beside 5,000 hosts': patterns(
    'wildcard',
    list(50, (at) => `${at}.example.com`),
  ),
};

const listed: string[] = Array.from(
  { length: 800_000 },
  (_, at) => `haproxy.tag-${(at * 7919) % 800_000}`,
);
const tasks: Readonly<Record<string, () => unknown>> = {
  ...Object.fromEntries(Object.entries(cases).map(([name, one]) => [name, () => desired([one])])),
  'the list of a service with 800,000 tags': () =>
    sortedNames([{ Namespace: 'x', Services: [{ ServiceName: 'y', Tags: listed }] }], []),
};

const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

async function count(task: () => unknown): Promise<number> {
  await session.post('Profiler.takePreciseCoverage');
  task();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  const ranges = result
    .filter(({ url }) => url.includes('/src/'))
    .flatMap((script) => script.functions.flatMap((one) => one.ranges));
  return ranges.reduce((sum, one) => sum + one.count, 0);
}

/** Counting takes long: those at the end, the youngest claims, one by one, and others a hundred at once. */
async function most(services: readonly CatalogService[]): Promise<number> {
  const input = { catalog: catalogOf(...services), settings };
  let length = 0;
  for (const _ of desiredInSlices(input)) length += 1;
  const slices = desiredInSlices(input);
  let found = 0;
  for (let at = 0; at <= length;) {
    const next = at < length - 150 ? 100 : 1;
    const run = () => list(next, () => slices.next());
    found = Math.max(found, await count(run));
    at += next;
  }
  return found;
}

const counts: Record<string, number> = {};
for (const [name, task] of Object.entries(tasks)) counts[name] = await count(task);
for (const [name, one] of Object.entries(beside)) counts[name] = await most([...others, one]);
process.stdout.write(JSON.stringify(counts));
session.disconnect();
