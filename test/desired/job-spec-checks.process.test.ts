import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect } from 'chai';
import fc from 'fast-check';

import { globalSection } from '../../fixtures/dataplane/config.js';
import { type DataPlane, startDataPlane } from '../../fixtures/dataplane/launch.js';
import { findHaproxy } from '../../fixtures/haproxy/find.js';
import { waitFor } from '../../fixtures/process.js';
import { canonicalSection } from '../../src/haproxy/canonical.js';
import type { JsonObject } from '../../src/shared/json.js';
import { openPolicy } from '../../src/config/policy.js';
import { backendFor, checkSpec, desired, instance, service, settings } from './given.js';
import { readSection, replaceBackends } from './on-haproxy.js';

const elsewhere = 'its port "admin" is on 10.0.0.5';
/** The operator allows POST; by default, a check can't do more than read. */
const allowed = { settings: { ...settings, policy: { ...openPolicy, checkMethods: ['POST'] } } };
const post = (body: string) => checkSpec('http', { path: '/check', method: 'POST', body });
const sent = (body: string): JsonObject | undefined =>
  (
    backendFor([], [post(body)], allowed).section['http_check_list'] as [JsonObject] | undefined
  )?.[0];
const warnings = (body: string): readonly string[] =>
  desired(
    [service('web', { instances: [instance({ checks: [post(body)] })] })],
    allowed,
  ).warnings.map(({ message }) => message);

describe('a check that Nomad makes at another address', () => {
  const http = checkSpec('http', { path: '/h', elsewhere });
  const given = (tags: readonly string[], ...checks: ReturnType<typeof checkSpec>[]) => {
    const state = desired([
      service('web', {
        instances: [
          instance({
            checks,
            tags: ['haproxy.enable=true', ...tags.map((tag) => `haproxy.${tag}`)],
          }),
        ],
      }),
    ]);
    return {
      summary: state.backends[0]!.checkSummary,
      port: state.backends[0]!.endpoints[0]!.checkPort,
      warnings: state.warnings.map(({ code, message }) => `${code}: ${message}`),
    };
  };

  it("is TCP on the service's own port, at the job's interval, with a warning", () => {
    for (const type of ['http', 'grpc', 'tcp']) {
      const seen = given([], checkSpec(type, { elsewhere }));
      expect(seen.summary).to.equal('check tcp every 7s');
      expect(seen.port).to.equal(undefined);
      expect(seen.warnings).to.deep.equal([
        `check-fallback: check ${type} check: its port "admin" is on 10.0.0.5, so HAProxy checks the service's own port by TCP`,
      ]);
    }
  });

  it('gives way to one at the address that is registered', () => {
    const tcp = checkSpec('tcp', { port: 9000 });
    expect(given([], http, tcp)).to.deep.equal({
      summary: 'check tcp every 7s',
      port: 9000,
      warnings: [],
    });
  });

  it('is made where a tag says, without a warning', () => {
    expect(given(['check.port=9100'], http)).to.deep.equal({
      summary: 'check GET /h every 7s',
      port: 9100,
      warnings: [],
    });
  });
});

describe("a check's body", () => {
  it('is sent as the job has it', () => {
    expect(sent('{"q":1}')).to.include({ method: 'POST', body: `'{"q":1}'` });
    expect(sent("it's me")).to.include({ body: `"it's me"` });
    expect(sent('ping')).to.include({ body: 'ping' });
    expect(warnings('{"q":1}')).to.deep.equal([]);
  });

  it('that could be read as configuration makes it TCP, with a warning', () => {
    for (const body of ['a\nb', '100%', '$HOME', 'a\\b', `'"`, 'ü', '\t', 'x'.repeat(1025), '\0']) {
      expect(sent(body), body).to.equal(undefined);
      expect(warnings(body), body).to.deep.equal([
        "check http check: its body can't be written to haproxy.cfg, so it uses TCP",
      ]);
    }
  });

  it('is one word, whatever it holds', () => {
    const word = /^(?:[A-Za-z0-9_.:;,=/@+*-]+|'[^'\\%$\n]*'|"[^"\\%$\n]*")$/;
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('', `'`, `"`, ' if ', '#'),
        (a, b) => {
          const body = sent(a + b)?.['body'];
          if (body !== undefined) expect(body).to.match(word);
        },
      ),
    );
  });

  describe('on real HAProxy', function () {
    this.timeout(60_000);
    let plane: DataPlane;
    let app: Server;
    let wants = '';
    const got: string[] = [];

    before(async () => {
      app = createServer((request, response) => {
        let body = '';
        request.on('data', (chunk: Buffer) => (body += chunk.toString()));
        request.on('end', () => {
          got.push(body);
          response.statusCode = request.method === 'POST' && body === wants ? 200 : 400;
          response.end();
        });
      });
      await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
      plane = await startDataPlane({
        haproxy: await findHaproxy(),
        haproxyConfig: (dirs, port) => `${globalSection(dirs)}
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s

frontend in
  bind 127.0.0.1:${port}
  use_backend %[req.hdr(x-backend)]
`,
      });
    });
    after(async () => {
      await plane.close();
      app.close();
    });

    const bodies = ['{"q":1, "deep": [true, null]}', "it's # not a comment", 'if', ' <a b="c"/> '];
    for (const body of bodies) {
      it(`reaches an app that wants it: ${body}`, async () => {
        wants = body;
        got.length = 0;
        const { name, section } = backendFor(['check.interval=500ms'], [post(body)], allowed);
        const { port } = app.address() as AddressInfo;
        await replaceBackends(plane, [{ name, section }], { address: '127.0.0.1', port });
        // The process before the reload may ask once more.
        const last = (): string[] => [...new Set(got.slice(-4))];
        await waitFor('checks', () => got.length >= 8);
        expect(last()).to.deep.equal([body]);
        const answer = await fetch(`http://127.0.0.1:${plane.frontendPort}`, {
          method: 'POST',
          headers: { 'x-backend': name },
          body,
        });
        expect(answer.status).to.equal(200);
        const back = (await readSection(plane, name))['http_check_list'];
        expect(back).to.deep.equal(canonicalSection(section)['http_check_list']);
      });
    }

    it('has as many headers as a line of HAProxy holds, and a warning for the others', async () => {
      const names = Array.from({ length: 40 }, (_, at) => [`X-${at + 10}`, ['a b']] as const);
      const headers = { ...Object.fromEntries(names), Host: ['web.internal'] };
      const check = { ...post('a body'), headers };
      const { name, section } = backendFor([], [check], allowed);
      await replaceBackends(plane, [{ name, section }]);
      const back = await readSection(plane, name);
      const [send] = back['http_check_list'] as [{ headers: readonly { name: string }[] }];
      expect(send.headers.map((one) => one.name)).to.deep.equal([
        'Host',
        ...names.slice(0, 16).map(([header]) => header),
      ]);
      const told = desired(
        [service('web', { instances: [instance({ checks: [check] })] })],
        allowed,
      );
      expect(told.warnings.map(({ message }) => message)).to.include(
        "check http check: 24 headers are omitted because HAProxy's line holds 16",
      );
    });
  });
});
