import { get } from 'node:http';
import { text } from 'node:stream/consumers';

import type { StartedTestContainer } from 'testcontainers';

import { waitFor } from '../fixtures/process.js';
import { labels, removeOwn } from './cleanup.js';
import {
  type Containers,
  authorization,
  connectorEnvironment,
  startContainers,
} from './containers.js';
import { prepare } from './engine.js';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
}

export interface Load {
  /** Sends no more, and counts what was answered: `200 v1`, `503`, or why there was no answer. */
  stop(): Promise<Readonly<Record<string, number>>>;
}

export interface World {
  readonly containers: Containers;
  /** The daemon. */
  startConnector(): Promise<StartedTestContainer>;
  /** Runs the connector's image with these arguments until it ends. */
  run(...args: readonly string[]): Promise<Finished>;
  /** Runs docker/web.nomad.hcl under this name, and waits until Nomad calls it deployed. */
  deploy(name: string, version: string): Promise<void>;
  stopJob(name: string): Promise<void>;
  request(host: string, path?: string): Promise<Answer>;
  /** Waits until the host of a job of this name gives that answer. */
  waitAnswer(name: string, wanted: Answer): Promise<void>;
  /** A request after the other, without a pause. */
  load(name: string): Load;
  /** From the Data Plane API, below /v3/services/haproxy. */
  dataPlane(path: string): Promise<string>;
  workerPid(): Promise<number>;
  /** What the image's own HEALTHCHECK says. */
  health(container: StartedTestContainer): Promise<string | undefined>;
  /** The last lines of HAProxy, the Data Plane API and the connector. */
  logs(lines: number): Promise<string>;
  close(): Promise<void>;
}

export const hostOf = (name: string): string => `${name}.example.com`;

export const notRouted: Answer = { status: 404, body: 'no such service' };
export const answered = (body: string): Answer => ({ status: 200, body });

export async function startWorld(haproxyImage: string): Promise<World> {
  const ready = await prepare();
  const { engine } = ready;
  const close = () => removeOwn(engine);
  const containers = await startContainers(ready, haproxyImage).catch(async (cause: unknown) => {
    await close();
    throw cause;
  });
  const { dockerode } = engine.container;
  const request = (host: string, path = '/') => requestThrough(containers.haproxy, host, path);
  const dataPlane = (path: string) => askDataPlane(containers.dataPlane, path);
  const connectors: { connector?: StartedTestContainer } = {};
  return {
    containers,
    startConnector: async () => (connectors.connector = await containers.startConnector()),
    run: async (...args) => {
      const container = await dockerode.createContainer({
        Image: ready.connectorImage,
        Cmd: [...args],
        Env: Object.entries(connectorEnvironment).map((pair) => pair.join('=')),
        Labels: labels,
        HostConfig: { NetworkMode: containers.network, ReadonlyRootfs: true, CapDrop: ['ALL'] },
      });
      await container.start();
      const { StatusCode } = (await container.wait()) as { StatusCode: number };
      return { code: StatusCode, stdout: payload(await container.logs({ stdout: true })) };
    },
    deploy: async (name, version) => {
      const variables = ['-var', `name=${name}`, '-var', `app_version=${version}`];
      await nomad(containers, ['job', 'run', ...variables, '/demo/web.nomad.hcl']);
    },
    stopJob: (name) => nomad(containers, ['job', 'stop', '-purge', '-detach', name]),
    request,
    waitAnswer: (name, wanted) => waitAnswer(() => request(hostOf(name)), wanted),
    load: (name) => startLoad(() => request(hostOf(name))),
    dataPlane,
    workerPid: async () => {
      const { info } = JSON.parse(await dataPlane('/runtime/info')) as { info?: { pid?: number } };
      return info?.pid ?? Number.NaN;
    },
    health: async (container) =>
      (await dockerode.getContainer(container.getId()).inspect()).State.Health?.Status,
    logs: async (tail) => {
      const { haproxy, dataPlane } = containers;
      const shown = Object.entries({ haproxy, dataPlane, ...connectors }).map(
        async ([name, container]) => {
          const logs = dockerode.getContainer(container.getId());
          return `${name}:\n${payload(await logs.logs({ stdout: true, stderr: true, tail }))}`;
        },
      );
      return (await Promise.all(shown)).join('\n');
    },
    close,
  };
}

async function nomad({ nomad }: Containers, args: readonly string[]): Promise<void> {
  const { exitCode, output } = await nomad.exec(['nomad', ...args]);
  if (exitCode !== 0) throw new Error(`nomad ${args.join(' ')}: ${output}`);
}

/** What a container wrote, without the engine's frames: 8 bytes, of which the last 4 are a length. */
function payload(framed: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= framed.length;) {
    const end = at + 8 + framed.readUInt32BE(at + 4);
    parts.push(framed.subarray(at + 8, end));
    at = end;
  }
  return Buffer.concat(parts).toString();
}

function requestThrough(
  haproxy: StartedTestContainer,
  host: string,
  path: string,
): Promise<Answer> {
  const to = { host: haproxy.getHost(), port: haproxy.getMappedPort(8000) };
  return new Promise((resolve, reject) => {
    const sent = get({ ...to, path, headers: { host }, agent: false }, (answer) => {
      text(answer).then(
        (body) => resolve({ status: answer.statusCode ?? 0, body: body.trim() }),
        reject,
      );
    });
    sent.setTimeout(10_000, () => sent.destroy(new Error(`no answer for ${host}${path}`)));
    sent.on('error', reject);
  });
}

async function waitAnswer(ask: () => Promise<Answer>, wanted: Answer): Promise<void> {
  let last: unknown;
  const same = async (): Promise<boolean> => {
    const answer = await ask().catch((cause: unknown) => ({ status: 0, body: String(cause) }));
    last = answer;
    return answer.status === wanted.status && answer.body === wanted.body;
  };
  await waitFor('an answer', same, { timeoutMs: 30_000, intervalMs: 100 }).catch(() => {
    throw new Error(`wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(last)}`);
  });
}

function startLoad(ask: () => Promise<Answer>): Load {
  const counts: Record<string, number> = {};
  let stopped = false;
  const loop = async (): Promise<void> => {
    while (!stopped) {
      const answer = await ask().then(
        ({ status, body }) => (status === 200 ? `200 ${body}` : String(status)),
        (cause: unknown) => String(cause),
      );
      counts[answer] = (counts[answer] ?? 0) + 1;
    }
  };
  const running = loop();
  return {
    stop: async () => {
      stopped = true;
      await running;
      return counts;
    },
  };
}

async function askDataPlane(container: StartedTestContainer, path: string): Promise<string> {
  const base = `http://${container.getHost()}:${container.getMappedPort(5555)}`;
  const answer = await fetch(`${base}/v3/services/haproxy${path}`, { headers: { authorization } });
  if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${await answer.text()}`);
  return answer.text();
}
