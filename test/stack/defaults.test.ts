import { join } from 'node:path';

import { expect } from 'chai';

import type { Dirs } from '../../fixtures/dataplane/config.js';
import { waitFor } from '../../fixtures/process.js';
import { domainOf, type Stack } from '../../fixtures/stack.js';
import { useDeploys, withoutGuard } from '../deploys/stack.js';

const times =
  '  timeout connect 2s\n  timeout client 30s\n  timeout server 30s\n  option redispatch 1\n';

/** Sections between the operator's own: what they are worth depends on where they stand. */
interface Given {
  readonly before: string;
  readonly between?: string;
  readonly after?: string;
  readonly pool?: string;
  readonly frontend?: string;
}

function config({ before, between = '', after = '', pool = '', frontend = '' }: Given) {
  return (dirs: Dirs, port: number): string => `global
  maxconn 4000
  hard-stop-after 30s
  stats socket ${join(dirs.root, 'stats.sock')} mode 600 level admin expose-fd listeners
  server-state-file ${dirs.serverStateFile}

${before}
frontend http_front${frontend}
  bind 127.0.0.1:${port} name public
  default_backend operator_default

backend operator_default
  http-request return status 404 content-type text/plain string "operator default"

${between}
backend pool
  load-server-state-from-file global
${pool}
${after}`;
}

/** What HAProxy itself says: TLS or not, by backend and server. */
async function tls({ dp }: Stack): Promise<Record<string, boolean>> {
  const text = await dp.haproxy.runtimeCommand('show servers state');
  const ours = text.split('\n').filter((line) => / nomad_(shop|dyn)_1 /.test(line));
  const fields = ours.map((line) => line.split(' '));
  return Object.fromEntries(fields.map((one) => [one[1] ?? '', Number(one[20]) === 1]));
}

const defaults = (name: string, ...lines: string[]): string =>
  `defaults${name}\n  mode http\n${times}${lines.map((line) => `  ${line}\n`).join('')}`;
const idle = 'option idle-close-on-response';

describe("the operator's defaults are inherited", () => {
  for (const [what, given, expected] of [
    [
      'ssl in a named section',
      { before: defaults(' web', idle, 'default-server ssl verify none') },
      { pool: true, nomad_dyn: true },
    ],
    [
      'ssl in a section without a name, no-ssl in the backend',
      {
        before: defaults('', idle, 'default-server ssl verify none check rise 4'),
        pool: '  default-server no-ssl\n',
      },
      { pool: false, nomad_dyn: true },
    ],
    [
      'the last section before a backend counts',
      {
        before: defaults('', idle),
        between: defaults('', 'default-server ssl verify none'),
        after: defaults(' unused', 'default-server no-ssl'),
      },
      { pool: true, nomad_dyn: false },
    ],
    [
      'a section that is named by `from`',
      {
        before: `${defaults(' plain', idle, 'default-server ssl verify none')}\n${defaults(' tls')}`,
        frontend: ' from plain',
        pool: '  default-server ssl verify none fall 7\n',
      },
      { pool: true, nomad_dyn: true },
    ],
  ] as const) {
    describe(what, () => {
      const deploys = useDeploys({ haproxyConfig: config(given) });

      it('a reload and a cold start leave TLS as the operator said', async () => {
        const { stack, apps, serve, otherWriter } = deploys();
        const [a] = await apps('a');
        serve('shop', [a!], {}, ['backend=custom', 'backend.name=pool']);
        serve('dyn', [a!], {}, []);
        const passes = stack.passes({ settings: withoutGuard });
        const first = await passes.run();
        expect(first.degraded.map(({ code }) => code)).not.to.include('no-idle-close-on-response');
        expect(first.rest.steps).to.deep.equal([]);
        expect(await tls(stack)).to.deep.equal(expected);
        await passes.run();
        await otherWriter('theirs');
        expect(await tls(stack)).to.deep.equal(expected);
        const after = await passes.run();
        expect(after.plan.steps).to.deep.equal([]);
        await stack.dp.stopHaproxy('SIGTERM');
        await stack.dp.startHaproxy();
        expect(await tls(stack)).to.deep.equal(expected);
      });
    });
  }

  describe('`check` alone, in the defaults', () => {
    const before = defaults('', idle, 'default-server check inter 100ms rise 3');
    const deploys = useDeploys({ haproxyConfig: config({ before }) });

    it('its servers wait for their check, and one that is UP stays UP over a reload', async () => {
      const { stack, apps, serve, otherWriter } = deploys();
      const [a] = await apps('a');
      serve('shop', [a!], {}, ['backend=custom', 'backend.name=pool', 'check.disabled']);
      const connector = stack.connector({ settings: withoutGuard });
      await stack.waitServed(domainOf('shop'), [a!]);
      await connector.waitSettled();
      await otherWriter('theirs');
      await stack.waitServed(domainOf('shop'), [a!]);
    });
  });

  for (const [what, ...lines] of [
    ['an HTTP check', 'option httpchk GET /status', 'http-check expect status 204'],
    [
      'a TCP check with rules',
      'option tcp-check',
      'tcp-check connect port 1',
      'tcp-check expect string x',
    ],
  ]) {
    describe(`${what} in the defaults`, () => {
      const deploys = useDeploys({
        haproxyConfig: config({ before: defaults('', idle, ...lines) }),
      });

      it('is not the check of a service that has its own', async () => {
        const { stack, apps, serve } = deploys();
        const [a] = await apps('a');
        serve('tcp', [a!], {}, ['check.type=tcp']);
        serve('http', [a!], {}, ['check.type=http', 'check.path=/health']);
        const { rest } = await stack.passes({ settings: withoutGuard }).run();
        expect(rest.steps).to.deep.equal([]);
        await stack.waitServed(domainOf('tcp'), [a!]);
        await stack.waitServed(domainOf('http'), [a!]);
        await waitFor('checks', () => a!.checks.length > 3);
        expect(new Set(a!.checks.map(({ path }) => path))).to.deep.equal(new Set(['/health']));
      });
    });
  }
});
