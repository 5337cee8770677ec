import { expect } from 'chai';

import type { Failure } from '../../src/pass/run.js';
import { ConnectorError, type ErrorCode } from '../../src/shared/errors.js';
import { changeLines } from '../../src/diff/print/changes.js';
import { createReporter } from '../../src/telemetry/report.js';
import type { LogFields, Logger } from '../../src/telemetry/logger.js';
import type { Metrics } from '../../src/telemetry/metrics.js';
import { catalogOf } from '../desired/given.js';
import {
  actualBackend,
  actualState,
  allocations,
  backend,
  desiredState,
  idOf,
  planFor,
  slot,
} from '../diff/given.js';
import { heldRemoval, nothing, picture, something, times } from '../pass/given-picture.js';

/** A reporter, what it logs and what it measures. */
function reporter(targets: readonly string[] = ['default']) {
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
  const metrics: Metrics = new Proxy({} as Metrics, {
    get:
      (_, name) =>
      (...args: unknown[]) =>
        name === 'of' ? metrics : calls.push([String(name), ...args]),
  });
  return {
    ...createReporter(logger, metrics, targets),
    lines,
    said: () => lines.map(({ level, message }) => `${level} ${message}`),
    warned: () => lines.filter(({ level }) => level === 'warn'),
    /** Arguments of each call of one metric. */
    measured: (name: string) => calls.filter(([one]) => one === name).map(([, ...args]) => args),
  };
}

function failure(code: ErrorCode): Failure {
  return { side: 'default', error: new ConnectorError(code, 'no answer'), times };
}

/** A catalog in which the allocation of `a` runs there. */
function onNode(node: string) {
  const [[id = '', facts] = []] = Object.entries(allocations({ a: {} }));
  return { ...catalogOf(), allocations: { [id]: { ...facts!, node } } };
}

const held = { ...nothing, held: heldRemoval };

