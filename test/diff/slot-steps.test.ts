import { expect } from 'chai';

import type { ActualSlot } from '../../src/actual/types.js';
import type { Endpoint } from '../../src/desired/types.js';
import type { SlotStep } from '../../src/diff/types.js';
import {
  actualBackend,
  actualState,
  backend,
  desiredState,
  drainingSlot,
  endpoint,
  input,
  planFor,
  slot,
} from './given.js';
import { applyToModel, converge } from './model.js';

const web = (number: number) => `nomad_web_${number}`;
const whole = desiredState([backend('web', { endpoints: [endpoint('a'), endpoint('b')] })]);
const converged = converge(input(whole, actualState()));

/** The steps for these instances of `web`, with its first slots as given. */
function stepsFor(
  slots: readonly ActualSlot[],
  endpoints: readonly Endpoint[],
  hasCheck = true,
): SlotStep[] {
  const one = converged.backends['nomad_web'];
  if (one === undefined) throw new Error('no backend');
  const rest = one.slots.slice(slots.length);
  const backends = { nomad_web: { ...one, slots: [...slots, ...rest] } };
  const desired = desiredState([backend('web', { endpoints, hasCheck })]);
  const { steps } = planFor(desired, { ...converged, backends });
  return steps.filter((step): step is SlotStep => step.route === 'no-reload');
}

function brief(steps: readonly SlotStep[]): string[] {
  return steps.map(({ kind, slot: { name, admin }, gated }) =>
    [kind, name.split('_').at(-1), admin, ...(gated ? ['gated'] : [])].join(' '),
  );
}

const runtime = (name: string, given: Partial<NonNullable<ActualSlot['runtime']>> = {}) => ({
  address: endpoint(name).address,
  port: endpoint(name).port,
  admin: 'ready' as const,
  operational: 'up' as const,
  ...given,
});

const a = slot(web(1), { binding: 'a' });
const b = slot(web(2), { binding: 'b' });
const free = slot(web(2));

