/** What holds after every fault. Each check throws what is wrong. */

import { readFile, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { get } from 'node:http';
import { join } from 'node:path';

import { statsSocketOf } from '../../fixtures/dataplane/config.js';
import { freePort } from '../../fixtures/ports.js';
import { start, waitFor } from '../../fixtures/process.js';
import { onePass } from '../../fixtures/stack/connector.js';
import { domainOf, type Stack } from '../../fixtures/stack.js';
import { assemble } from '../../src/assembly.js';
import type { Picture } from '../../src/pass/picture.js';
import { type Phase, routesOf } from './phases.js';
import { type World, withoutOurs } from './world.js';

/** Of the connector's clients, whatever has happened. */
const maxConnections = { dataplane: 24, nomad: 24 };

/**
 * When HAProxy dies in the middle of a runtime command, the Data Plane API can hold its lock for 30 s,
 * and nobody gets an answer until then.
 */
const patience = 3;

async function patiently(wait: () => Promise<void>, tries = patience): Promise<void> {
  try {
    await wait();
  } catch (error) {
    if (tries <= 1) throw error;
    await patiently(wait, tries - 1);
  }
}

export function waitServed(world: World): Promise<void> {
  return patiently(() => waitAnswers(world));
}

async function waitAnswers(world: World): Promise<void> {
  for (const [host, wanted] of Object.entries(routesOf(world))) {
    const apps = wanted.map((name) => ({ name }));
    if (apps.length > 0) await world.stack.waitBalanced(host, apps);
    else await waitDefault(world.stack, host);
  }
}

async function waitDefault(stack: Stack, host: string): Promise<void> {
  let last = '';
  await waitFor(`the operator's default for ${host}`, async () => {
    const { status, body } = await stack.request(host);
    last = `${status} ${body}`;
    return body === 'operator default';
  }).catch((cause: unknown) => {
    throw new Error(`${host}: wanted the operator's default, got ${last}`, { cause });
  });
}

/** The connector has come to rest, and another that knows nothing would change nothing. */
export function waitSettled(world: World, phase: Phase): Promise<void> {
  return patiently(() => waitRest(world, phase));
}

async function waitRest(world: World, phase: Phase): Promise<void> {
  const { connector } = world;
  if (connector !== undefined) {
    await (phase.mayDrain ? connector.waitConverged() : connector.waitSettled());
  }
  let left = '';
  await waitFor('nothing left to do', async () => {
    const { plan } = await dryPass(world);
    left = plan.steps.map(({ kind }) => kind).join(', ');
    return plan.steps.length === 0;
  }).catch((cause: unknown) => {
    throw new Error(`never converged: ${left === '' ? lastCause(cause) : left}`, { cause });
  });
}

function lastCause(cause: unknown): string {
  return String((cause as { cause?: unknown }).cause ?? cause);
}

async function dryPass({ stack, settings }: World): Promise<Picture> {
  // Not through the proxies, so that it meets no fault.
  const { address } = stack.settings.nomad;
  const given = settings(stack.settings);
  const target = given.targets[0]!;
  const own = {
    ...given,
    nomad: { ...given.nomad, address },
    targets: [{ ...target, address: stack.dp.url }] as const,
  };
  const { nomad, pass } = assemble(own, { writes: false });
  try {
    return await onePass(pass, new AbortController().signal);
  } finally {
    nomad.close();
  }
}

export async function check(world: World): Promise<void> {
  const { stack } = world;
  await checkTransactions(world);
  const theirs = withoutOurs(await stack.configuration());
  if (theirs !== world.operators)
    throw new Error(`the operator's part: ${diff(world.operators, theirs)}`);
  if ((await stack.request('any.example.com', '/operator')).body !== 'operator api') {
    throw new Error("the operator's route is gone");
  }
  await checkMaps(stack);
  await checkLines(stack);
  await checkColdStart(world);
  await checkConnections(world);
}

/**
 * A request to open one that the Data Plane API carries out after it was given up leaves a transaction
 * on the present version, where it could be anybody's. The next write outdates and removes it.
 */
async function checkTransactions(world: World): Promise<void> {
  const open = await world.stack.openTransactions();
  const isLate = open.length === 1 && !world.lateTransactions.includes(open[0]?.id ?? '');
  world.lateTransactions = open.map(({ id }) => id);
  if (open.length === 0 || isLate) return;
  throw new Error(`${open.length} transactions are left open: ${JSON.stringify(open)}`);
}

export function checkLoad({ load }: World): void {
  const lost = load.takeLost();
  if (lost.length > 0)
    throw new Error(`lost ${lost.length} requests: ${lost.slice(0, 3).join('; ')}`);
}

function diff(before: string, after: string): string {
  const [was, is] = [before.split('\n'), after.split('\n')];
  const gone = was.filter((line) => !is.includes(line)).map((line) => `-${line}`);
  const come = is.filter((line) => !was.includes(line)).map((line) => `+${line}`);
  return [...gone, ...come].slice(0, 6).join(' | ') || 'another order';
}

async function checkMaps({ dp }: Stack): Promise<void> {
  const listed = await dp.haproxy.runtimeCommand('show map');
  for (const [, file = ''] of listed.matchAll(/\(([^)]*nomad_[^)]*\.map)\)/g)) {
    const text = await dp.haproxy.runtimeCommand(`show map ${file}`);
    const loaded = text
      .split('\n')
      .filter((line) => line.startsWith('0x'))
      .map((line) => line.replace(/^0x\S+ /, ''));
    const onDisk = (await readFile(file, 'utf8'))
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    if (loaded.sort().join('\n') !== onDisk.sort().join('\n')) {
      throw new Error(
        `${file.replace(/.*\//, '')}: the file has ${onDisk.join()}, HAProxy ${loaded.join()}`,
      );
    }
  }
}

