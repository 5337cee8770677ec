import { expect } from 'chai';
import fc from 'fast-check';

import type { ActualSlot, ActualState } from '../../src/actual/types.js';
import type { DesiredState, Endpoint } from '../../src/desired/types.js';
import { plan, type PlanInput } from '../../src/diff/plan/plan.js';
import { probesOf } from '../../src/diff/plan/probes.js';
import { isOpening } from '../../src/diff/dispatch.js';
import { printPlan } from '../../src/diff/print/print.js';
import type { Probe } from '../../src/haproxy/server-check.js';
import { runs } from '../arbitraries/runs.js';
import { inputOf, someWorld } from '../arbitraries/world.js';
import {
  actualState,
  allocations,
  backend,
  catalog,
  customBackend,
  desiredState,
  endpoint,
  input,
  operatorBackend,
  slot,
} from './given.js';
import { applyToModel, converge } from './model.js';

const whole = desiredState([backend('web', { endpoints: [endpoint('a'), endpoint('b')] })]);
const running = catalog({ allocations: allocations({ a: {}, b: {} }) });
const converged = converge(input(whole, actualState()));

/** HAProxy as it should be, with one server changed: DOWN, if nothing else is said. */
function withServer(
  name: string,
  change: (slot: ActualSlot) => ActualSlot = down,
  actual: ActualState = converged,
): ActualState {
  const backends = Object.values(actual.backends).map((one) => [
    one.name,
    { ...one, slots: one.slots.map((old) => (old.name === name ? change(old) : old)) },
  ]);
  return { ...actual, backends: Object.fromEntries(backends) as ActualState['backends'] };
}

function down(old: ActualSlot): ActualSlot {
  return { ...old, runtime: { ...old.runtime!, operational: 'down' } };
}

const waiting = withServer('nomad_web_2');

function inputFor(
  actual: ActualState = waiting,
  desired: DesiredState = whole,
  given: Partial<PlanInput> = {},
): PlanInput {
  return input(desired, actual, { catalog: running, ...given });
}

function probesFor(...given: Parameters<typeof inputFor>): readonly Probe[] {
  const made = inputFor(...given);
  return probesOf(made, plan(made).steps);
}

function opened(given: PlanInput): string[] {
  return plan(given)
    .steps.filter(isOpening)
    .map(({ server }) => server);
}

const [probe] = probesFor();
const passed = new Set([probe?.key ?? '']);

describe('a server whose check the connector runs', () => {
  it('is one that waits, with its instance’s address and check', () => {
    expect(probe).to.deep.include({
      server: 'nomad_web_2',
      backend: 'nomad_web',
      service: 'default/web',
      address: endpoint('b').address,
      port: endpoint('b').port,
      check: { rise: 1, timeoutMs: 10_000, talk: { kind: 'connect' } },
    });
    expect(probesFor(converged)).to.deep.equal([]);
  });

  it('is checked on the port that HAProxy checks', () => {
    const checkPort = endpoint('b', { checkPort: 9000 });
    const desired = desiredState([backend('web', { endpoints: [endpoint('a'), checkPort] })]);
    const there = converge(input(desired, actualState()));
    expect(probesFor(withServer('nomad_web_2', down, there), desired)[0]?.port).to.equal(9000);
  });

  it('may be UP where it is watched', () => {
    const made = inputFor(converged);
    const some = probesOf(made, [], new Set(['nomad_web_1', 'nomad_web_4']));
    expect(some.map(({ server }) => server)).to.deep.equal(['nomad_web_1']);
  });

  describe('is none', () => {
    const b = (given: Partial<Endpoint>): DesiredState =>
      desiredState([backend('web', { endpoints: [endpoint('a'), endpoint('b', given)] })]);

    it('that is not to serve, or another than it was', () => {
      const others = [
        { phase: 'gate' },
        { phase: 'drain' },
        { port: 1 },
        { createIndex: 2 },
      ] as const;
      for (const given of others) {
        expect(probesFor(waiting, b(given)), JSON.stringify(given)).to.deep.equal([]);
      }
      const onlyA = desiredState([backend('web', { endpoints: [endpoint('a')] })]);
      expect(probesFor(waiting, onlyA)).to.deep.equal([]);
    });

    it('whose allocation doesn’t run', () => {
      const states = [
        { clientStatus: 'pending' },
        { clientStatus: 'unknown' },
        { clientStatus: 'failed' },
        { desiredStatus: 'stop' },
      ];
      for (const state of states) {
        const some = catalog({ allocations: allocations({ a: {}, b: state }) });
        expect(probesFor(waiting, whole, { catalog: some })).to.deep.equal([]);
      }
      expect(probesFor(waiting, whole, { catalog: catalog() })).to.deep.equal([]);
    });

    it('in maintenance, or that drains', () => {
      for (const admin of ['drain', 'maint'] as const) {
        const other = withServer('nomad_web_2', (old) => ({
          ...down(old),
          runtime: { ...down(old).runtime!, admin },
        }));
        expect(probesFor(other)).to.deep.equal([]);
      }
    });

    it('whose backend is written in this plan', () => {
      const section = { balance: { algorithm: 'leastconn' }, default_server: { check: 'enabled' } };
      const desired = desiredState([backend('web', { ...whole.backends[0], section })]);
      expect(probesFor(waiting, desired)).to.deep.equal([]);
    });

    it('while HAProxy runs another configuration than the file’s', () => {
      const marker = { ...waiting.marker, loaded: 'nomad_gen_1_other' };
      expect(probesFor({ ...waiting, marker })).to.deep.equal([]);
    });

    it('with `checks.probe: false`', () => {
      const { settings } = inputFor();
      const off = { ...settings, checks: { ...settings.checks, probe: false } };
      expect(probesFor(waiting, whole, { settings: off })).to.deep.equal([]);
    });

    it('whose kind of check comes from the operator’s defaults', () => {
      const { nomad_web: web } = waiting.backends;
      const backends = { nomad_web: { ...web!, checkMethod: 'httpchk' } };
      expect(probesFor({ ...waiting, backends })).to.deep.equal([]);
    });

    it('on HAProxy’s loopback, if that is another machine’s', () => {
      const local = (name: string) => endpoint(name, { address: '127.0.0.1' });
      const desired = desiredState([backend('web', { endpoints: [local('a'), local('b')] })]);
      const there = withServer('nomad_web_2', down, converge(input(desired, actualState())));
      expect(probesFor(there, desired)).to.have.length(1);
      for (const url of ['http://10.0.0.9:5555', 'http://haproxy.example.com:5555']) {
        expect(probesFor({ ...there, dataplane: { url } }, desired), url).to.deep.equal([]);
      }
    });
  });

  it('in an operator’s backend needs no more than a connection', () => {
    const server = slot('nomad_web_1', {
      binding: 'a',
      fields: { check: 'enabled', inter: 10_000 },
      shared: true,
    });
    const desired = desiredState([customBackend('web', { endpoints: [endpoint('a')] })]);
    const pool = operatorBackend('pool', [down(server)]);
    const actual = actualState([pool]);
    const find = (there: ActualState) => probesOf(inputFor(there, desired), []);
    expect(find(actual)).to.have.length(1);
    const own = actualState([{ ...pool, checkMethod: 'httpchk' }]);
    expect(find(own)).to.deep.equal([]);
  });
});

