/** HAProxy as a client sees it, and as it stands on disk, compared with what the oracle says. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect } from 'chai';

import type { Answer, Stack } from '../../fixtures/stack.js';
import { backendFor, liveIn, type Served, type Service, type SinceOf } from './oracle.js';
import { type Operator, operatorLines } from './operator.js';

const hosts = [
  'h0.test',
  'h1.test',
  'h2.test',
  'h3.test',
  'a.w0.test',
  'b.w0.test',
  'x.y.w1.test',
  'w0.test',
];
const requestPaths = ['/', '/api/x', '/api/v2', '/apis', '/shop'];

export const allRequests = hosts.flatMap((host) => requestPaths.map((path) => ({ host, path })));

export async function checkTraffic(
  stack: Stack,
  services: readonly Service[],
  served: Served,
): Promise<void> {
  for (const { host, path } of allRequests) {
    const backend = backendFor(served, host, path);
    if (backend === undefined) {
      const answer = await stack.request(host, path);
      expect(answer, `${host}${path}`).to.deep.equal({ status: 404, body: 'operator default' });
    } else await checkBalanced(stack, host, path, backend, liveIn(services, served, backend));
  }
}

async function checkBalanced(
  stack: Stack,
  host: string,
  path: string,
  backend: string,
  live: ReadonlySet<string>,
): Promise<void> {
  const missing = new Set(live);
  const what = `${host}${path} by ${backend} of ${[...live].join(', ') || 'nobody'}`;
  for (let sent = 0; sent < 4 * live.size + 4 && (sent === 0 || missing.size > 0); sent++) {
    const { status, body }: Answer = await stack.request(host, path);
    if (live.size === 0) expect(status, `${what}: ${body}`).to.equal(503);
    else expect([...live], `${what}: ${status} ${body}`).to.include(body);
    missing.delete(body);
  }
  expect([...missing], `${what}: got no request`).to.deep.equal([]);
}

export async function checkOperator(stack: Stack, operator: Operator): Promise<void> {
  const [now, theirs] = [operatorLines(await stack.configuration()), operatorLines(operator.text)];
  const words = [...new Set([...Object.keys(now), ...Object.keys(theirs)])];
  const differ = words.filter((word) => now[word]?.join() !== theirs[word]?.join());
  const what = differ.map((word) => ({ word, now: now[word], theirs: theirs[word] }));
  expect(what, `the operator's lines: ${JSON.stringify(what)}`).to.deep.equal([]);
}

/** What a cold start would do is what the process does. */
/** The record of claims, by service and route as the oracle writes them. */
export async function readClaims(stack: Stack): Promise<SinceOf> {
  const file = join(stack.dp.dirs.maps, 'nomad_claims.map');
  const text = await readFile(file, 'utf8').catch(() => '');
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [key = '', since = ''] = line.trim().split(/\s+/);
    const [kind, service = '', , match, host = '', path = ''] = key.split('|');
    if (kind !== 'route') continue;
    const [, name = ''] = decodeURIComponent(service).split('/');
    found.set(`${name} ${match === 'wildcard' ? '*.' : ''}${host} ${path}`, Number(since));
  }
  return (name, route) => found.get(`${name} ${route}`);
}

export async function checkDisk(stack: Stack): Promise<void> {
  expect(await stack.openTransactions(), 'open transactions').to.deep.equal([]);
  const onDisk = diskServers(await stack.configuration());
  const loaded = (await stack.loadedServers())
    .filter(({ name }) => /_\d+$/.test(name) && name.startsWith('nomad_'))
    .filter(({ admin }) => admin === 'ready')
    .map(({ backend, name, address, port }) => `${backend}/${name} ${address}:${port}`);
  expect(onDisk, 'servers on disk and in the process').to.deep.equal(loaded.sort());
  for (const name of await readdir(stack.dp.dirs.maps)) await checkMap(stack, name);
}

function diskServers(text: string): string[] {
  let backend = '';
  const found: string[] = [];
  for (const line of text.split('\n').map((one) => one.trim())) {
    backend = /^backend (\S+)/.exec(line)?.[1] ?? backend;
    const server = /^server (nomad_\S+_\d+) (\S+)/.exec(line);
    if (server === null || /\bdisabled\b/.test(line)) continue;
    found.push(`${backend}/${server[1]} ${server[2]}`);
  }
  return found.sort();
}

async function checkMap(stack: Stack, name: string): Promise<void> {
  const file = join(stack.dp.dirs.maps, name);
  const entries = (text: string, skip: number): string[] =>
    text
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('#'))
      .map((line) =>
        line
          .split(/\s+/)
          .slice(skip, skip + 2)
          .join(' '),
      )
      .sort();
  const shown = await stack.dp.haproxy.runtimeCommand(`show map ${file}`);
  // Nothing refers to it, so HAProxy doesn't load it.
  if (/Unknown map/i.test(shown)) return;
  const onDisk = entries(await readFile(file, 'utf8'), 0);
  expect(onDisk, `${name} on disk and in the process`).to.deep.equal(entries(shown, 1));
}

/** Servers that the connector has in each backend, bound or not. */
export function slotsOf(text: string): Readonly<Record<string, number>> {
  const slots: Record<string, number> = {};
  for (const [, service = ''] of text.matchAll(/^\s*server nomad_(\S+)_\d+ /gm)) {
    slots[service] = (slots[service] ?? 0) + 1;
  }
  return slots;
}
