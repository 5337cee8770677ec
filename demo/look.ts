/** What the demo sees of HAProxy: its answers, its file, its reloads. */

import { get } from 'node:http';

import type { DataPlane } from '../fixtures/dataplane/launch.js';
import { waitFor } from '../fixtures/process.js';

export const shopHost = 'shop.example.com';

/** How long HAProxy may take to follow Nomad before the demo calls it a failure. */
export const followMs = 15_000;

/** Comments that the data plane puts at the head of each file. */
const dataPlaneHead = /^# (_version=|_md5hash=|Dataplaneapi managed File|changing file directly)/;

/** Status and body; each request on a connection of its own. */
export function ask(port: number, { path = '/', host = shopHost } = {}): Promise<string> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path, headers: { host }, agent: false };
    const sent = get(options, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (text: string) => (body += text));
      // HAProxy's own answers are pages.
      const text = (): string => (body.startsWith('<') ? (answer.statusMessage ?? '') : body);
      answer.on('end', () => resolve(`${answer.statusCode} ${text()}`));
    });
    sent.on('error', (error) => resolve(error.message));
  });
}

/** Asks until the answer begins as wanted, or it took too long; gives the last one. */
export async function follow(port: number, wanted: string): Promise<string> {
  let last = '';
  const arrived = async (): Promise<boolean> => (last = await ask(port)).startsWith(wanted);
  await waitFor(wanted, arrived, { timeoutMs: followMs }).catch(() => undefined);
  return last;
}

export async function answersOnly(port: number, version: string): Promise<boolean> {
  const answers = await Promise.all(Array.from({ length: 6 }, () => ask(port)));
  return answers.every((answer) => answer === `200 ${version}`);
}

/** How often HAProxy was reloaded, as its master counts. */
export async function masterReloads(dp: DataPlane): Promise<number> {
  const processes = await dp.haproxy.masterCommand('show proc');
  return Number(/^\d+\s+master\s+(\d+)/m.exec(processes)?.[1] ?? Number.NaN);
}

/** Lines that only one of the two has. */
export function compareLines(
  before: string,
  after: string,
): { added: string[]; removed: string[] } {
  const lines = (text: string): string[] =>
    text.split('\n').filter((line) => line.trim() !== '' && !dataPlaneHead.test(line));
  const [old, now] = [lines(before), lines(after)];
  return {
    added: now.filter((line) => !old.includes(line)),
    removed: old.filter((line) => !now.includes(line)),
  };
}