describe('a server whose check has passed', () => {
  it('is opened, as the first step, without a reload', () => {
    const made = plan(inputFor(waiting, whole, { passed }));
    expect(made.steps.map(({ kind }) => kind)).to.deep.equal(['open-server']);
    expect(printPlan(made)).to.match(
      /~ server 10\.0\.0\.1:20098 +passed its check; alloc \S+ job \S+\n.*Reload: no\./,
    );
    const after = applyToModel(waiting, made);
    expect(opened(inputFor(after, whole, { passed }))).to.deep.equal([]);
  });

  it('is not opened for what passed before its instance, address or check was another', () => {
    const restarted = withServer('nomad_web_2', (old) => ({
      ...down(old),
      binding: { ...old.binding!, createIndex: 130 },
    }));
    const desired = desiredState([
      backend('web', { endpoints: [endpoint('a'), endpoint('b', { createIndex: 130 })] }),
    ]);
    expect(probesFor(restarted, desired)).to.have.length(1);
    expect(opened(inputFor(restarted, desired, { passed }))).to.deep.equal([]);
    const { nomad_web: web } = waiting.backends;
    const section = { ...web!.section, default_server: { check: 'enabled', rise: 3 } };
    const other = desiredState([backend('web', { ...whole.backends[0], section })]);
    const backends = { nomad_web: { ...web!, section } };
    expect(opened(inputFor({ ...waiting, backends }, other, { passed }))).to.deep.equal([]);
  });

  it('is opened only where it waits and is to serve, whatever has passed', () => {
    const some = fc.array(fc.constantFrom('serve', 'gate', 'drain', 'other'), { minLength: 3 });
    fc.assert(
      fc.property(someWorld, some, ({ actual, desired, settings }, phases) => {
        const made = inputOf(desired, actual, settings);
        const there = converge(made);
        const all = Object.values(there.backends).flatMap((one) => one.slots);
        const state = all.reduce((before, { name }) => withServer(name, down, before), there);
        const keys = new Set(probesOf({ ...made, actual: state }, []).map(({ key }) => key));
        const changed = changePhases(desired, phases);
        const { steps } = plan({ ...made, actual: state, desired: changed, passed: keys });
        const wanted = changed.backends.flatMap(({ endpoints }) => endpoints);
        for (const { server, config } of steps.filter(isOpening)) {
          const one = all.find(({ name }) => name === server);
          expect(one?.runtime?.admin).to.equal('ready');
          const { address, port } = config;
          const its = wanted.find(({ id }) => id === one?.binding?.id);
          expect(its).to.include({ phase: 'serve', address, port });
        }
        opens += steps.filter(isOpening).length;
      }),
      runs(30),
    );
    expect(opens).to.be.greaterThan(0);
  });
});

let opens = 0;

/** Some instances wait, stop, or are registered anew. */
function changePhases(desired: DesiredState, phases: readonly string[]): DesiredState {
  let at = 0;
  const change = (one: Endpoint): Endpoint => {
    const phase = phases[at++ % phases.length];
    if (phase === 'other') return { ...one, createIndex: one.createIndex + 1 };
    return { ...one, phase: phase as Endpoint['phase'] };
  };
  return {
    ...desired,
    backends: desired.backends.map((one) => ({ ...one, endpoints: one.endpoints.map(change) })),
  };
}
