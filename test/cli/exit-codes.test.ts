import { expect } from 'chai';
import fc from 'fast-check';
import { exitCode, exitCodeOf, explainExitCode, type Outcome } from '../../src/cli/exit-codes.js';
import { ConnectorError } from '../../src/shared/errors.js';

const outcomes: fc.Arbitrary<Required<Outcome>> = fc.record({
  usageError: fc.boolean(),
  planRefused: fc.boolean(),
  error: fc.boolean(),
  guardHeld: fc.boolean(),
  skipped: fc.boolean(),
  changed: fc.boolean(),
  detailed: fc.boolean(),
});

describe('exitCode', () => {
  const cases: readonly [Outcome, number][] = [
    [{}, 0],
    [{ changed: true }, 0],
    [{ changed: true, detailed: true }, 2],
    [{ detailed: true }, 0],
    [{ skipped: true }, 3],
    [{ guardHeld: true }, 4],
    [{ error: true }, 1],
    [{ planRefused: true, error: true }, 5],
    [{ usageError: true }, 64],
  ];
  for (const [outcome, code] of cases) {
    it(`of ${JSON.stringify(outcome)} is ${code}`, () => {
      expect(exitCode(outcome)).to.equal(code);
    });
  }

  it('is that of the first of 64, 5, 1, 4, 3, 2 whose reason is given', () => {
    fc.assert(
      fc.property(outcomes, (outcome) => {
        const reasons: readonly [boolean, number][] = [
          [outcome.usageError, 64],
          [outcome.planRefused, 5],
          [outcome.error, 1],
          [outcome.guardHeld, 4],
          [outcome.skipped, 3],
          [outcome.changed && outcome.detailed, 2],
          [true, 0],
        ];
        expect(exitCode(outcome)).to.equal(reasons.find(([given]) => given)?.[1]);
      }),
    );
  });

  it('is told from an error', () => {
    expect(exitCodeOf(new ConnectorError('config-invalid', 'x'))).to.equal(64);
    expect(exitCodeOf(new ConnectorError('nomad-unreachable', 'x'))).to.equal(1);
    expect(exitCodeOf(new ConnectorError('plan-refused', 'x'))).to.equal(5);
    expect(exitCodeOf('x')).to.equal(1);
  });
});

describe('explainExitCode', () => {
  it('tells what answers from what does not, and that from what nobody knows', () => {
    expect(explainExitCode({ found: true, answers: true })).to.equal(0);
    expect(explainExitCode({ found: true, answers: false })).to.equal(3);
    expect(explainExitCode({ found: false, answers: false })).to.equal(2);
  });
});
