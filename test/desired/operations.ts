/**
 * Prints, for each hostile service, how often blocks of src run to plan it: JSON by name. A process
 * of its own, because counting would take the counts of a coverage run.
 */

import { Session } from 'node:inspector/promises';

import type { CatalogService } from '../../src/observe/types.js';
import { declaration, desired, enabled, instance, service } from './given.js';

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
  '10 expressions of a long text': instances(1, () => [
    'domain.type=regex',
    ...list(10, (at) => `domain=^${text}${at}$`),
  ]),
  '500 wildcards of 110 labels': instances(1, () =>
    list(500, (at) => `domain=*.${'a.'.repeat(110)}x${at}.io`),
  ),
};

const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
const counts: Record<string, number> = {};
for (const [name, given] of Object.entries(cases)) {
  await session.post('Profiler.takePreciseCoverage');
  desired([given]);
  const { result } = await session.post('Profiler.takePreciseCoverage');
  const ranges = result
    .filter(({ url }) => url.includes('/src/'))
    .flatMap((script) => script.functions.flatMap((one) => one.ranges));
  counts[name] = ranges.reduce((sum, { count }) => sum + count, 0);
}
process.stdout.write(JSON.stringify(counts));
session.disconnect();
