import { expect } from 'chai';

import { type App, startApp } from '../../fixtures/apps/app.js';
import { waitFor } from '../../fixtures/process.js';
import type { ActualSlot } from '../../src/actual/types.js';
import type { Step } from '../../src/diff/types.js';
import { type OpenedBy, type Probes, startProbes } from '../../src/loop/probes.js';
import type { ProbeResult } from '../../src/observe/probe/run-check.js';
import type { Picture } from '../../src/pass/picture.js';
import {
  actualState,
  allocations,
  actualBackend,
  backend,
  desiredState,
  endpoint,
  input,
  planFor,
  slot,
  settings,
} from '../diff/given.js';
import { picture } from '../pass/given-picture.js';

const host = { name: 'Host', fmt: 'web.example.com' };
const section = {
  adv_check: 'httpchk',
  check_timeout: 1000,
  default_server: { check: 'enabled', inter: 3_600_000, rise: 2 },
  http_check_list: [{ type: 'send', method: 'GET', uri: '/health', headers: [host] }],
};

describe('the checks that the connector runs', () => {
  let app: App;
  let stopper: AbortController;
  let probes: Probes;
  const results: ProbeResult['result'][] = [];
  const opened: OpenedBy[] = [];
  let wakes = 0;

  beforeEach(async () => {
    [results.length, opened.length, wakes] = [0, 0, 0];
    app = await startApp('a');
    stopper = new AbortController();
    probes = startProbes({
      settings,
      onWake: () => (wakes += 1),
      onResult: (result) => results.push(result),
      onOpened: (by) => opened.push(by),
      signal: stopper.signal,
      log: { debug: () => undefined },
    });
  });

  afterEach(async () => {
    stopper.abort();
    await app.close();
  });

  const wanted = () => endpoint('a', { address: app.address, port: app.port });

  /** What a pass leaves that did `steps`, with the one server in this state. */
  function seen(operational: 'up' | 'down', steps: readonly Step[] = []): Picture {
    const { address, port } = app;
    const config = { address, port, disabled: false, weight: 100, checkPort: port };
    const runtime = { address, port, admin: 'ready', operational } as const;
    const one: ActualSlot = slot('nomad_web_1', { binding: 'a', config, runtime });
    const web = actualBackend('web', { section, slots: [one], checkMethod: 'httpchk' });
    const common = input(desiredState(), actualState());
    return picture({
      actual: actualState([web]),
      desired: desiredState([backend('web', { section, endpoints: [wanted()] })]),
      catalog: {
        ...{ services: [], warnings: [], ...common.catalog },
        allocations: allocations({ a: {} }),
      },
      steps,
    });
  }

  /** A step that binds it, or tells that it was restarted. */
  function bound(from: 'free' | 'restarted'): readonly Step[] {
    const before =
      from === 'free'
        ? slot('nomad_web_1')
        : slot('nomad_web_1', {
            binding: { id: wanted().id, createIndex: 99 },
            config: { ...slot('x', { binding: 'a' }).config, address: app.address, port: app.port },
          });
    const others = ['nomad_web_2', 'nomad_web_3'].map((name) => slot(name));
    const web = actualBackend('web', { section, slots: [before, ...others] });
    const marker = { onDisk: 'x', loaded: 'x' };
    const desired = desiredState([backend('web', { section, endpoints: [wanted()] })]);
    const { steps } = planFor(desired, actualState([web], { marker }));
    return steps.filter(({ route }) => route === 'no-reload');
  }

  const checks = (count: number) => waitFor('checks', () => results.length >= count);
  const passed = (): number => probes.passed('default').size;

  it('begin when a pass has bound an instance, and wake the loop once they pass', async () => {
    app.healthy = false;
    probes.succeeded(seen('down', bound('free')));
    await checks(3);
    expect([wakes, passed()]).to.deep.equal([0, 0]);
    app.healthy = true;
    await waitFor('a wake', () => wakes > 0);
    expect(passed()).to.equal(1);
    expect(probes.passed('other').size).to.equal(0);
    app.healthy = false;
    await waitFor('it to fail', () => results.at(-1) === 'refused');
    expect(passed()).to.equal(0);
  });

  it('begin before the pass that has bound an instance is over', async () => {
    probes.written(seen('down', bound('free')));
    await waitFor('a wake', () => wakes > 0);
    expect(passed()).to.equal(1);
    probes.succeeded(seen('down', bound('free')));
    expect(passed()).to.equal(1);
  });

  it('end when it is UP, and say whose check it was', async () => {
    probes.succeeded(seen('down', bound('free')));
    await waitFor('a wake', () => wakes > 0);
    const step = { kind: 'open-server', route: 'runtime', server: 'nomad_web_1' } as Step;
    probes.succeeded(seen('up', [step]));
    expect([passed(), opened]).to.deep.equal([0, ['probe']]);
    probes.succeeded(seen('down'));
    probes.succeeded(seen('up'));
    expect(opened).to.deep.equal(['probe', 'haproxy']);
  });

  for (const [when, pictures] of [
    ['by HAProxy before this process began', () => [seen('down')]],
    [
      'by HAProxy after it had served',
      () => [seen('down', bound('free')), seen('up'), seen('down')],
    ],
  ] as const) {
    it(`count for a server taken DOWN ${when} only once they have failed too`, async () => {
      for (const one of pictures()) probes.succeeded(one);
      await checks(5);
      expect([wakes, passed()]).to.deep.equal([0, 0]);
      await app.close();
      await waitFor('it to fail', () => results.includes('unreachable'));
      await app.open();
      await waitFor('a wake', () => wakes > 0);
      expect(passed()).to.equal(1);
    });
  }

  it('do not begin for a HAProxy that has left meanwhile', async () => {
    const before = seen('down', bound('free'));
    probes.succeeded(before);
    probes.left('default');
    probes.succeeded({ ...before, target: 'other' });
    await waitFor('a wake', () => wakes > 0);
    expect([probes.passed('other').size, passed()]).to.deep.equal([1, 0]);
  });

  it('run for a restarted instance even while HAProxy has it UP', async () => {
    await app.close();
    const steps = bound('restarted');
    expect(steps).to.have.length(1);
    probes.succeeded(seen('up', steps));
    await checks(2);
    probes.succeeded(seen('down'));
    await app.open();
    await waitFor('a wake', () => wakes > 0);
    expect(passed()).to.equal(1);
  });
});
