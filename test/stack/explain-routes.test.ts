import { expect } from 'chai';

import type { Settings } from '../../src/config/types.js';
import { explain } from '../../src/explain/explain.js';
import type { End, Seen } from '../../src/explain/types.js';
import { domainOf, enabledTags, type Stack, startStack } from '../../fixtures/stack.js';
import { until } from './helpers.js';

/** Each service's tags beside `enable`; its app answers the service's name. */
const services: Readonly<Record<string, readonly string[]>> = {
  whole: ['domain=x.io'],
  api: ['domain=x.io', 'path=/api'],
  deep: ['domain=x.io', 'path=/api/v1'],
  wild: ['domain=*.x.io'],
  wilder: ['domain=*.b.x.io', 'path=/w'],
  start: ['domain=ap', 'domain.type=prefix'],
  startpath: ['domain=ap', 'domain.type=prefix', 'path=/p'],
  regex: ['domain=^r[0-9]+\\.io$', 'domain.type=regex'],
  regexpath: ['domain=^r[0-9]+\\.io$', 'domain.type=regex', 'path=/q'],
  anywhere: ['path=/any'],
};

const hosts = [
  'x.io',
  'a.x.io',
  'a.b.x.io',
  'e.d.c.b.x.io',
  'f.e.d.c.b.a.x.io',
  'ap.io',
  'apx.x.io',
];
const otherHosts = ['r1.io', 'rr.io', 'no.io', 'X.IO', 'x.io:8080'];
const paths = ['', '/', '/api', '/apix', '/api/v1/x', '/w', '/p/1', '/q', '/any/x', '/operator/1'];

/** What the app or the operator's backend that a request ends at answers. */
function bodyOf(end: End | undefined): string {
  if (end?.kind === 'service') return end.backend.replace(/^nomad_/, '');
  return end?.kind === 'operator' ? 'operator api' : 'operator default';
}

describe('explain and HAProxy', function () {
  this.timeout(120_000);
  let stack: Stack;

  before(async () => {
    stack = await startStack();
    for (const [name, tags] of Object.entries(services)) {
      const all = ['enable=true', 'check.disabled=true', ...tags].map((tag) => `haproxy.${tag}`);
      stack.serve(name, [await stack.app(name)], { tags: all });
    }
    stack.serve('ready', [await stack.app('ready')], { tags: enabledTags('ready') });
  });

  after(async () => stack?.close());

  for (const mode of ['map', 'rules'] as const) {
    for (const position of ['before', 'after'] as const) {
      it(`end each request at the same place: ${mode} mode, ${position} the operator's rules`, async () => {
        const change = (given: Settings): Settings => ({
          ...given,
          routing: { ...given.routing, mode, position },
        });
        const passes = stack.passes({ settings: change });
        const settings = change(stack.settings);
        await until(async () => (await passes.run()).rest.steps.length === 0);
        await stack.waitServed(domainOf('ready'));
        const seen: Seen = { picture: await passes.run(), settings, now: Date.now() };
        passes.close();
        for (const host of [...hosts, ...otherHosts]) {
          for (const path of paths) {
            const { routes } = explain(seen, `${host}${path}`);
            const { body } = await stack.request(host, path === '' ? '/' : path);
            expect(bodyOf(routes[0]?.end), `${host}${path}`).to.equal(body);
            expect(routes[0]?.maybe).to.deep.equal([]);
          }
        }
      });
    }
  }
});