/** The server lines of ours on disk against the servers in the process. */
async function checkLines(stack: Stack): Promise<void> {
  const lines = (await stack.configuration())
    .split('\n')
    .map((line) => /^\s*server (nomad_\S+) (\S+?):(\d+)(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, name = '', address = '', port = '', rest = '']) => {
      const isOff = /\bdisabled\b/.test(rest);
      return isOff ? `${name} off` : `${name} ${address}:${port}`;
    });
  const loaded = (await stack.loadedServers())
    .filter(({ name }) => name.startsWith('nomad_'))
    .map(({ name, address, port, admin }) =>
      admin === 'ready' ? `${name} ${address}:${port}` : `${name} off`,
    );
  const [disk, process] = [lines.sort(), loaded.sort()];
  if (disk.join() === process.join()) return;
  throw new Error(`server lines against the process: ${diff(disk.join('\n'), process.join('\n'))}`);
}

/** A second HAProxy starts from the same files, and serves the same from its first request on. */
async function checkColdStart(world: World): Promise<void> {
  const { stack, platform } = world;
  const routes = { ...routesOf(world), [domainOf('web')]: platform.web };
  const { dp } = stack;
  const port = await freePort();
  const socket = join(dp.dirs.root, 'cold.sock');
  const file = join(dp.dirs.root, 'cold.cfg');
  const text = (await stack.configuration())
    .replaceAll(`127.0.0.1:${dp.frontendPort} `, `127.0.0.1:${port} `)
    .replaceAll(statsSocketOf(dp.dirs), socket);
  await writeFile(file, text);
  const cold = await start(dp.haproxy.bin, ['-db', '-f', file], { name: 'cold haproxy' });
  try {
    await waitFor('a cold HAProxy', () => ask(socket, 'show info'), { process: cold });
    for (const [host, wanted] of Object.entries(routes)) {
      const answers: string[] = [];
      for (let count = 0; count < 2 * wanted.length + 2; count++) {
        answers.push(await answerOf(port, host));
      }
      const found = [...new Set(answers)].sort().join();
      const expected = wanted.length === 0 ? 'operator default' : wanted.join();
      if (found !== expected)
        throw new Error(`a cold start answers ${host} with ${found}, not ${expected}`);
    }
  } finally {
    await cold.stop('SIGKILL');
  }
}

function answerOf(port: number, host: string): Promise<string> {
  return new Promise((resolve) => {
    const sent = get({ host: '127.0.0.1', port, headers: { host }, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => (body += part));
      answer.on('end', () => resolve(answer.statusCode === 503 ? '503' : body));
    });
    sent.on('error', ({ message }) => resolve(message));
  });
}

function ask(path: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = createConnection(path, () => socket.write(`${command}\n`));
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => (answer += part));
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}

async function checkConnections({ stack, nomadProxy }: World): Promise<void> {
  const open = {
    dataplane: await stack.proxy.connections(),
    nomad: await nomadProxy.connections(),
  };
  for (const party of ['dataplane', 'nomad'] as const) {
    if (open[party] > maxConnections[party])
      throw new Error(`${open[party]} connections to ${party}`);
  }
}
