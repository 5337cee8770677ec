import { expect } from 'chai';

import { createHealth } from '../../src/loop/health.js';
import { ConnectorError } from '../../src/shared/errors.js';
import { nomadSide, type Failure } from '../../src/pass/run.js';
import { settings } from '../desired/given.js';
import { nothing, picture, something, times } from '../pass/given-picture.js';

const unreachable: Failure = {
  side: nomadSide,
  error: new ConnectorError('nomad-unreachable', 'Nomad does not answer'),
  times,
};

/** A clock and a pass in hand that the test moves. */
function healthAt(resyncIntervalMs: number, targets: readonly string[] = ['default']) {
  const time: { now: number; busySince?: number } = { now: 1_000_000 };
  const sync = { ...settings.sync, resyncIntervalMs };
  const health = createHealth({
    sync,
    targets,
    busySince: () => time.busySince,
    now: () => time.now,
  });
  return { health, time };
}

describe('readiness', () => {
  it("of a standby: it has read, and what is left to do is the leader's", () => {
    let standsBy = true;
    const health = createHealth({
      ...{ sync: settings.sync, targets: ['default'], busySince: () => undefined },
      standsBy: () => standsBy,
    });
    expect(health.ready().ok).to.equal(false);
    const problems = [{ code: 'frontend-missing', message: 'there is no frontend x' }] as const;
    health.succeeded(picture({ rest: { ...nothing, problems } }));
    expect(health.ready()).to.deep.equal({ ok: true, standsBy: true });
    standsBy = false;
    expect(health.ready().ok).to.equal(false);
  });

  it('is ready where only spare servers are short: everything wanted is routed', () => {
    const { health } = healthAt(1000);
    const short = { code: 'servers-short', message: 'about 20 servers are wanted' } as const;
    health.succeeded(picture({ rest: { ...nothing, problems: [short] } }));
    expect(health.ready()).to.deep.equal({ ok: true });
    const missing = { code: 'frontend-missing', message: 'there is no frontend x' } as const;
    health.succeeded(picture({ rest: { ...nothing, problems: [short, missing] } }));
    expect(health.ready()).to.deep.equal({ ok: false, reason: missing.message });
  });

  it('waits for the first pass that ends well, and says why it takes so long', () => {
    const { health } = healthAt(1000);
    expect(health.ready()).to.deep.equal({ ok: false, reason: 'no sync yet' });
    health.failed(unreachable);
    expect(health.ready().reason).to.equal('no sync yet: Nomad does not answer');
    health.succeeded(picture());
    expect(health.ready()).to.deep.equal({ ok: true });
  });

  it('is not there while all waits for its turn, and is not lost by what waits later', () => {
    const { health } = healthAt(1000);
    const waiting = { ...something, gathering: { afterMs: 2000 } };
    health.succeeded(picture({ rest: waiting }));
    expect(health.ready().ok).to.equal(false);
    health.succeeded(picture());
    expect(health.ready()).to.deep.equal({ ok: true });
    health.succeeded(picture({ rest: waiting }));
    expect(health.ready()).to.deep.equal({ ok: true });
  });

  it('survives failures until the last sync is too long ago: 90 s, or three resyncs', () => {
    for (const [resyncMs, staleMs] of [
      [1000, 90_000],
      [60_000, 180_000],
    ] as const) {
      const { health, time } = healthAt(resyncMs);
      health.succeeded(picture());
      health.failed(unreachable);
      time.now += staleMs;
      expect(health.ready()).to.deep.equal({ ok: true });
      time.now += 1;
      const seconds = staleMs / 1000;
      expect(health.ready().reason).to.equal(`last sync ${seconds} s ago: Nomad does not answer`);
      health.succeeded(picture());
      expect(health.ready()).to.deep.equal({ ok: true });
      time.now += staleMs + 1;
      expect(health.ready().reason).to.equal(`last sync ${seconds} s ago`);
    }
  });

  it('is false while a problem stands or steps are left, until a pass ends without', () => {
    const { health } = healthAt(1000);
    const problems = [{ code: 'frontend-missing', message: 'there is no frontend x' }] as const;
    health.succeeded(picture({ rest: { ...something, problems } }));
    expect(health.ready()).to.deep.equal({ ok: false, reason: 'there is no frontend x' });
    health.succeeded(picture({ rest: something }));
    expect(health.ready().reason).to.equal(
      `${something.steps.length} planned steps were not applied`,
    );
    health.succeeded(picture({ plan: something, rest: nothing }));
    expect(health.ready()).to.deep.equal({ ok: true });
  });

  it('is not lost over skipped services', () => {
    const { health } = healthAt(1000);
    const skipped = [{ service: 'default/web', code: 'invalid-tag', reason: 'no' }] as const;
    health.succeeded(picture({ rest: { ...nothing, skipped } }));
    expect(health.ready()).to.deep.equal({ ok: true });
  });

  it('asks for each target, and names the one that is not in sync', () => {
    const { health } = healthAt(1000, ['one', 'two']);
    health.succeeded(picture({ target: 'one' }));
    expect(health.ready()).to.deep.equal({ ok: false, reason: 'two: no sync yet' });
    health.failed({ ...unreachable, side: 'two' });
    expect(health.ready().reason).to.equal('two: no sync yet: Nomad does not answer');
    health.succeeded(picture({ target: 'two' }));
    expect(health.ready()).to.deep.equal({ ok: true });
    health.succeeded(picture({ target: 'one', rest: something }));
    expect(health.ready().reason).to.match(/^one: .* not applied$/);
  });
});

describe('liveness', () => {
  it('holds between passes and fails for one that runs for five minutes', () => {
    const { health, time } = healthAt(1000);
    expect(health.alive()).to.deep.equal({ ok: true });
    time.busySince = time.now;
    time.now += 299_999;
    expect(health.alive()).to.deep.equal({ ok: true });
    time.now += 1;
    expect(health.alive()).to.deep.equal({
      ok: false,
      reason: 'a pass has been running for 300 s',
    });
    delete time.busySince;
    expect(health.alive()).to.deep.equal({ ok: true });
  });

  it('does not ask whether passes end well', () => {
    const { health, time } = healthAt(1000);
    health.failed(unreachable);
    time.now += 3_600_000;
    expect(health.alive()).to.deep.equal({ ok: true });
  });
});
