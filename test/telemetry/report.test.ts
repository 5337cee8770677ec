import { expect } from 'chai';

import { ConnectorError } from '../../src/shared/errors.js';
import { createReporter } from '../../src/telemetry/report.js';
import type { LogFields, Logger } from '../../src/telemetry/logger.js';
import type { Metrics } from '../../src/telemetry/metrics.js';
import { catalogOf } from '../desired/given.js';
import { backend, desiredState } from '../diff/given.js';
import { heldRemoval, nothing, result, something } from '../given-result.js';

/** A reporter, what it logs and what it measures. */
function reporter() {
  const lines: { level: string; message: string; fields: LogFields }[] = [];
  const calls: (readonly [name: string, ...args: unknown[]])[] = [];
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      lines.push({ level, message, fields });
    };
  const logger: Logger = {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    child: () => logger,
  };
  const metrics = new Proxy({} as Metrics, {
    get:
      (_, name) =>
      (...args: unknown[]) =>
        calls.push([String(name), ...args]),
  });
  return {
    ...createReporter(logger, metrics),
    lines,
    said: () => lines.map(({ level, message }) => `${level} ${message}`),
    warned: () => lines.filter(({ level }) => level === 'warn'),
    /** Arguments of each call of one metric. */
    measured: (name: string) => calls.filter(([one]) => one === name).map(([, ...args]) => args),
  };
}

const held = { ...nothing, held: heldRemoval };

describe('the report of a pass', () => {
  it('is a debug line where there was nothing to do', () => {
    const report = reporter();
    report.began();
    report.succeeded(result({ catalog: { ...catalogOf(), index: 42 } }));
    expect(report.said()).to.deep.equal(['debug nothing to do']);
    expect(report.lines[0]?.fields).to.include({ pass: 1, nomadIndex: 42 });
    expect(report.lines[0]?.fields['durationMs']).to.be.a('number');
  });

  it('says what changed, and why HAProxy reloaded', () => {
    const report = reporter();
    report.began();
    report.succeeded(result({ plan: something, steps: something.steps, reloads: ['new-backend'] }));
    expect(report.said()).to.deep.equal(['info HAProxy changed']);
    expect(report.lines[0]?.fields).to.deep.include({
      steps: something.steps.length,
      reloads: ['new backend nomad_web'],
    });
    expect(report.measured('planStep').flat()).to.deep.equal(
      something.steps.map(({ kind }) => kind),
    );
    expect(report.measured('reload')).to.deep.equal([['new-backend']]);
  });

  it('says what a pass failed with', () => {
    const report = reporter();
    report.began();
    report.began();
    const error = new ConnectorError('nomad-unreachable', 'no answer');
    report.failed(error);
    expect(report.said()).to.deep.equal(['error pass failed']);
    expect(report.lines[0]?.fields).to.include({ pass: 2, error });
    expect(report.measured('succeeded')).to.deep.equal([]);
  });

  it('measures the phases under the result of their pass, and forgets them with it', () => {
    const cases = [
      ['noop', (report: ReturnType<typeof reporter>) => report.succeeded(result())],
      ['changed', (report) => report.succeeded(result({ steps: something.steps }))],
      ['held', (report) => report.succeeded(result({ rest: held, steps: something.steps }))],
      ['failed', (report) => report.failed(new ConnectorError('haproxy-down', 'no answer'))],
    ] as const satisfies readonly (readonly [string, (r: ReturnType<typeof reporter>) => void])[];
    for (const [name, end] of cases) {
      const report = reporter();
      report.began();
      report.phase('apply', 1);
      report.began();
      report.phase('observe', 2000);
      end(report);
      const measured = report.measured('phase');
      expect(measured[0]).to.deep.equal(['observe', name, 2]);
      expect(measured.slice(1).map(([phase, as]) => [phase, as])).to.deep.equal([['total', name]]);
    }
  });

  it('counts services, held removals and what is degraded', () => {
    const report = reporter();
    const skipped = [{ service: 'default/x', code: 'no-domain', reason: 'no' }] as const;
    const problems = [{ code: 'frontend-missing', message: 'no frontend' }] as const;
    report.succeeded(
      result({
        desired: desiredState([backend('web'), backend('api')]),
        rest: { ...held, skipped, problems },
        degraded: [{ code: 'no-hard-stop-after', message: 'none' }],
      }),
    );
    expect(report.measured('services')).to.deep.equal([
      [{ routed: 2, wanted: 2, skipped: ['no-domain'] }],
    ]);
    expect(report.measured('heldRemovals')).to.deep.equal([[3]]);
    expect(report.measured('degraded')).to.deep.equal([
      [['no-hard-stop-after', 'frontend-missing']],
    ]);
  });

  it('tells the first sync once, and of each that none is waited for', () => {
    const report = reporter();
    report.succeeded(result());
    report.succeeded(result());
    expect(report.measured('startupSynced')).to.have.length(1);
    expect(report.measured('succeeded')).to.have.length(2);
    expect(report.measured('backoff')).to.deep.equal([[0], [0]]);
  });

  it('counts as drift what was to be done though the catalog is the same', () => {
    const report = reporter();
    const at = (index: number) => ({ catalog: { ...catalogOf(), index }, plan: something });
    report.succeeded(result(at(1)));
    report.succeeded(result(at(2)));
    expect(report.measured('drift')).to.deep.equal([]);
    report.succeeded(result(at(2)));
    expect(report.measured('drift')).to.deep.equal([[something.steps.length]]);
  });

  it('passes on what woke the loop', () => {
    const report = reporter();
    report.woke('stream');
    expect(report.measured('wake')).to.deep.equal([['stream']]);
  });
});

