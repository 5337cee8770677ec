/** Open-loop load: every request is sent when it is due, whatever became of those before it. */

import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';

export const kinds = ['keep-alive', 'new connection', 'post', 'slow', 'upgraded'] as const;
export type Kind = (typeof kinds)[number];

/** What became of one request. */
export interface Shot {
  readonly kind: Kind;
  /** When it was sent, in milliseconds since the epoch. */
  readonly at: number;
  readonly ms: number;
  readonly failure?: string;
  readonly instance?: string;
  readonly version?: string;
  /** When the instance began to listen. */
  readonly started?: number;
  readonly pid?: number;
}

export interface LoadOptions {
  readonly port: number;
  readonly host: string;
  /** Of each of the quick kinds. */
  readonly perSecond: number;
}

export interface Load {
  readonly shots: readonly Shot[];
  /** No new ones; resolves when all have ended. */
  stop(): Promise<readonly Shot[]>;
}

const timeoutMs = 12_000;
const longMs = 3000;
const body = 'x'.repeat(1024);

export function startLoad(options: LoadOptions): Load {
  const shots: Shot[] = [];
  const agent = new Agent({ keepAlive: true, scheduling: 'fifo' });
  const inFlight = new Set<Promise<void>>();
  const fire = (kind: Kind): void => {
    const one = shoot(kind, options, agent).then((shot) => void shots.push(shot));
    inFlight.add(one);
    void one.finally(() => inFlight.delete(one));
  };
  const rates: Readonly<Record<Kind, number>> = {
    'keep-alive': options.perSecond,
    'new connection': options.perSecond,
    post: options.perSecond,
    slow: options.perSecond / 10,
    upgraded: options.perSecond / 25,
  };
  const begin = performance.now();
  const sent: Record<Kind, number> = {
    ...{ 'keep-alive': 0, 'new connection': 0, post: 0, slow: 0, upgraded: 0 },
  };
  const timer = setInterval(() => {
    const seconds = (performance.now() - begin) / 1000;
    for (const kind of kinds) while (sent[kind]++ < seconds * rates[kind]) fire(kind);
    for (const kind of kinds) sent[kind]--;
  }, 2);
  return {
    shots,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(inFlight);
      agent.destroy();
      return shots;
    },
  };
}

type Outcome = Omit<Shot, 'kind' | 'at' | 'ms'>;

async function shoot(kind: Kind, options: LoadOptions, agent: Agent): Promise<Shot> {
  const at = Date.now();
  const start = performance.now();
  const outcome = await new Promise<Outcome>((done) => {
    const sent = send(kind, options, agent);
    const timer = setTimeout(() => sent.destroy(new Error('no answer')), timeoutMs);
    const finish = (result: Outcome): void => {
      clearTimeout(timer);
      done(result);
    };
    sent.on('error', (error: NodeJS.ErrnoException) => finish({ failure: failureOf(error) }));
    sent.on('response', (answer) => read(answer, finish));
    sent.on('upgrade', (answer, socket: Socket) => converse(answer, socket, finish));
    sent.end(kind === 'post' ? body : undefined);
  });
  return { kind, at, ms: performance.now() - start, ...outcome };
}

function send(kind: Kind, { port, host }: LoadOptions, agent: Agent): ClientRequest {
  const upgrade = {
    ...{ connection: 'upgrade', upgrade: 'websocket' },
    ...{ 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version': '13' },
  };
  const isPost = kind === 'post';
  return request({
    host: '127.0.0.1',
    port,
    method: isPost ? 'POST' : 'GET',
    path: kind === 'slow' ? `/?ms=${longMs}` : '/',
    headers: { host, ...(kind === 'upgraded' ? upgrade : {}) },
    agent: isPost || kind === 'keep-alive' ? agent : false,
  });
}

function read(answer: IncomingMessage, finish: (outcome: Outcome) => void): void {
  answer.resume();
  answer.on('error', (error) => finish({ failure: failureOf(error) }));
  answer.on('end', () => {
    const { statusCode } = answer;
    finish({ ...whoOf(answer), ...(statusCode === 200 ? {} : { failure: `${statusCode}` }) });
  });
}

/** Says something now and then, wants to hear it again, and closes after a while itself. */
function converse(
  answer: IncomingMessage,
  socket: Socket,
  finish: (outcome: Outcome) => void,
): void {
  let waiting = 0;
  let closing = false;
  const end = (failure?: string): void => {
    clearInterval(talk);
    clearTimeout(over);
    finish({ ...whoOf(answer), ...(failure === undefined ? {} : { failure }) });
  };
  const talk = setInterval(() => {
    waiting += 4;
    socket.write('ping');
  }, 250);
  const over = setTimeout(() => {
    closing = true;
    clearInterval(talk);
    socket.end();
    // An echo may still be on its way.
    end(waiting > 4 ? 'no echo' : undefined);
  }, longMs);
  socket.on('data', (chunk: Buffer) => (waiting -= chunk.length));
  socket.on('error', (error) => !closing && end(failureOf(error)));
  socket.on('close', () => !closing && end('cut'));
}

function whoOf({ headers }: IncomingMessage): Outcome {
  const text = (name: string): string | undefined => {
    const value = headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  const [instance, version] = [text('x-instance'), text('x-version')];
  return {
    ...(instance === undefined ? {} : { instance }),
    ...(version === undefined ? {} : { version }),
    started: Number(text('x-started')),
    pid: Number(text('x-pid')),
  };
}

function failureOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message;
}
