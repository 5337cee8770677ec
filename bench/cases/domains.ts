import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type Socket, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type HaproxySeries, findHaproxy } from '../../fixtures/haproxy/find.js';
import { freePort } from '../../fixtures/ports.js';
import { start, waitFor } from '../../fixtures/process.js';
import { renderMap } from '../../src/apply/render/map-text.js';
import { loadSettings } from '../../src/config/settings.js';
import type { DesiredRoute } from '../../src/desired/types.js';
import { planRouting } from '../../src/diff/plan/routes.js';
import { type JsonObject, textAt } from '../../src/shared/json.js';
import { median } from '../bare-client.js';
import type { Figure } from '../figure.js';

const modes = ['map', 'rules'] as const;
type Mode = (typeof modes)[number];

const rounds = 9;
const requests = 500;

interface Subject {
  readonly mode: Mode;
  readonly domains: number;
  readonly port: number;
  readonly times: number[];
}

/** What it costs one request to find the last of N domains, in either mode of routing. */
export async function benchDomains(n: number): Promise<Figure[]> {
  const dir = await mkdtemp(join(tmpdir(), 'hnc-domains-'));
  const subjects: Subject[] = [];
  for (const mode of modes) {
    for (const domains of [n, 1]) {
      subjects.push({ mode, domains, port: await freePort(), times: [] });
    }
  }
  const config = join(dir, 'haproxy.cfg');
  const frontends = await Promise.all(subjects.map((one) => frontend(dir, one)));
  await writeFile(config, common + frontends.join(''));
  const { bin } = await findHaproxy(process.env['HAPROXY_SERIES'] as HaproxySeries | undefined);
  const haproxy = await start(bin, ['-db', '-f', config], { name: 'haproxy' });
  try {
    for (const one of subjects) await waitFor('HAProxy', () => ask(one, 1).catch(() => false));
    // Side by side, so that what else the machine does meets all of them.
    for (let round = 0; round < rounds; round++) {
      for (const one of subjects) one.times.push((await ask(one, requests)) / requests);
    }
  } finally {
    await haproxy.stop();
    await rm(dir, { recursive: true, force: true });
  }
  return modes.map((mode) => figureOf(n, mode, subjects));
}

function figureOf(n: number, mode: Mode, subjects: readonly Subject[]): Figure {
  const [many = [], one = []] = subjects
    .filter((subject) => subject.mode === mode)
    .map(({ times }) => times.map((time) => time * 1000));
  return {
    name: `domains: a request, ${mode} mode`,
    ...{ n, unit: 'µs', value: median(many), worst: Math.max(...many) },
    floor: { name: 'one domain', value: median(one) },
  };
}

/** The product's own map, or its own ACLs and rules; HAProxy answers by itself. */
async function frontend(dir: string, { mode, domains, port }: Subject): Promise<string> {
  const name = `${mode}_${port}`;
  const file = join(dir, `${name}.map`);
  const { maps, frontends } = routing(name, file, mode, domains);
  await writeFile(file, renderMap(maps['nomad_exact'] ?? {}));
  const { acls = [], rules = [] } = frontends[name] ?? {};
  return `
frontend ${name}
  bind 127.0.0.1:${port}
${acls.map((acl) => `  acl ${words(acl, 'acl_name', 'criterion', 'value')}\n`).join('')}\
${rules.map((rule) => `  use_backend ${words(rule, 'name', 'cond', 'cond_test')}\n`).join('')}`;
}

const common = `
global
  maxconn 100
  nbthread 1
defaults
  mode http
  timeout client 60s
  timeout connect 5s
  timeout server 60s
backend app
  http-request return status 200 content-type text/plain string app
`;

function words(rule: JsonObject, ...keys: readonly string[]): string {
  return keys.map((key) => textAt(rule, key)).join(' ');
}

function routing(name: string, file: string, mode: Mode, domains: number) {
  const env = { HAPROXY_FRONTEND: name };
  const usual = loadSettings({ flags: {}, env, readFile: () => '' });
  const settings = { ...usual, routing: { ...usual.routing, mode } };
  const routes = Array.from({ length: domains }, (_, at): DesiredRoute => {
    const host = hostOf(at + 1);
    return {
      match: 'exact',
      host,
      mode: 'http',
      frontends: [name],
      backend: 'app',
      service: 'app',
    };
  });
  const empty = { acls: [], rules: [], httpRequestRules: [], idleCloseOnResponse: true };
  const frontends = { [name]: { name, mode: 'http', ...empty } };
  return planRouting(routes, { maps: { nomad_exact: { file, entries: {} } }, frontends }, settings);
}

function hostOf(number: number): string {
  return `d${number}.example.com`;
}

/** Milliseconds for that many requests for the last domain, all written at once to one connection. */
async function ask({ port, domains }: Subject, count: number): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const text = `GET / HTTP/1.1\r\nHost: ${hostOf(domains)}\r\n\r\n`;
  const start = performance.now();
  socket.write(text.repeat(count));
  await answers(socket, count);
  const took = performance.now() - start;
  socket.destroy();
  return took;
}

async function answers(socket: Socket, count: number): Promise<void> {
  let text = '';
  for await (const data of socket) {
    text += String(data);
    const found = text.split('HTTP/1.1 ').slice(1);
    const other = found.find((answer) => answer.length > 3 && !answer.startsWith('200'));
    if (other !== undefined) throw new Error(`not routed: ${other.slice(0, 60)}`);
    if (found.length === count && text.endsWith('\r\n\r\napp')) return;
  }
  throw new Error('the connection ended');
}
