import { expect } from 'chai';

import type { ActualSlot } from '../../src/actual/types.js';
import { renderStateFile, type SlotState, slotStates } from '../../src/apply/render/state-file.js';
import {
  actualBackend,
  drainingSlot,
  endpoint,
  idOf,
  operatorBackend,
  slot,
} from '../diff/given.js';

const web = (number: number) => `nomad_web_${number}`;

function line(given: Partial<SlotState> = {}): string[] {
  const state: SlotState = {
    backend: 'nomad_web',
    slot: slot(web(1), { binding: 'a' }),
    up: true,
    ssl: false,
    rise: 2,
    fall: 3,
    ...given,
  };
  return renderStateFile([state]).split('\n').slice(2, -1);
}

/** Names of those that are UP after the start that reads this. */
function upAfter(before: readonly ActualSlot[], after: readonly ActualSlot[] = before): string[] {
  const backends = { nomad_web: actualBackend('web', { slots: before }) };
  const states = slotStates(backends, [{ backend: 'nomad_web', slots: after }]);
  return states.filter(({ up }) => up).map((state) => state.slot.name.slice(-1));
}

const a = slot(web(1), { binding: 'a' });
const b = slot(web(2), { binding: 'b' });
const down = { ...a, runtime: { ...endpoint('a'), admin: 'ready', operational: 'down' } } as const;

describe('the server state file: what a start of HAProxy knows', () => {
  describe('its lines', () => {
    it('begin with the version and the names of the fields', () => {
      const [version, names] = renderStateFile([]).split('\n');
      expect(version).to.equal('1');
      expect(names?.startsWith('# be_id be_name srv_id srv_name srv_addr')).to.equal(true);
      const fields = (line()[0] ?? '').split(' ');
      expect(fields).to.have.length((names ?? '').split(' ').length - 1);
    });

    it('UP: its check passed, and it has all its lives', () => {
      expect(line()).to.deep.equal([
        '0 nomad_web 0 nomad_web_1 10.0.0.1 2 0 100 100 0 15 3 4 6 0 0 0 - 20097 - 0 20097 - - 0',
      ]);
      expect(line({ rise: 1, fall: 1 })[0]).to.contain(' 0 15 3 1 6 ');
    });

    it('DOWN: it was not checked yet', () => {
      expect(line({ up: false })).to.deep.equal([
        '0 nomad_web 0 nomad_web_1 10.0.0.1 0 0 100 100 0 1 0 0 6 0 0 0 - 20097 - 0 20097 - - 0',
      ]);
    });

    it('address, port, weight and check port are those that will be loaded', () => {
      const config = { address: '2001:db8::1', port: 80, disabled: false, weight: 7 };
      expect(line({ slot: { name: web(1), config } })[0]).to.equal(
        '0 nomad_web 0 nomad_web_1 2001:db8::1 2 0 7 7 0 15 3 4 6 0 0 0 - 80 - 0 0 - - 0',
      );
    });

    it('a slot in maintenance has none: the configuration speaks for it', () => {
      expect(line({ slot: slot(web(1)) })).to.deep.equal([]);
      expect(line({ slot: drainingSlot(web(1), 'a', 3) })).to.deep.equal([]);
    });
  });

  describe('who is UP', () => {
    it('who is UP now and keeps its instance', () => {
      expect(upAfter([a, b])).to.deep.equal(['1', '2']);
    });

    it('R4.3: who is DOWN stays DOWN', () => {
      expect(upAfter([down, b])).to.deep.equal(['2']);
    });

    it('R4.3: who waits for its check goes on waiting', () => {
      const gated = {
        ...b,
        runtime: { ...endpoint('b'), admin: 'ready', operational: 'down' },
      } as const;
      expect(upAfter([a, gated])).to.deep.equal(['1']);
    });

    it('a new instance, or one that moves, waits for its check', () => {
      expect(upAfter([slot(web(1)), b], [slot(web(1), { binding: 'a' }), b])).to.deep.equal(['2']);
      const moved = { ...a, config: { ...a.config, port: 30_000 } };
      expect(upAfter([a, b], [moved, b])).to.deep.equal(['2']);
      const other = { ...a, binding: { id: idOf('c'), createIndex: 100 } };
      expect(upAfter([a, b], [other, b])).to.deep.equal(['2']);
    });

    it('one that HAProxy has at another address was never checked at its own', () => {
      const runtime = { address: '10.9.9.9', port: 1, admin: 'ready', operational: 'up' } as const;
      expect(upAfter([{ ...a, runtime }, b])).to.deep.equal(['2']);
    });

    it('one that was restarted in place waits while others serve; alone, it stays', () => {
      const restarted = { ...a, binding: { id: idOf('a'), createIndex: 130 } };
      expect(upAfter([a, b], [restarted, b])).to.deep.equal(['2']);
      expect(upAfter([a], [restarted])).to.deep.equal(['1']);
    });

    it('S17: one that comes back while it drains was UP all the time', () => {
      const draining = drainingSlot(web(1), 'a', 3);
      expect(upAfter([draining, b], [a, b])).to.deep.equal(['1', '2']);
    });

    it('one that HAProxy has not loaded is not UP', () => {
      const { runtime: _, ...unloaded } = a;
      expect(upAfter([unloaded, b])).to.deep.equal(['2']);
    });

    it('without a check everyone is UP', () => {
      const slots = [down, slot(web(2), { binding: 'b' })];
      const backends = { nomad_web: actualBackend('web', { section: {}, slots }) };
      expect(slotStates(backends, []).map(({ up }) => up)).to.deep.equal([true, true]);
    });

    it("in the operator's backend the server's own check counts", () => {
      const slots = [{ ...down, fields: { check: 'enabled' } }];
      const backends = { pool: operatorBackend('pool', slots) };
      expect(slotStates(backends, []).map(({ up }) => up)).to.deep.equal([false]);
    });

    it('and so does that of one that is written there now', () => {
      const fields = { check: 'enabled', rise: 1, fall: 2 };
      const { runtime: _, ...fresh } = slot(web(2), { binding: 'b', fields });
      const backends = { pool: operatorBackend('pool', [{ ...a, fields }]) };
      const planned = [{ backend: 'pool', slots: [{ ...a, fields }, fresh] }];
      expect(
        slotStates(backends, planned).map(({ up, rise, fall }) => [up, rise, fall]),
      ).to.deep.equal([
        [true, 1, 2],
        [false, 1, 2],
      ]);
    });
  });

  it('covers all backends, sorted, with what is planned instead of what is', () => {
    const backends = {
      nomad_web: actualBackend('web', { slots: [a] }),
      nomad_api: actualBackend('api', { slots: [slot('nomad_api_1')] }),
      gone: actualBackend('gone', { slots: [slot('gone_1')] }),
    };
    const section = { default_server: { check: 'enabled', rise: 5, fall: 6, ssl: 'enabled' } };
    const states = slotStates(backends, [
      { backend: 'nomad_web', section, slots: [a, slot(web(2))] },
      { backend: 'gone', slots: [] },
    ]);
    expect(
      states.map((state) => [state.slot.name, state.up, state.ssl, state.rise, state.fall]),
    ).to.deep.equal([
      ['nomad_api_1', false, false, 1, 3],
      ['nomad_web_1', true, true, 5, 6],
      ['nomad_web_2', false, true, 5, 6],
    ]);
  });
});

