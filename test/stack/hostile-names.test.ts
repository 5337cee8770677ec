import { expect } from 'chai';

import { domainOf } from '../../fixtures/stack.js';
import { useStack } from './stack.js';

/** Controls of terminals and of lines: C0 and C1, text direction, separators. */
const harm = [
  '\u001b]0;owned\u0007',
  '\u009b2J',
  'a\r\nPlan:\u00a00',
  '\u202egnp.exe',
  'x\u2028!\u2029',
  '\u0085FORGED',
  '\u200d\ufeff',
];

/** Any but the line feed, which ends lines. */
const controls = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

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
});
