/**
 * What stands before the HAProxies: a layer 4 load balancer that follows Nomad's catalog and asks each
 * HAProxy for `/healthz`, and clients that send requests through it. A request counts for the HAProxy
 * that it was sent to, and none is excused: a HAProxy that gets requests and doesn't answer them lost
 * them.
 */

import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import type { NomadAgent } from '../../fixtures/nomad/real.js';

export interface Edge {
  /** Of the node. */
  readonly name: string;
  readonly allocation: string;
  readonly port: number;
  readonly healthPort: number;
}

export interface Balancer {
  /** In Nomad's catalog, and `/healthz` answered 200. */
  rotation(): readonly Edge[];
  close(): Promise<void>;
}

interface Allocation {
  readonly NodeName: string;
  readonly AllocatedResources: {
    readonly Shared: { readonly Ports: readonly { Label: string; Value: number }[] };
  };
}

export function startBalancer(agent: NomadAgent): Balancer {
  const known = new Map<string, Edge>();
  let rotation: readonly Edge[] = [];
  let stopped = false;

  async function edgeOf(allocation: string): Promise<Edge> {
    const found = known.get(allocation);
    if (found !== undefined) return found;
    const { NodeName: name, AllocatedResources } = await agent.request<Allocation>(
      'GET',
      `/v1/allocation/${allocation}`,
    );
    const portOf = (label: string): number =>
      AllocatedResources.Shared.Ports.find(({ Label }) => Label === label)?.Value ?? 0;
    const edge = { name, allocation, port: portOf('http'), healthPort: portOf('health') };
    known.set(allocation, edge);
    return edge;
  }

  async function look(): Promise<void> {
    const listed = await agent.request<{ AllocID: string }[]>('GET', '/v1/service/haproxy');
    const edges = await Promise.all(listed.map(({ AllocID }) => edgeOf(AllocID)));
    const healthy = await Promise.all(edges.map((edge) => isHealthy(edge)));
    rotation = edges.filter((_, index) => healthy[index]);
  }

  async function run(): Promise<void> {
    while (!stopped) {
      // Without Nomad, the last list stays.
      await look().catch(() => undefined);
      await pause(100);
    }
  }

  const running = run();
  return {
    rotation: () => rotation,
    close: async () => {
      stopped = true;
      await running;
    },
  };
}

export async function isHealthy({ healthPort }: Edge, path = '/healthz'): Promise<boolean> {
  const answer = await send({ port: healthPort, path, agent: false });
  return answer.status === 200;
}

export interface Count {
  readonly sent: number;
  readonly bySent: Readonly<Record<string, number>>;
  /** Answers other than 200, and broken connections. */
  readonly failed: readonly string[];
}

export interface FleetLoad {
  /** What was sent since the last call. */
  take(): Count;
  stop(): Promise<void>;
}

/** Half of the clients keep their connections, as far as HAProxy lets them. */
export function startFleetLoad(balancer: Balancer, host: string, clients = 6): FleetLoad {
  let bySent: Record<string, number> = {};
  let failed: string[] = [];
  let turn = 0;
  let stopped = false;

  async function client(index: number): Promise<void> {
    const agent = index % 2 === 0 ? new Agent({ keepAlive: true }) : false;
    const method = index % 3 === 0 ? 'POST' : 'GET';
    while (!stopped) {
      const edges = balancer.rotation();
      const edge = edges[(turn += 1) % edges.length];
      const name = edge?.name ?? 'none';
      bySent[name] = (bySent[name] ?? 0) + 1;
      const { status, body } =
        edge === undefined
          ? { status: 0, body: 'no HAProxy in rotation' }
          : await send({ port: edge.port, path: '/', host, method, agent });
      if (status !== 200) failed.push(`${method} to ${name}: ${status} ${body}`.trim());
      await pause(5);
    }
    if (agent !== false) agent.destroy();
  }

  const running = Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  return {
    take: () => {
      const sent = Object.values(bySent).reduce((sum, count) => sum + count, 0);
      const taken = { sent, bySent, failed };
      [bySent, failed] = [{}, []];
      return taken;
    },
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}

interface Sending {
  readonly port: number;
  readonly path: string;
  readonly host?: string;
  readonly method?: 'GET' | 'POST';
  readonly agent: Agent | false;
}

interface Reply {
  /** 0: a broken connection, or no answer in 10 s. */
  readonly status: number;
  readonly body: string;
}

export function send({ port, path, host, method = 'GET', agent }: Sending): Promise<Reply> {
  return new Promise((resolve) => {
    const headers = host === undefined ? {} : { host };
    const sent = request(
      { host: '127.0.0.1', port, path, method, headers, agent, timeout: 10_000 },
      (answer) => {
        let body = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => (body += part));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
        answer.on('error', ({ message }) => resolve({ status: 0, body: message }));
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer in 10 s')));
    sent.on('error', ({ message }) => resolve({ status: 0, body: message }));
    sent.end();
  });
}
