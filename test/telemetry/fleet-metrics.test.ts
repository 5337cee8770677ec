import { expect } from 'chai';
import { Registry } from 'prom-client';

import { routingDigest } from '../../src/pass/alike.js';
import { createFleetMetrics } from '../../src/telemetry/fleet-metrics.js';
import { catalogOf } from '../desired/given.js';
import { backend, desiredState, endpoint } from '../diff/given.js';
import { picture, something } from '../pass/given-picture.js';

function fleet(...targets: readonly string[]) {
  const registry = new Registry();
  const shown = async (): Promise<readonly string[]> =>
    (await registry.metrics())
      .split('\n')
      .filter((line) => line.endsWith(' 1') || line.endsWith(' 2'))
      .map((line) => line.replace('haproxy_nomad_connector_', ''));
  return { ...createFleetMetrics(registry, targets), registry, shown };
}

const at = (index: number) => ({ ...catalogOf(), index });

describe('the metrics of a fleet', () => {
  it('are none for one HAProxy', async () => {
    expect(await fleet('a').registry.metrics()).to.equal('\n');
  });

  it('count HAProxies by state, and name those in sync', async () => {
    const { shown, succeeded, failed } = fleet('a', 'b');
    expect(await shown()).to.deep.equal(['targets{state="unknown"} 2']);
    succeeded(picture({ target: 'a' }));
    succeeded(picture({ target: 'b', rest: something }));
    expect(await shown()).to.deep.equal([
      ...['targets{state="in-sync"} 1', 'targets{state="behind"} 1'],
      'target_in_sync{haproxy="a"} 1',
    ]);
    failed({ side: 'b' });
    expect(await shown()).to.include('targets{state="failed"} 1');
    failed({ side: 'nomad' });
    expect(await shown()).to.deep.equal(['targets{state="failed"} 2']);
  });

  it('come and go with HAProxies that are discovered', async () => {
    const { shown, succeeded, joined, left, registry } = fleet();
    joined('a');
    joined('b');
    expect(await shown()).to.deep.equal(['targets{state="unknown"} 2']);
    succeeded(picture({ target: 'a' }));
    left('a');
    expect(await shown()).to.deep.equal(['targets{state="unknown"} 1']);
    expect(await registry.metrics()).not.to.include('"a"');
  });

  it('show the one that is behind the newest catalog, though its last pass left nothing', async () => {
    const { shown, succeeded } = fleet('a', 'b');
    const desired = desiredState([backend('web', { endpoints: [endpoint('a')] })]);
    succeeded(picture({ target: 'a', catalog: at(1) }));
    succeeded(picture({ target: 'b', catalog: at(2), desired }));
    expect((await shown()).slice(1)).to.deep.equal(['target_in_sync{haproxy="b"} 1']);
    succeeded(picture({ target: 'a', catalog: at(2), desired: structuredClone(desired) }));
    expect((await shown()).slice(1)).to.have.lengthOf(2);
  });

  it('compare hosts and servers, and nothing else', () => {
    const web = backend('web', { endpoints: [endpoint('a')] });
    const digest = routingDigest(desiredState([web]));
    expect(routingDigest(desiredState([{ ...web, checkSummary: 'another' }]))).to.equal(digest);
    const moved = { ...endpoint('a'), port: 4711 };
    expect(routingDigest(desiredState([{ ...web, endpoints: [moved] }]))).not.to.equal(digest);
    const leaving = { ...endpoint('b'), phase: 'drain' as const };
    const both = { ...web, endpoints: [endpoint('a'), leaving] };
    expect(routingDigest(desiredState([both]))).to.equal(digest);
  });
});
