import { expect } from 'chai';
import { Registry } from 'prom-client';

import type { ActualBackend } from '../../src/actual/types.js';
import type { AllocationFacts } from '../../src/observe/types.js';
import { createServerInfo, withServerInfo } from '../../src/telemetry/server-info.js';
import { catalogOf } from '../desired/given.js';
import { actualBackend, actualState, allocId, slot } from '../diff/given.js';
import { picture } from '../pass/given-picture.js';

const facts: AllocationFacts = {
  namespace: 'default',
  jobId: 'shop',
  jobVersion: 3,
  clientStatus: 'running',
  desiredStatus: 'run',
  canary: false,
  createIndex: 7,
  node: 'n1',
  group: 'web',
};

const web = actualBackend('web', {
  slots: [slot('nomad_web_1', { binding: 'a' }), slot('nomad_web_2')],
});

function pictureOf(
  backends: readonly ActualBackend[],
  allocations: Readonly<Record<string, AllocationFacts>> = { [allocId('a')]: facts },
  target = 'default',
) {
  return picture({
    target,
    catalog: { ...catalogOf(), allocations },
    actual: actualState(backends),
  });
}

/** The series without the metric's name. */
function series(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('haproxy_nomad_connector_server_info{'))
    .map((line) => line.slice('haproxy_nomad_connector_server_info'.length));
}

function labels(given: Readonly<Record<string, string>> = {}): string {
  const all = {
    ...{ proxy: 'nomad_web', server: 'nomad_web_1', namespace: 'default', service: 'web' },
    ...{ nomad_job: 'shop', job_version: '3', task_group: 'web', alloc_id: allocId('a') },
    node: 'n1',
    ...given,
  };
  return `{${Object.entries(all)
    .map(([name, value]) => `${name}="${value}"`)
    .join()}} 1`;
}

describe('server_info', () => {
  it('joins a server of HAProxy to its instance, and says nothing of a free slot', () => {
    const metric = createServerInfo(['default']);
    expect(series(metric.text())).to.deep.equal([]);
    metric.succeeded(pictureOf([web]));
    expect(series(metric.text())).to.deep.equal([labels()]);
    expect(metric.text()).to.match(/^# HELP \S+ .*\n# TYPE \S+ gauge\n/);
  });

  it('goes with the instance, and follows the slot to the next', () => {
    const metric = createServerInfo(['default']);
    const allocations = { [allocId('a')]: facts, [allocId('b')]: { ...facts, node: 'n2' } };
    const withB = { ...web, slots: [slot('nomad_web_1', { binding: 'b' })] };
    for (const [backends, expected] of [
      [[web], [labels()]],
      [[withB], [labels({ alloc_id: allocId('b'), node: 'n2' })]],
      [[{ ...web, slots: [slot('nomad_web_1')] }], []],
      [[web], [labels()]],
      [[], []],
    ] as const) {
      metric.succeeded(pictureOf(backends, allocations));
      expect(series(metric.text())).to.deep.equal(expected);
    }
  });

  it('stays while the instance drains', () => {
    const metric = createServerInfo(['default']);
    const binding = { id: `_nomad-task-${allocId('a')}-x`, createIndex: 1, drainingSince: 5 };
    metric.succeeded(pictureOf([{ ...web, slots: [slot('nomad_web_1', { binding })] }]));
    expect(series(metric.text())).to.deep.equal([labels()]);
  });

  it('follows an allocation that is updated in place', () => {
    const metric = createServerInfo(['default']);
    metric.succeeded(pictureOf([web]));
    metric.text();
    metric.succeeded(pictureOf([web], { [allocId('a')]: { ...facts, jobVersion: 4 } }));
    expect(series(metric.text())).to.deep.equal([labels({ job_version: '4' })]);
  });

  it('names the job of its metadata where Nomad no longer knows the allocation', () => {
    const metric = createServerInfo(['default']);
    const unknown = { job_version: '', task_group: '', node: '' };
    metric.succeeded(pictureOf([web], {}));
    expect(series(metric.text())).to.deep.equal([labels({ ...unknown, nomad_job: 'web' })]);
    const binding = { id: `_nomad-task-${allocId('a')}-x`, createIndex: 1, job: 'shop' };
    metric.succeeded(pictureOf([{ ...web, slots: [slot('nomad_web_1', { binding })] }], {}));
    expect(series(metric.text())).to.deep.equal([labels(unknown)]);
  });

  it('has no job for a target of a route file', () => {
    const metric = createServerInfo(['default']);
    const bound = slot('nomad_web_1', {
      service: 'file:db',
      binding: { id: '10.0.0.1:80', createIndex: 0 },
    });
    metric.succeeded(pictureOf([{ ...web, slots: [bound] }]));
    const none = { nomad_job: '', job_version: '', task_group: '', alloc_id: '', node: '' };
    expect(series(metric.text())).to.deep.equal([
      labels({ ...none, namespace: '', service: 'file:db' }),
    ]);
  });

  it('tells several targets apart, each by its last picture', () => {
    const metric = createServerInfo(['one', 'two']);
    metric.succeeded(pictureOf([web], undefined, 'one'));
    metric.succeeded(pictureOf([web], undefined, 'two'));
    metric.succeeded(pictureOf([], undefined, 'one'));
    expect(series(metric.text())).to.deep.equal([labels().replace('{', '{haproxy="two",')]);
  });

  it("escapes what is special in Prometheus's text format", () => {
    const metric = createServerInfo(['default']);
    metric.succeeded(pictureOf([web], { [allocId('a')]: { ...facts, node: 'a"b\\c' } }));
    expect(series(metric.text())).to.deep.equal([labels({ node: 'a\\"b\\\\c' })]);
  });

  it('shows what a terminal would act on', () => {
    const metric = createServerInfo(['default']);
    metric.succeeded(
      pictureOf([web], { [allocId('a')]: { ...facts, group: 'a\n\u001b[2J\u202e' } }),
    );
    expect(series(metric.text())).to.deep.equal([
      labels({ task_group: 'a\\\\n\\\\x1b[2J\\\\u{202e}' }),
    ]);
  });

  it("follows the registry's metrics", async () => {
    const registry = new Registry();
    const metric = createServerInfo(['default']);
    metric.succeeded(pictureOf([web]));
    const { metrics, contentType } = withServerInfo(registry, metric);
    expect(await metrics()).to.equal((await registry.metrics()) + metric.text());
    expect(contentType).to.equal(registry.contentType);
  });
});
