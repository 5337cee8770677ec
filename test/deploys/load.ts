import { Agent, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

import { waitFor } from '../../fixtures/process.js';
import type { Stack } from '../../fixtures/stack.js';

export interface LoadOptions {
  readonly method?: 'GET' | 'POST';
  /** One connection for each client, for as long as HAProxy lets it. */
  readonly keepAlive?: boolean;
  readonly clients?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Each client sends the cookie that it was given last. */
  readonly sticky?: boolean;
}

/** A small constant load on one domain. */
export interface Load {
  readonly sent: number;
  /** Answers other than 200, and broken connections. */
  readonly failures: readonly string[];
  /** By the name that the app answered. */
  readonly answers: Readonly<Record<string, number>>;
  /** Waits until so many requests more were begun and answered. */
  more(count: number): Promise<void>;
  /** Ends it; all failures of its time. */
  stop(): Promise<readonly string[]>;
}

export function startLoad(stack: Stack, host: string, options: LoadOptions = {}): Load {
  const { method = 'GET', keepAlive = false, clients = 3, headers = {}, sticky = false } = options;
  const failures: string[] = [];
  const answers: Record<string, number> = {};
  let sent = 0;
  let stopped = false;
  async function client(): Promise<void> {
    const agent = keepAlive ? new Agent({ keepAlive: true, maxSockets: 1 }) : undefined;
    let own = headers;
    while (!stopped) {
      const answer = await send(stack, { host, method, headers: own, agent: agent ?? false });
      if (sticky && answer.cookie !== undefined) own = { ...headers, cookie: answer.cookie };
      sent += 1;
      if (answer.status === 200) answers[answer.body] = (answers[answer.body] ?? 0) + 1;
      else failures.push(`${answer.status} ${answer.body}`.trim());
      await pause(2);
    }
    agent?.destroy();
  }
  const running = Promise.all(Array.from({ length: clients }, client));
  return {
    get sent() {
      return sent;
    },
    failures,
    answers,
    more: async (count) => {
      // Whoever is on the way now does not count.
      const enough = sent + clients + count;
      await waitFor(`${count} more answers`, () => sent >= enough, { timeoutMs: 20_000 });
    },
    stop: async () => {
      stopped = true;
      await running;
      return failures;
    },
  };
}

export interface Sending {
  readonly host: string;
  readonly path?: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent | false;
}

export interface Reply {
  readonly status: number;
  readonly body: string;
  /** That it set. */
  readonly cookie?: string;
}

/** A status of 0 is a broken connection. */
export function send(
  { dp }: Stack,
  { host, path = '/', method = 'GET', headers: more = {}, agent = false }: Sending,
): Promise<Reply> {
  return new Promise((resolve) => {
    const length = method === 'POST' ? { 'content-length': body.length } : {};
    const headers = { host, ...length, ...more };
    const sent = request(
      { host: '127.0.0.1', port: dp.frontendPort, method, path, headers, agent },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => (text += part));
        const [cookie] = answer.headers['set-cookie']?.[0]?.split(';') ?? [];
        answer.on('end', () => {
          const given = cookie === undefined ? {} : { cookie };
          resolve({ status: answer.statusCode ?? 0, body: text, ...given });
        });
        answer.on('error', ({ message }) => resolve({ status: 0, body: message }));
      },
    );
    sent.on('error', ({ message }) => resolve({ status: 0, body: message }));
    sent.end(method === 'POST' ? body : undefined);
  });
}

const body = 'x'.repeat(512);

/** A connection that was upgraded and stays. */
export interface Conversation {
  readonly closed: boolean;
  /** Says something and waits until it comes back. */
  echo(text: string): Promise<void>;
  end(): void;
}

export function converse({ dp }: Stack, host: string): Promise<Conversation> {
  return new Promise((resolve, reject) => {
    const sent = request({
      ...{ host: '127.0.0.1', port: dp.frontendPort, agent: false },
      headers: { host, connection: 'upgrade', upgrade: 'echo' },
    });
    sent.on('error', reject);
    sent.on('response', ({ statusCode }) => reject(new Error(`not upgraded: ${statusCode}`)));
    sent.on('upgrade', (_answer, socket: Duplex) => resolve(conversationOn(socket)));
    sent.end();
  });
}

function conversationOn(socket: Duplex): Conversation {
  let heard = '';
  let closed = false;
  socket.on('data', (part: Buffer) => (heard += part.toString()));
  socket.on('close', () => (closed = true));
  socket.on('error', () => (closed = true));
  return {
    get closed() {
      return closed;
    },
    echo: async (text) => {
      socket.write(text);
      await waitFor(`an echo of ${text}`, () => heard.endsWith(text));
    },
    end: () => void socket.destroy(),
  };
}
