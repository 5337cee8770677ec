import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Registry } from 'prom-client';

import { createFleetMetrics } from '../../src/telemetry/fleet-metrics.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { registerRollout } from '../../src/telemetry/rollout-metrics.js';
import { createServerInfo, withServerInfo } from '../../src/telemetry/server-info.js';
import { type AlertRule, queriesOf, readDashboard, readRules, root } from './kit.js';

const ours = /\bhaproxy_nomad_connector_[a-z_]+/g;

async function exported(): Promise<ReadonlySet<string>> {
  const registry = new Registry();
  const targets = ['edge-1', 'edge-2'];
  createMetrics(registry, '1.2.3', targets);
  createFleetMetrics(registry, targets);
  registerRollout(registry, () => ({ targets: [] }));
  const text = await withServerInfo(registry, createServerInfo(targets)).metrics();
  const named = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Set(
    named.flatMap(([, name = '', type]) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name],
    ),
  );
}

/** As GitHub makes them of headings. */
function anchorsOf(markdown: string): ReadonlySet<string> {
  const headings = [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => text);
  return new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

describe('the monitoring kit', () => {
  let rules: readonly AlertRule[];
  before(async () => {
    rules = (await readRules()).groups.flatMap((group) => group.rules);
  });

  it('asks for no metric of the connector that there is not', async () => {
    const known = await exported();
    const { length } = rules;
    const dashboard = await readDashboard();
    const variables = dashboard.templating.list.map(({ definition = '' }) => definition);
    const texts = [
      ...rules.map(({ expr }) => expr),
      ...queriesOf(dashboard, '1m').map(({ expr }) => expr),
      ...variables,
    ];
    expect(texts).to.have.length.above(length);
    for (const name of texts.flatMap((text) => text.match(ours) ?? [])) {
      expect(known, name).to.include(name);
    }
  });

  it('says of each alert what it means and what to do, where the documentation has more', async () => {
    const anchors: string[] = [];
    for (const page of ['operations.md', 'troubleshooting.md', 'fleet.md']) {
      const text = await readFile(join(root, 'docs', page), 'utf8');
      anchors.push(...[...anchorsOf(text)].map((anchor) => `docs/${page}#${anchor}`));
    }
    for (const { alert, annotations, labels, for: duration } of rules) {
      expect(annotations, alert).to.include.keys('summary', 'description', 'runbook');
      expect(labels['severity'], alert).to.match(/^(critical|warning|info)$/);
      expect(duration, alert).to.match(/^\d+m$/);
      const places = annotations['runbook']?.match(/docs\/[a-z]+\.md#[\w-]+/g) ?? [];
      expect(places, alert).not.to.be.empty;
      for (const place of places) expect(anchors, alert).to.include(place);
    }
  });

  it('is documented metric by metric', async () => {
    const text = await readFile(join(root, 'docs', 'operations.md'), 'utf8');
    const table = text.slice(text.indexOf('## Metrics'), text.indexOf('## Monitoring'));
    for (const name of await exported()) {
      const short = /^haproxy_nomad_connector_(.*?)(_bucket|_sum|_count)?$/.exec(name)?.[1];
      if (short !== undefined) expect(table, name).to.contain(`\`${short}\``);
    }
  });

  it('is documented alert by alert', async () => {
    const text = await readFile(join(root, 'docs', 'operations.md'), 'utf8');
    for (const { alert } of rules) expect(text, alert).to.contain(`| \`${alert}\``);
  });

  it('has a dashboard that asks the data source that the user chose', async () => {
    const { panels, templating } = await readDashboard();
    const [first] = templating.list;
    expect(first).to.deep.include({ name: 'datasource', type: 'datasource' });
    for (const { title, type, datasource, targets = [] } of panels) {
      if (type === 'row') continue;
      const used = [datasource?.uid, ...targets.map((target) => target.datasource.uid)];
      expect(new Set(used), title).to.deep.equal(new Set(['${datasource}']));
    }
    expect(new Set(panels.map(({ id }) => id)).size).to.equal(panels.length);
  });
});
