import { expect } from 'chai';

import { checks } from '../../src/doctor/checks/index.js';
import { examine } from '../../src/doctor/doctor.js';
import { type FactSource, factSource, type Gatherers } from '../../src/doctor/facts/source.js';
import { linesDocument } from '../../src/doctor/print/json.js';
import { printLines } from '../../src/doctor/print/text.js';
import { plainJson } from '../../src/shared/text.js';
import { type Check, check, error, type Line, ok, warning } from '../../src/doctor/types.js';
import { ConnectorError } from '../../src/shared/errors.js';
import { process } from './setup.js';

const signal = new AbortController().signal;

/** Only what a test needs; all else is never asked for. */
function sourceOf(gatherers: Partial<Gatherers>): FactSource {
  return factSource(gatherers as Gatherers, signal);
}

function row(id: string, needs: Check['needs']): Check {
  const run = () => ok('fine');
  const texts = { about: 'a', remedy: 'b' };
  return check({ id, group: 'HAProxy', needs, atStart: true, run, ...texts });
}

describe('doctor: facts', () => {
  it('are found out once, and only if they are needed', async () => {
    let asked = 0;
    const source = sourceOf({
      process: { timeoutMs: 1000, gather: () => ((asked += 1), Promise.resolve(process)) },
    });
    const lines = await examine(
      [row('a', ['process']), row('b', ['process']), row('c', [])],
      source,
    );
    expect(lines.map(({ level }) => level)).to.deep.equal(['ok', 'ok', 'ok']);
    expect(asked).to.equal(1);
  });

  it('that are lacking are told by the first check, and why the others say nothing', async () => {
    const refused = new ConnectorError('haproxy-refused', 'HTTP 401');
    const source = sourceOf({
      dataplane: { timeoutMs: 1000, gather: () => Promise.reject(refused) },
      process: {
        timeoutMs: 1000,
        gather: async (get) => {
          await get('dataplane');
          return process;
        },
      },
    });
    const rows = [row('a', ['dataplane']), row('b', ['process']), row('c', [])];
    const [first, second, third] = await examine(rows, source);
    expect(first).to.deep.include({ level: 'error', says: 'HTTP 401' });
    expect(first).to.have.property('fix').that.includes('haproxy.password_file');
    const says = 'not checked: the Data Plane API refuses the password';
    expect(second).to.deep.include({ level: 'not-checked', says });
    expect(third?.level).to.equal('ok');
  });

  it('that take too long are lacking, and no check waits for them any longer', async () => {
    let aborted = false;
    const gather = (_: unknown, stop: AbortSignal) =>
      new Promise<never>(() => stop.addEventListener('abort', () => (aborted = true)));
    const source = sourceOf({ process: { timeoutMs: 5, gather } });
    const lines = await examine([row('a', ['process']), row('b', [])], source);
    expect(lines[0]).to.deep.include({ level: 'error', says: 'no answer in 0.005 s (process)' });
    expect(lines[1]?.level).to.equal('ok');
    expect(aborted).to.equal(true);
  });
});

describe('doctor: what is printed', () => {
  const lines: readonly Line[] = [
    { check: 'long-name', group: 'HAProxy', ...ok('fine') },
    { check: 'b', group: 'HAProxy', ...error('bad\n\u001b[31m', 'do this') },
    { check: 'c', group: 'Settings', ...warning('not so good', 'do that') },
    { check: 'd', group: 'Connector', level: 'not-checked', says: 'not checked: x' },
  ];

  it('is aligned, by group, with a line for each fix', () => {
    expect(printLines(lines)).to.equal(
      [
        'Settings',
        '  warning c          not so good',
        '                     fix: do that',
        '',
        'HAProxy',
        '  ok      long-name  fine',
        '  error   b          bad\\n\\x1b[31m',
        '                     fix: do this',
        '',
        'Connector',
        '  -       d          not checked: x',
        '',
        '1 ok, 1 warning, 1 error, 1 not checked.',
        '',
      ].join('\n'),
    );
  });

  it('colours the level alone', () => {
    const painted = printLines(lines, (level, text) => `<${level}>${text}</>`);
    expect(painted).to.include('  <error>error   </>b  ');
  });

  it('is redacted, as text and as JSON', () => {
    const redact = (text: string): string => text.replace('fine', '<redacted>');
    expect(printLines(lines, undefined, redact))
      .to.include('<redacted>')
      .and.not.include('fine');
    const json = JSON.parse(plainJson(linesDocument(lines), 2, redact)) as Record<string, unknown>;
    expect(json).to.deep.include({ format_version: 1, ok: false });
    expect(json['counts']).to.deep.equal({ ok: 1, warning: 1, error: 1, 'not-checked': 1 });
    expect(json['findings']).to.deep.include.members([
      { check: 'long-name', group: 'HAProxy', level: 'ok', message: '<redacted>' },
      { check: 'c', group: 'Settings', level: 'warning', message: 'not so good', fix: 'do that' },
    ]);
  });
});

describe('doctor: the table', () => {
  it('has each check once', () => {
    const ids = checks.map(({ id }) => id);
    expect(new Set(ids).size).to.equal(ids.length);
    for (const id of ids) expect(id).to.match(/^[a-z]+(-[a-z]+)*$/);
  });
});
