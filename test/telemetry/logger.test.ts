import { Writable } from 'node:stream';
import { expect } from 'chai';
import fc from 'fast-check';
import { createRedactor } from '../../src/config/redact.js';
import { ConnectorError } from '../../src/shared/errors.js';
import { createLogger, type Logger } from '../../src/telemetry/logger.js';
import type { LogLevel } from '../../src/config/types.js';

const secretText = 'hush-"12\\34';

interface Recorded {
  readonly logger: Logger;
  readonly text: () => string;
  readonly lines: () => readonly Record<string, unknown>[];
}

function record(level: LogLevel = 'debug', format: 'json' | 'text' = 'json'): Recorded {
  const chunks: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk.toString());
      done();
    },
  });
  const { redact } = createRedactor([secretText]);
  const text = (): string => chunks.join('');
  return {
    logger: createLogger({ level, redact, stream, format }),
    text,
    lines: () =>
      text()
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

describe('logger', () => {
  it('writes a JSON object a line, with time, level, message and fields', () => {
    const { logger, lines } = record();
    logger.info('pass done', { durationMs: 12, phases: { diff: 1 } });
    const [line] = lines();
    expect(line).to.include({ level: 'info', message: 'pass done', durationMs: 12 });
    expect(line).to.have.nested.property('phases.diff', 1);
    expect(line?.time).to.match(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it('writes lines that people read, where it is asked to', () => {
    const { logger, text } = record('debug', 'text');
    const error = new ConnectorError('nomad-unreachable', `no ${secretText}\u001b[2J`);
    logger.error('failed', { error, try: 2 });
    logger.info('started', { settings: { a: [1] } });
    expect(text()).to.equal(
      'error: failed: no <redacted>\\x1b[2J (nomad-unreachable) try=2\n' +
        'info: started settings={"a":[1]}\n',
    );
  });

  it('leaves out what is below its level', () => {
    const { logger, lines } = record('warn');
    logger.debug('d');
    logger.info('i');
    logger.warn('w');
    logger.error('e');
    expect(lines().map((line) => line.message)).to.deep.equal(['w', 'e']);
  });

  it('gives its fields to its children, and theirs to theirs', () => {
    const { logger, lines } = record();
    logger.child({ passId: 7 }).child({ phase: 'diff' }).info('x', { passId: 8 });
    expect(lines()[0]).to.include({ passId: 8, phase: 'diff' });
  });

  it('writes code and message of an error, and no stack of our own', () => {
    const { logger, lines } = record();
    const error = new ConnectorError('nomad-failed', 'Nomad answered 500');
    logger.error('pass failed', { error });
    logger.error('several', { errors: [error] });
    const [alone, several] = lines();
    expect(alone).to.include({ errorCode: 'nomad-failed', errorMessage: 'Nomad answered 500' });
    expect(alone).not.to.have.any.keys('stack', 'error');
    expect(several?.errors).to.deep.equal([
      { code: 'nomad-failed', message: 'Nomad answered 500' },
    ]);
  });

  it('writes the stack of what nobody foresaw', () => {
    const { logger, lines } = record();
    const cause = new TypeError('x is not a function');
    logger.error('a', { error: cause });
    logger.error('b', { error: new ConnectorError('internal', 'x', { cause }) });
    for (const line of lines()) {
      expect(line.errorCode).to.equal('internal');
      expect(line.stack).to.contain('TypeError: x is not a function');
    }
  });

  it('does not let a field take the place of level, time or message', () => {
    const { logger, lines } = record();
    logger.info('real', { message: 'fake', level: 'error', time: 'never' });
    expect(lines()[0]).to.include({ level: 'info', message: 'real' });
    expect(lines()[0]?.time).not.to.equal('never');
  });

  it('writes no secret, wherever it stands', () => {
    const { logger, text, lines } = record();
    const options = { headers: { authorization: secretText } };
    const leaky = Object.assign(new Error(`failed with ${secretText}`), { options });
    logger.child({ bound: secretText }).error(`says ${secretText}`, {
      error: new ConnectorError('internal', secretText, { cause: leaky }),
      deep: [{ [secretText]: new Map([['a', new Set([secretText])]]) }],
      other: leaky,
      url: 'http://user:pass@host',
    });
    expect(text()).not.to.contain('hush').and.not.to.contain('pass@');
    expect(lines()).to.have.length(1);
  });

  it('writes one line of JSON whatever it is given', () => {
    const round: Record<string, unknown> = {};
    round.self = round;
    fc.assert(
      fc.property(fc.string(), fc.anything({ withBigInt: true, withDate: true }), (text, any) => {
        const { logger, lines } = record();
        logger.info(text, { any, round, nothing: undefined, call: () => 1, sign: Symbol('x') });
        expect(lines()).to.have.length(1);
      }),
    );
  });
});
