import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { stringify } from 'yaml';

import { alertsFile, queriesOf, readDashboard, readRules, root } from './kit.js';
import { programOf } from './prometheus.js';

const run = promisify(execFile);

describe('promtool', () => {
  let promtool: string;
  before(function () {
    const found = programOf('PROMTOOL_BIN', 'promtool');
    if (found === undefined) {
      console.warn('SKIPPED: no promtool (PROMTOOL_BIN): the alert rules are not checked');
      return this.skip();
    }
    promtool = found;
  });

  it('accepts the alert rules', async () => {
    await run(promtool, ['check', 'rules', '--lint-fatal', alertsFile]);
  });

  it('finds that each alert fires when it should, and no sooner', async () => {
    const file = join(root, 'monitoring', 'alerts.test.yaml');
    await run(promtool, ['test', 'rules', file]);
    const text = await readFile(file, 'utf8');
    for (const { alert } of (await readRules()).groups.flatMap(({ rules }) => rules)) {
      expect(text, alert).to.contain(`alertname="${alert}"`);
    }
  });

  it("can parse each query of the dashboard's", async () => {
    const dir = await mkdtemp(join(tmpdir(), 'hnc-queries-'));
    try {
      const file = join(dir, 'queries.yaml');
      const rules = queriesOf(await readDashboard(), '1m').map(({ expr }, at) => ({
        record: `query_${at}`,
        expr,
      }));
      expect(rules).to.have.length.above(30);
      await writeFile(file, stringify({ groups: [{ name: 'queries', rules }] }));
      await run(promtool, ['check', 'rules', file]);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
