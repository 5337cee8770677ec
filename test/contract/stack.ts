import { after, before } from 'mocha';

import type { Answer, RequestOptions } from '../../fixtures/dataplane/client.js';
import {
  type DataPlane,
  type DataPlaneOptions,
  startDataPlane,
} from '../../fixtures/dataplane/launch.js';
import { type HaproxySeries, findHaproxy } from '../../fixtures/haproxy/find.js';
import { waitFor } from '../../fixtures/process.js';

export const root = '/v3/services/haproxy';

export interface Stack {
  readonly dp: DataPlane;
  /** Paths are below /v3/services/haproxy. */
  ask(method: string, path: string, body?: unknown, options?: RequestOptions): Promise<Answer>;
  version(): Promise<number>;
  begin(): Promise<string>;
  raw(): Promise<string>;
  /** Makes a backend with disabled slots, loaded by a forced reload. */
  addBackend(name: string, more?: Readonly<Record<string, unknown>>): Promise<void>;
}

let announced = false;

/** A stack for a whole suite. The first suite says which parts are real. */
export function useStack(options: Partial<DataPlaneOptions> = {}): Stack {
  let running: DataPlane | undefined;
  before(async function () {
    // The first time HAProxy may be downloaded and the stand-in built.
    this.timeout(300_000);
    const haproxy = await findHaproxy(process.env['HAPROXY_SERIES'] as HaproxySeries | undefined);
    running = await startDataPlane({ haproxy, ...options });
    if (announced) return;
    announced = true;
    console.log(`contract: ${running.origin}, real HAProxy ${haproxy.version} (${haproxy.origin})`);
  });
  after(async () => running?.close());
  return stackOf(() => {
    if (running === undefined) throw new Error('the stack is not running');
    return running;
  });
}

function stackOf(current: () => DataPlane): Stack {
  const ask: Stack['ask'] = (method, path, body, options) =>
    current().send(method, root + path, body, options);
  const version = async () => (await ask('GET', '/configuration/version')).body as number;
  return {
    get dp() {
      return current();
    },
    ask,
    version,
    begin: async () => {
      const answer = await ask('POST', `/transactions?version=${await version()}`);
      return (answer.body as { id: string }).id;
    },
    raw: async () => (await ask('GET', '/configuration/raw')).body as string,
    addBackend: async (name, more) => {
      const query = `full_section=true&force_reload=true&version=${await version()}`;
      const answer = await ask('POST', `/configuration/backends?${query}`, backend(name, more));
      if (answer.status !== 201)
        throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`);
    },
  };
}

/** Two slots: static servers that are disabled until an endpoint fills them. */
export function backend(name: string, more: Readonly<Record<string, unknown>> = {}) {
  return {
    name,
    from: 'unnamed_defaults_1',
    mode: 'http',
    balance: { algorithm: 'roundrobin' },
    servers: { [`${name}_1`]: slot(`${name}_1`), [`${name}_2`]: slot(`${name}_2`) },
    ...more,
  };
}

export function slot(name: string, more: Readonly<Record<string, unknown>> = {}) {
  return { name, address: '127.0.0.1', port: 9, maintenance: 'enabled', weight: 100, ...more };
}

export function upload(content: string, name: string): FormData {
  const form = new FormData();
  form.append('file_upload', new Blob([content]), name);
  return form;
}

export function messageOf(answer: Answer): string {
  const { body } = answer;
  return typeof body === 'string' ? body : ((body as { message?: string }).message ?? '');
}

/** Waits for a delayed reload's verdict. */
export function verdict(stack: Stack, answer: Answer): Promise<string> {
  const id = answer.headers.get('reload-id');
  return waitFor(`reload ${id}`, async () => {
    const { status } = (await stack.ask('GET', `/reloads/${id}`)).body as { status?: string };
    return status === 'in_progress' ? undefined : status;
  });
}
