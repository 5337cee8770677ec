import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect } from 'chai';

import { appJob } from '../../fixtures/nomad/app-job.js';
import { nomadBin } from '../../fixtures/nomad/real.js';
import { type Stack, domainOf, enabledTags, startStack } from '../../fixtures/stack.js';
import type { Finding, LintedJob, LintReport } from '../../src/lint/types.js';
import { hclCases, jsonCases, type LintCase } from './lint-jobs.js';

/** R9: a job file is judged before it is submitted, by what will read the job. */
const worlds = [
  { what: 'with simulated Nomad', nomad: 'simulator', cases: jsonCases },
  { what: 'with a real Nomad', nomad: 'real', cases: [...jsonCases, ...hclCases] },
] as const;

for (const { what, nomad, cases } of worlds) {
  describe(`lint, ${what}`, function () {
    this.timeout(120_000);
    let stack: Stack;

    before(async function () {
      this.timeout(300_000);
      if (nomad === 'real' && nomadBin() === undefined) {
        process.stderr.write('SKIPPED: lint with a real Nomad, because NOMAD_BIN is not set\n');
        this.skip();
      }
      stack = await startStack({ nomad });
      await serveWeb();
      expect((await stack.run(['--once'])).code).to.equal(0);
    });
    after(() => stack?.close());

    /** Claims web.example.com. */
    const serveWeb = async (): Promise<void> => {
      if (nomad === 'simulator') {
        stack.serve('web', [await stack.app('a')]);
        return;
      }
      const shutdownDelayMs = 1000;
      await stack.agent.submit(appJob({ id: 'web', tags: enabledTags('web'), shutdownDelayMs }));
      await stack.agent.waitRunning('web', 1);
    };

    const write = async ({ file, text }: LintCase): Promise<string> => {
      const path = join(stack.dp.dirs.root, file);
      await writeFile(path, text);
      return path;
    };
    const paths = (some: readonly LintCase[]) => Promise.all(some.map(write));

    const lintAll = async (some: readonly LintCase[], more: readonly string[] = []) => {
      const files = await paths(some);
      const { code, stdout, stderr } = await stack.run([
        ...['lint', ...files, '--output', 'json'],
        ...more,
      ]);
      return { code, files, stderr, report: JSON.parse(stdout) as LintReport };
    };

    it('says of each file what would be routed, and what would be refused', async () => {
      const { code, files, report, stderr } = await lintAll(cases);
      expect(code, stderr).to.equal(1);
      expect(report).to.include({ format_version: 1, live: true });
      for (const [at, { file, text, findings, routes }] of cases.entries()) {
        const path = files[at]!;
        const found = report.findings.filter((one) => one.file === path);
        const said = JSON.stringify(found, null, 2);
        const told = found.map((one) => shown(one, text)).sort();
        expect(told, said).to.deep.equal([...findings].sort());
        const jobs = report.jobs.filter((one) => one.file === path);
        expect(routesOf(jobs), file).to.deep.equal(routes);
      }
    });

    it('sends nothing but GET to HAProxy, and registers no job', async () => {
      stack.proxy.clear();
      await lintAll(cases.slice(0, 3));
      const methods = new Set(stack.proxy.seen().map(({ method }) => method));
      expect([...methods]).to.deep.equal(['GET']);
      const { stdout } = await stack.run(['--dry-run']);
      expect(stdout).not.to.include('nomad_good');
    });

    it('fails for errors, and for warnings with --strict', async () => {
      const named = (name: string) => cases.filter(({ file }) => file === `${name}.json`);
      const codes = await Promise.all([
        lintAll(named('good'), ['--strict']),
        lintAll(named('tcp'), ['--strict']),
        lintAll(named('typo')),
        lintAll(named('typo'), ['--strict']),
        lintAll(named('weight')),
      ]);
      expect(codes.map(({ code }) => code)).to.deep.equal([0, 0, 0, 1, 1]);
    });

    it('--offline looks at nothing but the files', async () => {
      const claimed = cases.filter(({ file }) => file === 'claimed.json');
      stack.proxy.clear();
      const { code, report } = await lintAll(claimed, ['--offline']);
      expect([code, report.live]).to.deep.equal([0, false]);
      expect(routesOf(report.jobs)).to.deep.equal(['claimed.example.com', domainOf('web')]);
      expect(stack.proxy.seen()).to.deep.equal([]);
    });

    it('without a reachable HAProxy it says so, and judges the files', async () => {
      const { code, report } = await lintAll(cases.slice(0, 1), [
        ...['--haproxy-address', 'http://127.0.0.1:1'],
      ]);
      expect(code).to.equal(0);
      expect(report.findings.map((one) => one.code)).to.deep.equal(['live-unchecked']);
      expect(report.findings[0]?.message).to.include('ECONNREFUSED');
    });

    it('prints text for people and annotations for GitHub', async () => {
      const [bad] = await paths(cases.filter(({ file }) => file === 'weight.json'));
      const github = await stack.run(['lint', bad!, '--output', 'github']);
      expect(github.stdout).to.equal(
        `::error file=${bad},line=30,title=invalid-tag::tag haproxy.weight=1000 is invalid; ` +
          'allowed: a whole number from 0 to 256\n',
      );
      const { stdout } = await stack.run(['lint', bad!]);
      expect(stdout).to.match(/\n {2}error {4}line 30, service default\/weight: tag haproxy/);
      expect(stdout).to.match(/\n1 error, 0 warnings, 0 notices, 0 routes\.\n$/);
    });

    if (nomad === 'real') {
      it('was right: the job is routed as it said', async () => {
        const good = cases.find(({ file }) => file === 'good.json')!;
        const job = appJob({ id: 'good', tags: enabledTags('good'), shutdownDelayMs: 1000 });
        const text = JSON.stringify({ Job: { ...job, Namespace: 'default' } });
        const { report } = await lintAll([{ ...good, text }]);
        await stack.agent.submit(job);
        await stack.agent.waitRunning('good', 1);
        const { stdout } = await stack.run(['--dry-run']);
        const [service] = report.jobs[0]!.services;
        expect(service?.routes.map(({ route }) => route)).to.deep.equal([domainOf('good')]);
        expect(stdout).to.include(`+ backend ${service?.backend}`);
        expect(stdout).to.match(new RegExp(`\\+ route ${domainOf('good')} +to backend nomad_good`));
        expect(stdout).to.include(service?.check);
      });
    } else {
      it('says how to check HCL where Nomad can not be asked', async () => {
        const { code, report } = await lintAll(hclCases.slice(0, 1), [
          ...['--nomad-address', 'http://127.0.0.1:1', '--offline'],
        ]);
        expect(code).to.equal(1);
        expect(report.findings.map((one) => one.code)).to.deep.equal(['hcl-unparsed']);
        expect(report.findings[0]?.message).to.match(/nomad job run -output \S+ > job\.json/);
      });
    }
  });
}

/** With the text of its line. */
function shown({ severity, code, line }: Finding, text: string): string {
  const at = line === undefined ? undefined : text.split('\n')[line - 1];
  return `${severity} ${code}${at === undefined ? '' : ` @ ${at.trim().replace(/[",]/g, '')}`}`;
}

function routesOf(jobs: readonly LintedJob[]): string[] {
  return jobs
    .flatMap(({ services }) => services)
    .flatMap(({ routes }) => routes.map(({ route }) => route))
    .sort();
}
