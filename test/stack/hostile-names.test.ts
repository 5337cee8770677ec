import { expect } from 'chai';

import { appJob } from '../../fixtures/nomad/app-job.js';
import { nomadBin } from '../../fixtures/nomad/real.js';
import { freePort } from '../../fixtures/ports.js';
import { type Stack, domainOf, enabledTags, startStack } from '../../fixtures/stack.js';
import { useStack } from './stack.js';
import { until } from './helpers.js';

/** Controls of terminals and of lines: C0 and C1, text direction, separators. */
const harm = [
  '\u001b]0;owned\u0007',
  '\u009b2J',
  'a\r\nPlan:\u00a00',
  '\u202egnp.exe',
  'x\u2028!\u2029',
  '\u0085FORGED',
  '\u200d\ufeff',
  'web\u3164',
  'a\u034f\u00a0b',
];

/** Any that isn't shown as what it is, but the line feed, which ends lines. */
const controls = /(?![\n ])[\p{Cc}\p{Cf}\p{Z}\p{Default_Ignorable_Code_Point}]/u;

describe('names and tags that would write to a terminal', function () {
  this.timeout(90_000);
  const stack = useStack();

  it('are shown, one line each, in everything that the program prints', async () => {
    const app = await stack().app('web');
    stack().serve('web', [app]);
    const at = { address: app.address, port: app.port };
    for (const [number, text] of harm.entries()) {
      const tags = ['haproxy.enable=true', `haproxy.domain=${text}`, `haproxy.${text}=1`];
      const instances = [at];
      stack().nomad.addService({ name: `tag-${number}`, tags, instances });
      stack().nomad.addService({
        name: '${NOMAD_META_odd}',
        tags: ['haproxy.enable=true', `haproxy.domain=n${number}.io`],
        job: { ID: `job-${number}-${text}`, Meta: { odd: `${number}${text}` } },
        instances,
      });
    }
    for (const args of [
      ['--dry-run'],
      ['--dry-run', '--output', 'json'],
      ['--once', '--log-level', 'debug'],
    ]) {
      const { stdout, stderr } = await stack().run(args);
      const text = stdout + stderr;
      expect(text, args.join(' ')).to.contain('tag-0');
      expect(text).not.to.match(controls);
      for (const line of text.split('\n')) expect(line).not.to.match(/^(?:FORGED|Plan:\S*0$)/);
    }
    await stack().waitServed(domainOf('web'), [app]);
    expect((await stack().configuration()).replaceAll('\t', ' ')).not.to.match(controls);
  });

  it('in the job and the group of a service: not in the file, nor in any output', async () => {
    const app = await stack().app('odd');
    const text = harm.join('-');
    stack().serve('odd', [app], { job: { ID: `job-${text}` }, group: { Name: `group-${text}` } });
    const port = await freePort();
    const at = `http://127.0.0.1:${port}`;
    const daemon = await stack().spawnConnector(['--http-listen', `127.0.0.1:${port}`]);
    await stack().waitServed(domainOf('odd'), [app]);
    await expectShown(stack());
    for (const path of ['/', '/hosts', '/explain?q=odd', '/status.json', '/metrics', '/readyz']) {
      const said = await (await fetch(at + path)).text();
      expect(said, path).not.to.match(controls);
    }
    expect(daemon.output()).not.to.match(controls);
    await daemon.stop();
  });

  it('in what a real Nomad takes for the name of a job and a group', async function () {
    if (nomadBin() === undefined) {
      process.stderr.write('SKIPPED: such names in a real Nomad, because NOMAD_BIN is not set\n');
      this.skip();
    }
    const real = await startStack({ nomad: 'real' });
    try {
      const id = `job-${harm.join('-').replaceAll(/[ /]/g, '')}`;
      await real.agent.submit(
        appJob({ id, service: 'odd', version: 'odd', tags: enabledTags('odd') }),
      );
      const passes = real.passes();
      await until(
        async () => {
          await passes.run();
          return (await real.request(domainOf('odd'))).body === 'odd';
        },
        { timeoutMs: 60_000 },
      );
      await expectShown(real);
    } finally {
      await real.close();
    }
  });
});

/** Also where a pass compares what it wrote with what it wants. */
async function expectShown(stack: Stack): Promise<void> {
  expect((await stack.configuration()).replaceAll('\t', ' ')).not.to.match(controls);
  const again = await stack.run(['--dry-run']);
  expect(again.stdout).to.match(/^No changes/m);
  for (const query of ['odd', domainOf('odd'), 'nomad_odd']) {
    const { stdout, stderr } = await stack.run(['explain', query]);
    expect(stdout + stderr, query).not.to.match(controls);
  }
}