describe('the report of a pass', () => {
  it('is a debug line where there was nothing to do', () => {
    const report = reporter();
    report.succeeded(picture({ catalog: { ...catalogOf(), index: 42 } }));
    expect(report.said()).to.deep.equal(['debug nothing to do']);
    expect(report.lines[0]?.fields).to.include({ pass: 1, nomadIndex: 42 });
    expect(report.lines[0]?.fields['durationMs']).to.be.a('number');
  });

  it('says what changed, and why HAProxy reloaded', () => {
    const report = reporter();
    report.succeeded(
      picture({ plan: something, steps: something.steps, reloads: ['new-backend'] }),
    );
    expect(report.said()).to.deep.equal(['info HAProxy changed']);
    expect(report.lines[0]?.fields).to.deep.include({
      steps: something.steps.length,
      reloads: ['new-backend'],
    });
    expect(report.measured('planStep').flat()).to.deep.equal(
      something.steps.map(({ kind }) => kind),
    );
    expect(report.measured('reload')).to.deep.equal([['new-backend']]);
  });

  it('says what changed in words, up to fifty lines', () => {
    const report = reporter();
    report.succeeded(picture({ plan: something, steps: something.steps }));
    const lines = changeLines(something);
    expect(lines.length).to.be.above(0);
    expect(report.lines[0]?.fields['changes']).to.deep.equal(lines);
    expect(report.lines[0]?.fields).not.to.have.property('moreChanges');
    const names = Array.from({ length: 80 }, (_, at) => `s${String(at).padStart(2, '0')}`);
    const many = planFor(desiredState(names.map((name) => backend(name))), actualState());
    report.succeeded(picture({ plan: many, steps: many.steps }));
    const { changes, moreChanges } = report.lines[1]?.fields ?? {};
    const all = changeLines(many);
    expect(changes).to.deep.equal(all.slice(0, 50));
    expect(moreChanges).to.equal(all.length - 50);
  });

  it('says which instance stands behind a server', () => {
    const report = reporter();
    report.succeeded(picture({ plan: something, steps: something.steps, catalog: onNode('n1') }));
    const { changes } = report.lines[0]?.fields ?? {};
    expect(changes).to.include(
      '+ server 10.0.0.1:20097 in backend nomad_web: ' +
        'check GET /health every 10s; alloc 00000000, job web, node n1',
    );
  });

  it('measures the longest wait before a retry, which is none once all are well', () => {
    const report = reporter(['one', 'two']);
    const last = (): unknown => report.measured('backoff').slice(-2).flat();
    report.failed({ ...failure('nomad-failed'), side: 'nomad' }, 500);
    expect(last()).to.deep.equal([0.5, 0.5]);
    report.failed({ ...failure('haproxy-down'), side: 'one' }, 2000);
    report.failed({ ...failure('haproxy-down'), side: 'two' }, 1000);
    expect(last()).to.deep.equal([2, 1]);
    report.succeeded(picture({ target: 'one' }));
    expect(last()).to.deep.equal([0, 1]);
    report.succeeded(picture({ target: 'two' }));
    expect(last()).to.deep.equal([0, 0]);
  });

  it('says which of several HAProxies it is about', () => {
    const report = reporter(['one', 'two']);
    const degraded = [{ code: 'no-hard-stop-after', message: 'none' }] as const;
    report.succeeded(picture({ target: 'two', steps: something.steps, degraded }));
    expect(report.lines.map(({ fields }) => fields['target'])).to.deep.equal(['two', 'two']);
  });

  it('says what a pass failed with', () => {
    const report = reporter();
    report.failed(failure('haproxy-down'), 100);
    const failed = failure('nomad-unreachable');
    report.failed(failed, 200);
    expect(report.said()).to.deep.equal(['error pass failed', 'error pass failed']);
    const { error } = failed;
    const told = { pass: 2, side: 'default', durationMs: 250, retryMs: 200, error };
    expect(report.lines[1]?.fields).to.include(told);
    expect(report.measured('succeeded')).to.deep.equal([]);
    expect(report.measured('failed')).to.deep.equal([['haproxy-down'], ['nomad-unreachable']]);
  });

  it('measures the phases of a pass under its result', () => {
    const timed = { ...times, phases: { observe: 2000 } };
    const cases = [
      [
        'noop',
        (report: ReturnType<typeof reporter>) => report.succeeded(picture({ times: timed })),
      ],
      ['changed', (report) => report.succeeded(picture({ times: timed, steps: something.steps }))],
      [
        'held',
        (report) => report.succeeded(picture({ times: timed, rest: held, steps: something.steps })),
      ],
      ['failed', (report) => report.failed({ ...failure('haproxy-down'), times: timed }, 0)],
    ] as const satisfies readonly (readonly [string, (r: ReturnType<typeof reporter>) => void])[];
    for (const [name, end] of cases) {
      const report = reporter();
      end(report);
      expect(report.measured('phase')).to.deep.equal([
        ['observe', name, 2],
        ['total', name, 0.25],
      ]);
    }
  });

  it('counts services, held removals and what is degraded', () => {
    const report = reporter();
    const skipped = [{ service: 'default/x', code: 'invalid-tag', reason: 'no' }] as const;
    const problems = [{ code: 'frontend-missing', message: 'no frontend' }] as const;
    report.succeeded(
      picture({
        desired: desiredState([backend('web'), backend('api')]),
        actual: actualState([actualBackend('web'), actualBackend('api')]),
        rest: { ...held, skipped, problems },
        degraded: [{ code: 'no-hard-stop-after', message: 'none' }],
      }),
    );
    expect(report.measured('services')).to.deep.equal([
      [{ routed: 2, wanted: 2, skipped: ['invalid-tag'], limits: [] }],
    ]);
    expect(report.measured('heldRemovals')).to.deep.equal([[3]]);
    expect(report.measured('degraded')).to.deep.equal([
      [['no-hard-stop-after', 'frontend-missing']],
    ]);
  });

  it('tells the first sync once, and of each that none is waited for', () => {
    const report = reporter();
    report.succeeded(picture());
    report.succeeded(picture());
    expect(report.measured('startupSynced')).to.have.length(1);
    expect(report.measured('succeeded')).to.have.length(2);
    expect(report.measured('backoff')).to.deep.equal([[0], [0]]);
  });

  it('counts as drift what was to be done though the catalog is the same', () => {
    const report = reporter();
    const [one, two] = [catalogOf(), { ...catalogOf(), index: catalogOf().index + 1 }];
    report.succeeded(picture({ catalog: one, plan: something }));
    report.succeeded(picture({ catalog: two, plan: something }));
    expect(report.measured('drift')).to.deep.equal([]);
    report.succeeded(picture({ catalog: two, plan: something }));
    expect(report.measured('drift')).to.deep.equal([[something.steps.length]]);
  });

  it('counts no drift where a job is new, though no instance is registered yet', () => {
    const report = reporter();
    const before = catalogOf();
    report.succeeded(picture({ catalog: before }));
    report.succeeded(picture({ catalog: { ...before, services: [] }, plan: something }));
    expect(report.measured('drift')).to.deep.equal([]);
  });

  it('counts no drift where the last pass left a reload for later', () => {
    const report = reporter();
    const given = { plan: something, catalog: catalogOf() };
    report.succeeded(picture({ ...given, rest: { ...something, gathering: { afterMs: 75 } } }));
    report.succeeded(picture(given));
    expect(report.measured('drift')).to.deep.equal([]);
  });

  it('passes on what woke the loop', () => {
    const report = reporter();
    report.woke('stream');
    expect(report.measured('wake')).to.deep.equal([['stream']]);
  });
});

