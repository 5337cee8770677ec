/** The floor: what the same work costs a client that only sends requests and reads answers. */

import { Agent, request } from 'node:http';

export interface BareAnswer {
  readonly status: number;
  readonly version: number;
  readonly text: string;
}

export interface BareClient {
  get(path: string): Promise<BareAnswer>;
  send(
    method: string,
    path: string,
    body: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<BareAnswer>;
  close(): void;
}

export function bareClient(url: string, auth?: string): BareClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const { hostname, port } = new URL(url);
  const send: BareClient['send'] = (method, path, body, headers = {}) =>
    new Promise((done, failed) => {
      const length = body === '' ? {} : { 'content-length': Buffer.byteLength(body) };
      const options = { agent, hostname, port, method, path, headers: { ...headers, ...length } };
      const sent = request(auth === undefined ? options : { ...options, auth }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (text += chunk));
        answer.on('error', failed);
        answer.on('end', () => {
          const version = Number(answer.headers['configuration-version'] ?? 0);
          done({ status: answer.statusCode ?? 0, version, text });
        });
      });
      sent.on('error', failed);
      sent.end(body);
    });
  return { get: (path) => send('GET', path, ''), send, close: () => agent.destroy() };
}

/** Up to eight at a time, as the connector reads. */
export async function eightAtATime<T>(
  items: readonly T[],
  task: (item: T) => Promise<unknown>,
): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await task(item);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

export async function timed(task: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await task();
  return performance.now() - start;
}

/** The middle one of so many runs. */
export async function medianOf(runs: number, task: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) times.push(await timed(task));
  return median(times);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
