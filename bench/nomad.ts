import { type ChildProcess, fork } from 'node:child_process';
import { resolve } from 'node:path';

import type { NomadCommand, NomadReply } from './nomad-process.js';

/** The parent's end of the simulated Nomad. */
export interface NomadChild {
  readonly url: string;
  /** Resolves when it is done, with the time of the change (or the count that was asked for). */
  send(command: NomadCommand): Promise<number>;
  close(): Promise<void>;
}

export async function startNomadChild(): Promise<NomadChild> {
  const file = resolve(import.meta.dirname, 'nomad-process.ts');
  const child = fork(file, { execArgv: ['--import', 'tsx'], stdio: 'inherit' });
  const waiting = new Map<number, (reply: NomadReply) => void>();
  const url = await new Promise<string>((started, failed) => {
    child.once('exit', (code) => failed(new Error(`the Nomad simulator ended with ${code}`)));
    child.on('message', (message: NomadReply & { readonly url?: string }) => {
      if (message.url !== undefined) started(message.url);
      waiting.get(message.id)?.(message);
      waiting.delete(message.id);
    });
  });
  let id = 0;
  return {
    url,
    send: (command) =>
      new Promise((done, failed) => {
        id += 1;
        waiting.set(id, ({ value = 0, error }) => {
          if (error === undefined) done(value);
          else failed(new Error(error));
        });
        child.send({ id, command });
      }),
    close: () => end(child),
  };
}

function end(child: ChildProcess): Promise<void> {
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  child.disconnect();
  return exited;
}