describe('slot steps: what changes without a reload', () => {
  it('nothing where disk and process are as planned', () => {
    expect(stepsFor([a, b], [endpoint('a'), endpoint('b')])).to.deep.equal([]);
  });

  it('a new instance waits for its check', () => {
    expect(brief(stepsFor([a, free], [endpoint('a'), endpoint('b')]))).to.deep.equal([
      'bind-slot 2 ready gated',
    ]);
  });

  it('without a check nothing waits', () => {
    const bare = slot(web(1), { binding: 'a', config: { ...a.config } });
    const steps = stepsFor([bare, free], [endpoint('a'), endpoint('b')], false);
    expect(brief(steps)).to.include('bind-slot 2 ready');
  });

  describe('a pending instance', () => {
    const gated = slot(web(2), {
      binding: 'b',
      config: { ...b.config, disabled: true },
      runtime: runtime('b', { admin: 'drain', address: '127.0.0.1', port: 9 }),
    });

    it('is bound, and kept from traffic', () => {
      const endpoints = [endpoint('a'), endpoint('b', { phase: 'gate' })];
      expect(brief(stepsFor([a, free], endpoints))).to.deep.equal(['bind-slot 2 drain']);
      expect(brief(stepsFor([a, gated], endpoints))).to.deep.equal([]);
    });

    it('waits for its check when it runs: nobody has checked it so far', () => {
      expect(brief(stepsFor([a, gated], [endpoint('a'), endpoint('b')]))).to.deep.equal([
        'bind-slot 2 ready gated',
      ]);
    });
  });

  it('an instance that moves, or is restarted while others serve, waits for its check again', () => {
    const moved = endpoint('b', { port: 30_000 });
    expect(brief(stepsFor([a, b], [endpoint('a'), moved]))).to.deep.equal([
      'update-slot 2 ready gated',
    ]);
    const restarted = endpoint('b', { createIndex: 130 });
    expect(brief(stepsFor([a, b], [endpoint('a'), restarted]))).to.deep.equal([
      'update-slot 2 ready gated',
    ]);
  });

  it('one that is restarted alone is not taken out: retries reach it sooner than its check', () => {
    const restarted = endpoint('a', { createIndex: 130 });
    expect(brief(stepsFor([a, free], [restarted]))).to.deep.equal(['update-slot 1 ready']);
  });

  it('a new weight waits for nothing', () => {
    const heavier = endpoint('b', { weight: 20 });
    expect(brief(stepsFor([a, b], [endpoint('a'), heavier]))).to.deep.equal([
      'update-slot 2 ready',
    ]);
  });

  it('an instance that leaves drains, and then its slot is free', () => {
    const gone = [endpoint('a')];
    expect(brief(stepsFor([a, b], gone))).to.deep.equal(['drain-slot 2 drain']);
    expect(brief(stepsFor([a, drainingSlot(web(2), 'b', 10)], gone))).to.deep.equal([]);
    expect(brief(stepsFor([a, drainingSlot(web(2), 'b', 30)], gone))).to.deep.equal([
      'free-slot 2 maint',
    ]);
  });

  it('S17: a drain that is cancelled serves at once: it was UP all the time', () => {
    const steps = stepsFor([a, drainingSlot(web(2), 'b', 10)], [endpoint('a'), endpoint('b')]);
    expect(brief(steps)).to.deep.equal(['bind-slot 2 ready']);
  });

  describe('drift in the process', () => {
    const both = [endpoint('a'), endpoint('b')];

    it('S5: a server that is in maintenance is made ready, and waits for its check', () => {
      const stuck = { ...b, runtime: runtime('b', { admin: 'maint', operational: 'down' }) };
      expect(brief(stepsFor([a, stuck], both))).to.deep.equal(['repair-slot 2 ready gated']);
    });

    it('a server with another address gets its own', () => {
      const other = { ...b, runtime: runtime('b', { port: 1 }) };
      const [step] = stepsFor([a, other], both);
      expect(step).to.deep.include({ kind: 'repair-slot', slot: { ...step?.slot } });
      expect(step?.gated, 'its check was about another').to.equal(true);
    });

    it('a free slot that was made ready goes back to maintenance', () => {
      const woken = slot(web(2), {
        runtime: { address: '127.0.0.1', port: 9, admin: 'ready', operational: 'up' },
      });
      expect(brief(stepsFor([a, woken], [endpoint('a')]))).to.deep.equal(['repair-slot 2 maint']);
    });

    it('S20: a draining server that a reload made ready drains again', () => {
      const draining = drainingSlot(web(2), 'b', 10);
      const ready = { ...draining, runtime: runtime('b') };
      expect(brief(stepsFor([a, ready], [endpoint('a')]))).to.deep.equal(['repair-slot 2 drain']);
      const inMaintenance = { ...draining, runtime: runtime('b', { admin: 'maint' }) };
      expect(brief(stepsFor([a, inMaintenance], [endpoint('a')]))).to.deep.equal([]);
    });
  });

  it('a server that HAProxy has not loaded is not touched: the reload comes first', () => {
    const { runtime: _, ...unloaded } = b;
    expect(stepsFor([a, unloaded], [endpoint('a')])).to.deep.equal([]);
    const lost = { ...actualBackend('web'), slots: [a, unloaded, ...rest()] };
    const { steps } = planFor(whole, { ...converged, backends: { nomad_web: lost } });
    expect(steps.map((step) => ('reload' in step ? step.reload : step.kind))).to.deep.equal([
      'lost-reload',
    ]);
  });

  it('a rolling deploy of all instances at once costs no reload', () => {
    const next = desiredState([backend('web', { endpoints: [endpoint('c'), endpoint('d')] })]);
    const first = planFor(next, converged);
    expect(first.steps.every(({ route }) => route === 'no-reload')).to.equal(true);
    const after = applyToModel(converged, first);
    expect(after.configVersion).to.equal(converged.configVersion + 1);
    expect(after.marker).to.deep.equal(converged.marker);
  });
});

function rest(): ActualSlot[] {
  return [...(converged.backends['nomad_web']?.slots.slice(2) ?? [])];
}
