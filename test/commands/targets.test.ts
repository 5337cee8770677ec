import { expect } from 'chai';

import type { ExitCode } from '../../src/cli/exit-codes.js';
import {
  chosenTargets,
  type Report,
  reportAll,
  type Reporting,
} from '../../src/commands/targets.js';
import type { TargetSettings } from '../../src/config/types.js';
import { ConnectorError } from '../../src/shared/errors.js';
import { silentLogger } from '../../src/telemetry/logger.js';
import { problemsOf } from '../config/given.js';
import { rejected } from '../pass/given-errors.js';

function target(name: string): TargetSettings {
  return { name, address: `http://${name}`, username: '', password: '', requestTimeoutMs: 1000 };
}

const settings = { targets: [target('a'), target('b'), target('c')] } as const;

type Given = ExitCode | ConnectorError;

/** Prints what each target's report comes to. */
async function report(given: Readonly<Record<string, Given>>, more: Partial<Reporting> = {}) {
  let printed = '';
  const logged: unknown[] = [];
  const code = await reportAll({
    targets: Object.keys(given).map(target),
    reportOf: ({ name }): Promise<Report> => {
      const one = given[name] ?? 0;
      return one instanceof ConnectorError
        ? Promise.reject(one)
        : Promise.resolve({ text: `text of ${name}\n`, json: { of: name }, code: one });
    },
    output: 'text',
    logger: { ...silentLogger, error: (_, fields) => logged.push(fields) },
    print: (text) => (printed += text),
    redact: (text) => text.replaceAll('secret', '***'),
    ...more,
  });
  return { code, printed, logged };
}

const down = new ConnectorError('haproxy-down', 'no answer, secret');

describe('the targets of a command', () => {
  it('are all, or those that are named', () => {
    const names = (chosen?: readonly string[]) =>
      chosenTargets(settings, chosen).map(({ name }) => name);
    expect(names()).to.deep.equal(['a', 'b', 'c']);
    expect(names(['c', 'a', 'c'])).to.deep.equal(['a', 'c']);
    const said = problemsOf(() => names(['a', 'd'])).join();
    expect(said).to.equal('--target: there is no target "d"; there is a, b, c');
  });

  it('are reported as ever where there is one', async () => {
    expect(await report({ a: 3 })).to.include({ code: 3, printed: 'text of a\n' });
    const { printed } = await report({ a: 0 }, { output: 'json' });
    expect(JSON.parse(printed)).to.deep.equal({ of: 'a' });
    expect(await rejected(report({ a: down }))).to.equal(down);
  });

  it('are reported by name where there are several, the failed ones too', async () => {
    const { code, printed, logged } = await report({ a: 0, b: down, c: 4 });
    expect(code).to.equal(1);
    const blocks = ['== a ==\ntext of a\n', '== b ==\nfailed (haproxy-down): no answer, ***\n'];
    expect(printed).to.equal([...blocks, '== c ==\ntext of c\n'].join('\n'));
    expect(logged).to.deep.equal([{ targets: ['b'], error: down }]);
  });

  it('are a list in JSON', async () => {
    const together = () => ({ text: '', json: { differs: ['a'] } });
    const { printed } = await report({ a: 0, b: down }, { output: 'json', together });
    expect(JSON.parse(printed)).to.deep.equal({
      targets: [
        { target: 'a', of: 'a' },
        { target: 'b', error: { code: 'haproxy-down', message: 'no answer, ***' } },
      ],
      differs: ['a'],
    });
  });

  it('log one error for all that fail for it', async () => {
    const { logged } = await report({ a: down, b: 0, c: down });
    expect(logged).to.deep.equal([{ targets: ['a', 'c'], error: down }]);
  });

  it('end with the most serious exit code', async () => {
    const cases: readonly (readonly [readonly ExitCode[], ExitCode])[] = [
      [[0, 0], 0],
      [[0, 2], 2],
      [[2, 3, 0], 3],
      [[4, 3], 4],
      [[1, 4], 1],
      [[1, 5], 5],
      [[64, 5], 64],
    ];
    for (const [codes, most] of cases) {
      const given = Object.fromEntries(codes.map((code, at) => [`t${at}`, code]));
      expect((await report(given)).code, codes.join()).to.equal(most);
    }
  });
});
