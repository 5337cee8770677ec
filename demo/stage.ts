/** What every story of the demo stands on: its voice, the connector's program, and the end of all that was started. */

import { type CommandResult, runCommand, startCommand } from '../fixtures/stack/command.js';
import { freePort } from '../fixtures/ports.js';
import { type Started, waitFor } from '../fixtures/process.js';
import { followMs } from './look.js';
import { Story } from './story.js';

export interface Daemon {
  readonly process: Started;
  /** Of its HTTP port. */
  readonly url: string;
}

export type Environment = Readonly<Record<string, string>>;

export class Stage {
  readonly story = new Story();
  readonly #closers: (() => Promise<unknown>)[] = [];

  /** Ends something when the story ends, the last one started first. */
  defer(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.reverse()) await close();
  }

  /** Runs the connector and shows what it prints, or the part of it that `shown` gives. */
  async command(
    args: readonly string[],
    env: Environment,
    shown: (stdout: string) => string = (stdout) => stdout,
  ): Promise<CommandResult> {
    const result = await runCommand(args, env);
    this.story.say(`$ haproxy-nomad-connector ${args.join(' ')}`);
    const text = `${shown(result.stdout)}\n${result.stderr}`;
    this.story.show(text.trimEnd().split('\n').map(shorten).join('\n'));
    if (result.code !== 0) this.story.say(`exit code ${result.code}`);
    return result;
  }

  /** The connector as a daemon, once `/readyz` says that it is in sync or stands by. */
  async daemon(env: Environment, args: readonly string[] = []): Promise<Daemon> {
    const listen = `127.0.0.1:${await freePort()}`;
    const process = await startCommand(['--http-listen', listen, ...args], env);
    this.defer(() => process.stop('SIGTERM'));
    const url = `http://${listen}`;
    const ready = async (): Promise<boolean> => (await fetch(`${url}/readyz`)).ok;
    await waitFor('the connector to be ready', ready, { process, timeoutMs: followMs });
    return { process, url };
  }
}

/** Until Ctrl-C. */
export async function untilStopped(): Promise<void> {
  const stop = new AbortController();
  const hold = setInterval(() => undefined, 60_000);
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  await new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
  clearInterval(hold);
}

export function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}

export function shorten(line: string): string {
  return line.length > 110 ? `${line.slice(0, 107)}...` : line;
}