describe('the server state file: what servers inherit', () => {
  const inherited = { ssl: 'enabled', check: 'enabled', rise: 5 };
  const facts = (backend: object, plan: object = {}) => {
    const backends = { pool: { ...operatorBackend('pool'), slots: [a], ...backend } };
    const planned = [{ backend: 'pool', slots: [a], ...plan }];
    const [state] = slotStates(backends, planned);
    return [state?.ssl, state?.rise, state?.fall];
  };

  it("a backend's own default-server overrides that of the defaults field by field", () => {
    expect(facts({})).to.deep.equal([false, 2, 3]);
    expect(facts({ inherited })).to.deep.equal([true, 5, 3]);
    const own = { ssl: 'disabled', fall: 7 };
    expect(facts({ inherited, serverDefaults: own })).to.deep.equal([false, 5, 7]);
    const section = { default_server: { rise: 1 } };
    expect(facts({ inherited }, { section })).to.deep.equal([true, 1, 3]);
  });

  it("a server's own word is the last", () => {
    const slots = [{ ...a, fields: { ssl: 'disabled', rise: 9 } }];
    expect(facts({ inherited, slots }, { slots })).to.deep.equal([false, 9, 3]);
  });

  it('a new backend has those of the section that it will name', () => {
    const planned = [{ backend: 'new', section: {}, slots: [a] }];
    expect(slotStates({}, planned, inherited)[0]?.ssl).to.equal(true);
    expect(slotStates({}, planned)[0]?.ssl).to.equal(false);
  });
});
