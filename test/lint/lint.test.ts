import { expect } from 'chai';
import fc from 'fast-check';

import { lint } from '../../src/lint/lint.js';
import type { Live } from '../../src/lint/outlook.js';
import { actualState } from '../diff/given.js';
import { catalogOf, instance, service, settings } from '../desired/given.js';
import { around, fileOf, jobOf, lintJob, told } from './given.js';

const second = 1_000_000_000;

describe('lint', () => {
  it('has nothing to say against a job that is as it should be', () => {
    const report = lintJob(jobOf());
    expect(report).to.deep.equal({
      format_version: 1,
      live: false,
      jobs: [
        {
          file: 'web.json',
          job: 'web',
          namespace: 'default',
          services: [
            {
              service: 'default/web',
              backend: 'nomad_web',
              check: 'check GET / every 5s',
              routes: [{ route: 'x.io', mode: 'http', frontends: settings.haproxy.frontends }],
            },
          ],
        },
      ],
      findings: [],
    });
  });

  const cases: readonly (readonly [what: string, job: object, told: readonly string[]])[] = [
    [
      'each invalid tag',
      jobOf({ tags: ['haproxy.weight=x', 'haproxy.cookie=a b'] }),
      ['error invalid-tag', 'error invalid-tag'],
    ],
    ['an invalid domain', jobOf({ tags: ['haproxy.domain=a b'] }), ['error invalid-tag']],
    ['a typo', jobOf({ tags: ['haproxy.cokie=a'] }), ['warning unknown-tag']],
    ['a tag without effect', jobOf({ tags: ['haproxy.backend.name=a'] }), ['warning ignored-tag']],
    ['another provider', jobOf({ more: { Provider: 'consul' } }), ['warning provider']],
    ["Nomad's default provider", jobOf({ more: { Provider: '' } }), ['warning provider']],
    ['no opt-in', jobOf({ more: { Tags: ['haproxy.domain=a.io'] } }), ['warning not-enabled']],
    ['an opt-out', jobOf({ more: { Tags: ['haproxy.enable=false'] } }), []],
    ['no tag of ours', jobOf({ more: { Tags: ['traefik.enable=true'] } }), []],
    [
      'a name that only the node knows',
      jobOf({ name: 'a-${attr.unique.hostname}' }),
      ['notice run-time-name'],
    ],
    [
      'a tag that only the node knows',
      jobOf({ tags: ['haproxy.path=/${meta.rack}'] }),
      ['notice run-time-tag'],
    ],
    [
      'an invalid canary tag',
      jobOf({ more: { CanaryTags: ['haproxy.enable=true', 'haproxy.weight=x'] } }),
      ['error invalid-tag'],
    ],
    ['no shutdown_delay', jobOf({}, { ShutdownDelay: 0 }), ['warning no-shutdown-delay']],
    [
      "a task's shutdown_delay alone",
      jobOf({}, { ShutdownDelay: null, Tasks: [{ Name: 'a', ShutdownDelay: second }] }),
      [],
    ],
    ['no check by the job', jobOf({ more: { Checks: [] } }), ['notice no-check']],
    ['no check at all', jobOf({ tags: ['haproxy.check.disabled=true'] }), ['warning no-check']],
    ['a check by tags', jobOf({ more: { Checks: [] }, tags: ['haproxy.check.type=tcp'] }), []],
    [
      'a check that is not for HAProxy',
      jobOf({ more: { Checks: [{ Type: 'script', Name: 's' }] } }),
      ['warning check-fallback'],
    ],
    [
      'requests that outlive the instance',
      jobOf({ tags: ['haproxy.timeout.server=20s'] }),
      ['notice kill-timeout'],
    ],
    [
      'an instance that outlives them',
      jobOf(
        { tags: ['haproxy.timeout.server=20s'] },
        { Tasks: [{ Name: 'a', KillTimeout: 15 * second }] },
      ),
      [],
    ],
    [
      'a short min_healthy_time',
      jobOf({}, { Update: { MinHealthyTime: second } }),
      ['notice min-healthy-time'],
    ],
    [
      "the job's min_healthy_time",
      jobOf({}, {}, { Update: { MinHealthyTime: second } }),
      ['notice min-healthy-time'],
    ],
    ['no rolling update', jobOf({}, { Update: { MaxParallel: 0, MinHealthyTime: second } }), []],
    ['a system job', jobOf({}, { Update: { MinHealthyTime: second } }, { Type: 'system' }), []],
    ['canaries without a share', jobOf({}, { Update: { Canary: 1 } }), ['notice canary-tags']],
    [
      'canaries with a share',
      jobOf({ tags: ['haproxy.canary.weight=10'] }, { Update: { Canary: 1 } }),
      [],
    ],
    [
      'canaries by header',
      jobOf({ tags: ['haproxy.canary.header=x-canary'] }, { Update: { Canary: 1 } }),
      [],
    ],
    [
      'canaries that are not routed',
      jobOf({ more: { CanaryTags: ['other'] } }, { Update: { Canary: 1 } }),
      ['notice canary-tags'],
    ],
    [
      'static ports',
      jobOf({}, { Count: 2, Networks: [{ ReservedPorts: [{ Label: 'h', Value: 80 }] }] }),
      ['notice static-port'],
    ],
    [
      'one instance on a static port',
      jobOf({}, { Networks: [{ ReservedPorts: [{ Label: 'h', Value: 80 }] }] }),
      [],
    ],
    ['no port', jobOf({ more: { PortLabel: '' } }), ['warning no-port']],
    [
      'no port, for a backend of the operator',
      jobOf({ tags: ['haproxy.backend=custom'], more: { PortLabel: '' } }),
      ['warning no-port'],
    ],
    ['no route', jobOf({ more: { Tags: ['haproxy.enable=true'] } }), ['notice no-route']],
  ];
  for (const [what, job, wanted] of cases) {
    it(`says of ${what}: ${wanted.join(', ') || 'nothing'}`, () => {
      expect(told(lintJob(job))).to.deep.equal(wanted);
    });
  }

  it('warns of min_healthy_time where the connector runs no checks', () => {
    const job = jobOf({}, { Update: { MinHealthyTime: second } });
    const checks = { ...settings.checks, probe: false };
    expect(told(lintJob(job, { settings: { ...settings, checks } }))).to.deep.equal([
      'warning min-healthy-time',
    ]);
  });

  it('says once what is about a group with many services', () => {
    const web = jobOf() as { TaskGroups: { Services: object[] }[] };
    const [first] = web.TaskGroups[0]!.Services;
    const tags = ['haproxy.enable=true', 'haproxy.domain=y.io'];
    const Services = [first, { ...first, Name: 'other', Tags: tags }];
    expect(told(lintJob(jobOf({}, { Services, ShutdownDelay: 0 })))).to.deep.equal([
      'warning no-shutdown-delay',
    ]);
  });

  it('is of limits and policy, as in a pass', () => {
    const limits = { ...settings.limits, domainsPerService: 1 };
    const many = jobOf({ tags: ['haproxy.domain=y.io'] });
    const report = lintJob(many, { settings: { ...settings, limits } });
    expect(told(report)).to.deep.equal(['error limit-exceeded']);
    expect(report.findings[0]?.message).to.contain('limits.domains_per_service');
    expect(report.jobs[0]?.services).to.deep.equal([]);
  });

  it('names a namespace that the connector does not read', () => {
    const nomad = { ...settings.nomad, namespace: 'a,b' };
    expect(told(lintJob(jobOf(), { settings: { ...settings, nomad } }))).to.deep.equal([
      'warning out-of-scope',
    ]);
  });

  it('sees that two of the files want the same', () => {
    const files = ['a', 'b'].map((id) => fileOf(jobOf({ name: id }, {}, { ID: id }), `${id}.json`));
    const report = lint(files, around);
    expect(told(report)).to.deep.equal(['error domain-claimed']);
    expect(report.findings[0]).to.include({ file: 'b.json', service: 'default/b' });
    expect(report.findings[0]?.tag).to.equal('haproxy.domain=x.io');
  });

  describe('with a live Nomad and HAProxy', () => {
    const actual = actualState();
    const live = (given: Partial<Live> = {}): Live => ({
      catalog: catalogOf(),
      actual,
      endpoints: [],
      problems: [],
      ...given,
    });

    it('a claim of another job stands', () => {
      const tags = ['haproxy.enable=true', 'haproxy.domain=x.io'];
      const other = service('other', { instances: [instance({ jobId: 'other', tags })] });
      const report = lintJob(jobOf(), { live: live({ catalog: catalogOf(other) }) });
      expect(told(report)).to.deep.equal(['error domain-claimed']);
      expect(report.findings[0]?.message).to.contain('belongs to other');
    });

    it('the version that runs is no obstacle to the next one', () => {
      const tags = ['haproxy.enable=true', 'haproxy.domain=x.io'];
      const own = service('web', { instances: [instance({ jobId: 'web', tags })] });
      expect(told(lintJob(jobOf(), { live: live({ catalog: catalogOf(own) }) }))).to.deep.equal([]);
    });

    it('says what HAProxy lacks for it, and nothing that was wrong before', () => {
      const bare = { ...actual, frontends: {} };
      const report = lintJob(jobOf(), { live: live({ actual: bare }) });
      expect(told(report)).to.include('error frontend-missing');
      const problems = report.findings.map(({ message }) => ({
        code: 'frontend-missing' as const,
        message,
      }));
      const again = lintJob(jobOf(), { live: live({ actual: bare, problems }) });
      expect(told(again)).to.deep.equal([]);
    });
  });

  it('never throws, and never says that a refused service is served', () => {
    const someTag = fc.oneof(
      fc.constantFrom('haproxy.enable=true', 'haproxy.domain=x.io', 'haproxy.weight=x'),
      fc.constantFrom('haproxy.path=/a', 'haproxy.mode=tcp', 'haproxy.backend=custom'),
      fc.string().map((text) => `haproxy.${text}`),
    );
    const someJob = fc
      .record({ tags: fc.array(someTag), canary: fc.array(someTag), name: fc.string() })
      .map(({ tags, canary, name }) => jobOf({ name, tags, more: { CanaryTags: canary } }));
    fc.assert(
      fc.property(someJob, (job) => {
        const { jobs, findings } = lintJob(job);
        const own = new Set(tagsOf(job));
        const isRefused = findings.some(
          ({ code, tag = '' }) => code === 'invalid-tag' && own.has(tag),
        );
        const isServed = jobs.some(({ services }) => services.length > 0);
        expect(isRefused && isServed).to.equal(false);
      }),
      { numRuns: 60 },
    );
  });
});

function tagsOf(job: object): readonly string[] {
  const { TaskGroups } = job as { TaskGroups: { Services: { Tags: string[] }[] }[] };
  return TaskGroups[0]!.Services[0]!.Tags;
}
