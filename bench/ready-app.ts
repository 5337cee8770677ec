/** An app as a process of its own, which asks HAProxy for its service until it is asked itself. */

import { type IncomingMessage, createServer, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface ReadyCommand {
  readonly port: number;
  readonly frontendPort: number;
  readonly host: string;
}

/** Milliseconds since the epoch. */
export interface ReadyReply {
  readonly listens?: number;
  readonly served?: number;
}

const everyMs = 5;

async function run({ port, frontendPort, host }: ReadyCommand): Promise<void> {
  let served: number | undefined;
  const server = createServer((request, response) => {
    if (request.url !== '/health') served ??= Date.now();
    response.end();
  });
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  report({ listens: Date.now() });
  while (served === undefined) {
    const options = { host: '127.0.0.1', port: frontendPort, headers: { host }, agent: false };
    get(options, (answer: IncomingMessage) => answer.resume()).on('error', () => undefined);
    await delay(everyMs);
  }
  report({ served });
  process.on('message', () => process.exit(0));
}

function report(reply: ReadyReply): void {
  process.send?.(reply);
}

process.once('message', (command: ReadyCommand) => void run(command));
process.on('disconnect', () => process.exit(0));