describe('a warning', () => {
  const skipped = [{ service: 'default/x', code: 'invalid-tag', reason: 'no' }] as const;
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
      report.succeeded(picture(given));
      report.succeeded(picture(given));
      expect(warnings()).to.deep.equal([message]);
      report.succeeded(picture());
      report.succeeded(picture(given));
      expect(warnings()).to.deep.equal([message, message]);
    });
  }

  it('is kept over a pass that failed', () => {
    const report = reporter();
    report.succeeded(picture({ rest: { ...nothing, skipped } }));
    report.failed(failure('haproxy-down'), 100);
    report.succeeded(picture({ rest: { ...nothing, skipped } }));
    expect(report.warned()).to.have.length(1);
  });

  it('about held removals waits for the read that may release them', () => {
    const report = reporter();
    report.succeeded(picture({ rest: held }));
    expect(report.warned()).to.deep.equal([]);
    report.succeeded(picture({ rest: held }));
    report.succeeded(picture({ rest: held }));
    expect(report.warned().map(({ message, fields }) => ({ message, fields }))).to.deep.equal([
      {
        message: 'removals held',
        fields: { reason: heldRemoval.reason, instances: heldRemoval.instances, servers: [] },
      },
    ]);
  });

  it('about held removals names the servers and the instances behind them', () => {
    const report = reporter();
    const given = {
      rest: { ...nothing, held: { ...heldRemoval, instances: [idOf('a')], releasable: false } },
      actual: actualState([actualBackend('web', { slots: [slot('s1', { binding: 'a' })] })]),
    };
    report.succeeded(picture({ ...given, catalog: onNode('n1') }));
    // Nomad has forgotten the allocation: no other warning.
    report.succeeded(picture({ ...given, catalog: catalogOf() }));
    expect(report.warned().map(({ fields }) => fields['servers'])).to.deep.equal([
      ['s1 (alloc 00000000, job web, node n1)'],
    ]);
  });

  it('about removals that no read can release comes at once', () => {
    const report = reporter();
    report.succeeded(picture({ rest: { ...held, held: { ...heldRemoval, releasable: false } } }));
    expect(report.warned().map(({ message }) => message)).to.deep.equal(['removals held']);
  });
});
