/** Two connectors as processes, each with a proxy of its own before the same Data Plane API. */

import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { freePort } from '../../fixtures/ports.js';
import type { Started } from '../../fixtures/process.js';
import type { Stack } from '../../fixtures/stack.js';
import {
  type Interceptor,
  type SeenRequest,
  startInterceptor,
} from '../../fixtures/stack/interceptor.js';

export const lockPath = 'haproxy-nomad-connector/leader';
export const ttlMs = 10_000;
export const delayMs = 1000;
/** What others may lose: the lock's time, and a little. */
export const takeOverMs = 2 * ttlMs + delayMs + 2000;

/** Answered by the Data Plane API. */
export interface Write {
  readonly by: string;
  readonly what: string;
  readonly status: number;
  /** When it was answered, by the test's monotonic clock. */
  readonly at: number;
}

export interface Member {
  readonly name: string;
  readonly program: Started;
  readonly proxy: Interceptor;
  readonly url: string;
  /** Keeps its commits from the Data Plane API until the function that it gives is called. */
  readonly holdCommits: () => () => void;
}

export interface Pair {
  readonly members: readonly Member[];
  /** In the order of their answers. */
  readonly writes: readonly Write[];
  readonly begin: (name: string) => Promise<Member>;
  readonly end: () => Promise<void>;
}

export type Role = 'leader' | 'standby' | 'unready';

export function newPair(stack: Stack, config: string, env: Readonly<Record<string, string>>): Pair {
  const members: Member[] = [];
  const writes: Write[] = [];
  return {
    ...{ members, writes },
    begin: async (name) => {
      const proxy = await startInterceptor(stack.dp.url);
      let held: Promise<void> | undefined;
      proxy.onRequest(async (seen) => {
        if (isCommit(seen)) await held;
        return undefined;
      });
      proxy.onAnswer((seen, status) => {
        if (!isWrite(seen)) return;
        const what = `${seen.method} ${seen.path}`;
        writes.push({ by: name, what, status, at: performance.now() });
      });
      const port = await freePort();
      const program = await stack.spawnConnector(
        ['--config', config, '--http-listen', `127.0.0.1:${port}`],
        { HAPROXY_DATAPLANE_URL: proxy.url, ...env },
      );
      const holdCommits = (): (() => void) => {
        let release = (): void => undefined;
        held = new Promise((resolve) => (release = resolve));
        return () => {
          held = undefined;
          release();
        };
      };
      const member = { name, program, proxy, url: `http://127.0.0.1:${port}`, holdCommits };
      members.push(member);
      return member;
    },
    end: async () => {
      for (const { program, proxy } of members.splice(0)) {
        await program.stop('SIGTERM', 20_000);
        await proxy.close();
      }
    },
  };
}

/** As `/readyz` has it. */
export async function roleOf({ url }: Member): Promise<Role> {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2000) }).catch(
    () => undefined,
  );
  if (response?.status !== 200) return 'unready';
  return ((await response.json()) as { role?: 'standby' }).role ?? 'leader';
}

export function isCommit({ method, path }: Pick<SeenRequest, 'method' | 'path'>): boolean {
  return method === 'PUT' && path.includes('/transactions/');
}

/** The end of its own transaction is always allowed. */
function isWrite({ method, path }: SeenRequest): boolean {
  return method !== 'GET' && !(method === 'DELETE' && path.includes('/transactions/'));
}

/** Writes by others, done since `by` did its first one. */
export function lateWrites(writes: readonly Write[], by: string): readonly Write[] {
  const done = writes.filter(({ status }) => status < 300);
  const turn = done.findIndex((one) => one.by === by);
  return turn === -1 ? [] : done.slice(turn).filter((one) => one.by !== by);
}

/** The stack's settings and the lock, as a file. */
export async function withLock({ dp }: Stack, more: object = {}): Promise<string> {
  const text = await readFile(join(dp.dirs.root, 'connector.json'), 'utf8');
  const leader = { lock_path: lockPath, lock_ttl: ttlMs / 1000, lock_delay: delayMs / 1000 };
  const file = join(dp.dirs.root, 'leader.json');
  const content = { ...(JSON.parse(text) as object), leader, ...more };
  await writeFile(file, JSON.stringify(content), { mode: 0o600 });
  return file;
}

/** The policy as it is shipped, with the block that its comment names. */
export function policyWithLock(): string {
  const shipped = readFileSync(new URL('../../deploy/nomad-policy.hcl', import.meta.url), 'utf8');
  return shipped.replace(/^ {2}# {1,}((?:variables|path|capabilities|\}).*)$/gm, '$1');
}

export interface Load {
  readonly stop: () => Promise<{ readonly sent: number; readonly failed: readonly string[] }>;
}

/** So many senders, each with one request after another, on a connection of its own. */
export function startLoad(stack: Stack, host: string, senders = 1): Load {
  const failed: string[] = [];
  let sent = 0;
  let isOn = true;
  const send = async (): Promise<void> => {
    while (isOn) {
      const number = ++sent;
      const status = await stack.request(host).then(
        (answer) => answer.status,
        (error: unknown) => String(error),
      );
      if (status !== 200) failed.push(`${number}: ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const done = Promise.all(Array.from({ length: senders }, send));
  return {
    stop: async () => {
      isOn = false;
      await done;
      return { sent, failed };
    },
  };
}