describe('a warning', () => {
  const skipped = [{ service: 'default/x', code: 'no-domain', reason: 'no' }] as const;
  const catalog = catalogOf();
  const cases = [
    ['service skipped', { rest: { ...nothing, skipped } }],
    [
      'service warning',
      {
        rest: {
          ...nothing,
          warnings: [{ service: 'default/x', code: 'unknown-tag', message: 'what is x?' }],
        },
      },
    ],
    [
      'catalog warning',
      {
        catalog: {
          ...catalog,
          warnings: [{ code: 'ghost-instance', subject: 'default/x', message: 'no allocation' }],
        },
      },
    ],
    ['degraded', { degraded: [{ code: 'no-hard-stop-after', message: 'none' }] }],
    [
      'problem',
      { rest: { ...nothing, problems: [{ code: 'frontend-missing', message: 'no frontend' }] } },
    ],
  ] as const;
  for (const [message, given] of cases) {
    it(`"${message}" is said once, until it goes away`, () => {
      const report = reporter();
      const warnings = (): string[] => report.warned().map((line) => line.message);
      report.succeeded(result(given));
      report.succeeded(result(given));
      expect(warnings()).to.deep.equal([message]);
      report.succeeded(result());
      report.succeeded(result(given));
      expect(warnings()).to.deep.equal([message, message]);
    });
  }

  it('is kept over a pass that failed', () => {
    const report = reporter();
    report.succeeded(result({ rest: { ...nothing, skipped } }));
    report.failed(new ConnectorError('haproxy-down', 'no answer'));
    report.succeeded(result({ rest: { ...nothing, skipped } }));
    expect(report.warned()).to.have.length(1);
  });

  it('about held removals waits for the read that may release them', () => {
    const report = reporter();
    report.succeeded(result({ rest: held }));
    expect(report.warned()).to.deep.equal([]);
    report.succeeded(result({ rest: held }));
    report.succeeded(result({ rest: held }));
    expect(report.warned().map(({ message, fields }) => ({ message, fields }))).to.deep.equal([
      {
        message: 'removals held',
        fields: { reason: heldRemoval.reason, instances: heldRemoval.instances },
      },
    ]);
  });

  it('about removals that no read can release comes at once', () => {
    const report = reporter();
    report.succeeded(result({ rest: { ...held, held: { ...heldRemoval, releasable: false } } }));
    expect(report.warned().map(({ message }) => message)).to.deep.equal(['removals held']);
  });
});
