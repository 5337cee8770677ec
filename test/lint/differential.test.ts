import { expect } from 'chai';
import fc from 'fast-check';

import type { JobSpec } from '../../fixtures/nomad/types.js';
import type { Catalog } from '../../src/observe/types.js';
import { outlookOf, type Outlook } from '../../src/lint/outlook.js';
import { blocksOf } from '../../src/lint/blocks.js';
import { lint } from '../../src/lint/lint.js';
import { desire } from '../../src/pass/desire.js';
import { plan } from '../../src/diff/plan/plan.js';
import { runs } from '../arbitraries/runs.js';
import { actualState } from '../diff/given.js';
import { startObserver } from '../observe/setup.js';
import { around, fileOf, jobOf } from './given.js';

const someTag = fc.constantFrom(
  ...['domain=x.io', 'domain=old.io', 'domain=*.x.io', 'domain=a.old.io', 'domain=_', 'domain='],
  ...['domain.type=regex', 'domain.type=prefix', 'domain.type=glob', 'path=/api', 'path=nowhere'],
  ...['weight=7', 'weight=1000', 'balance=leastconn', 'balance=best', 'mode=tcp', 'mode=udp'],
  ...['backend=custom', 'backend=static', 'backend.name=pool', 'check.type=tcp', 'check.type=smtp'],
  ...['check.interval=1ms', 'check.disabled=true', 'frontend=http_front', 'frontend=none'],
  ...['enable=false', 'nonsense=1', 'sticky=true', 'canary.weight=5', 'timeout.server=1m'],
);

const someService = fc.record({
  name: fc.constantFrom('web', 'api', 'old', 'a-b', 'web-http'),
  tags: fc.uniqueArray(
    someTag.map((tag) => `haproxy.${tag}`),
    { maxLength: 4 },
  ),
});

const someJob = fc.record({
  service: someService,
  count: fc.integer({ min: 0, max: 3 }),
  isRunning: fc.boolean(),
});

const sharedService = 'default/old';

/** What becomes of the services, and why some are refused. */
function fate({ desired, skipped }: Pick<Outlook, 'desired' | 'skipped'>, service: string) {
  const backend = desired.backends.find((one) => one.service === service);
  const refused = skipped.filter((one) => one.service === service).map(({ code }) => code);
  return {
    refused,
    backend: backend === undefined ? undefined : [backend.name, backend.kind],
    // Jobs that share a service share its check too, which only instances of both decide.
    check: service === sharedService ? undefined : backend?.checkSummary,
    routes: desired.routes
      .filter((one) => one.service === service)
      .map(({ match, host, path, mode, frontends }) => ({ match, host, path, mode, frontends })),
  };
}

/** What a pass makes of the catalog that Nomad answers with. */
function passOver(catalog: Catalog): Pick<Outlook, 'desired' | 'skipped'> {
  const { settings, now, routes } = around;
  const actual = actualState();
  const desired = desire({ catalog, settings, routes, now, endpoints: [], rejected: {} });
  const common = { idle: new Set<string>(), hidden: [], unstable: {} };
  const input = { catalog, desired, actual, settings, now: Math.floor(now / 1000), ...common };
  return { desired, skipped: plan(input).skipped };
}

describe('lint and a pass over the same job, registered in Nomad', () => {
  it('agree on what is routed, and on what is refused', async () => {
    const observer = await startObserver();
    const { nomad } = observer;
    const old = jobOf({ name: 'old', tags: ['haproxy.domain=old.io'] }, {}, { ID: 'older' });
    nomad.runJob({ ...(old as JobSpec), Namespace: 'default' });
    try {
      await fc.assert(
        fc.asyncProperty(someJob, async ({ service, count, isRunning }) => {
          const job = jobOf(service, { Count: count });
          const live = { catalog: await observer.read(true), actual: actualState() };
          const view = { ...around, live: { ...live, endpoints: [], problems: [] } };
          const file = fileOf({ ...job, Namespace: 'default' });
          const told = outlookOf(blocksOf(file, 'haproxy'), view);
          const spec = { ...(job as JobSpec), Namespace: 'default' };
          const registered = isRunning ? nomad.runJob(spec) : nomad.registerJob(spec);
          const made = passOver(await observer.read(true));
          const label = `default/${service.name}`;
          const seen = fate(made, label);
          expect(fate(told, label)).to.deep.equal(seen);
          const { jobs } = lint([file], view);
          const named = jobs.flatMap(({ services }) => services.map((one) => one.backend));
          const isRouted = seen.backend !== undefined && seen.refused.length === 0;
          if (service.name !== 'old')
            expect(named).to.deep.equal(isRouted ? [seen.backend?.[0]] : []);
          nomad.stopJob(registered, { purge: true });
        }),
        runs(60),
      );
    } finally {
      await observer.close();
    }
  });
});
