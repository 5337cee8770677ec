import { expect } from 'chai';
import { Registry } from 'prom-client';

import { registerRollout } from '../../src/telemetry/rollout-metrics.js';

describe('the metrics of a roll-out', () => {
  it('name the canary, and what waits for how long', async () => {
    const registry = new Registry();
    let targets = [
      { name: 'a', services: 0 },
      { name: 'b', services: 2, waitedMs: 1500 },
    ];
    registerRollout(registry, () => ({ canary: 'a', targets }));
    const lines = async (): Promise<readonly string[]> =>
      (await registry.metrics()).split('\n').filter((line) => /^[^#]/.test(line));
    expect(await lines()).to.deep.equal([
      'haproxy_nomad_connector_rollout_canary{haproxy="a"} 1',
      'haproxy_nomad_connector_rollout_canary{haproxy="b"} 0',
      'haproxy_nomad_connector_rollout_waiting_services{haproxy="a"} 0',
      'haproxy_nomad_connector_rollout_waiting_services{haproxy="b"} 2',
      'haproxy_nomad_connector_rollout_waiting_seconds{haproxy="a"} 0',
      'haproxy_nomad_connector_rollout_waiting_seconds{haproxy="b"} 1.5',
    ]);
    targets = targets.slice(0, 1);
    expect(await lines()).to.have.lengthOf(3);
  });
});
