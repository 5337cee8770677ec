import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { Duplex } from 'node:stream';

import type { App } from '../../fixtures/apps/app.js';
import { freePort } from '../../fixtures/ports.js';

/** `passed` and `refused` are answers to checks. */
export type Event = 'passed' | 'refused' | 'request';

/**
 * An app that writes down what it was asked, in order. `/hold` is answered when the test says so,
 * and an upgraded connection echoes.
 */
export interface WatchedApp extends App {
  readonly events: readonly Event[];
  /** Requests to `/hold` that wait for their answer, and connections that were upgraded. */
  readonly held: number;
  release(): void;
}

export interface AppOptions {
  readonly healthy?: boolean;
  readonly host?: string;
  /** The one path on which checks pass; any that ends so, if left out. */
  readonly healthPath?: string;
}

export async function startWatchedApp(name: string, options: AppOptions = {}): Promise<WatchedApp> {
  const app = new HttpApp(name, await freePort(), options);
  app.healthy = options.healthy ?? true;
  await app.open();
  return app;
}

class HttpApp implements WatchedApp {
  readonly address = '127.0.0.1';
  readonly events: Event[] = [];
  readonly checks: { path: string; host: string | undefined }[] = [];
  healthy = true;
  delayMs = 0;
  #held = new Set<ServerResponse>();
  #upgraded = new Set<Duplex>();
  #server = createServer();

  constructor(
    readonly name: string,
    readonly port: number,
    readonly options: AppOptions,
  ) {}

  get served(): number {
    return this.events.filter((event) => event === 'request').length;
  }

  get held(): number {
    return this.#held.size + this.#upgraded.size;
  }

  async open(): Promise<void> {
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.on('upgrade', (_request, socket: Duplex) => this.#upgrade(socket));
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.port, this.options.host ?? this.address, resolve);
    });
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    for (const socket of this.#upgraded) socket.destroy();
    await closed;
  }

  release(): void {
    for (const response of this.#held) response.end(this.name);
    this.#held.clear();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { url: path = '' } = request;
    if (path.endsWith('/health')) {
      const passes = this.healthy && (this.options.healthPath ?? path) === path;
      this.events.push(passes ? 'passed' : 'refused');
      this.checks.push({ path, host: request.headers.host });
      response.writeHead(passes ? 200 : 503).end();
      return;
    }
    this.events.push('request');
    if (path.endsWith('/hold')) {
      this.#held.add(response);
      response.on('close', () => this.#held.delete(response));
      return;
    }
    request.resume();
    request.on('end', () => response.end(this.name));
  }

  #upgrade(socket: Duplex): void {
    this.events.push('request');
    this.#upgraded.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#upgraded.delete(socket));
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n',
    );
    socket.pipe(socket);
  }
}
