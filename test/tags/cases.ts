import { expect } from 'chai';

import type { NewInstance, NewService } from '../../fixtures/nomad/services.js';
import type { Echo, EchoKind, Echoed } from './echo.js';
import { type Ask, type Reply, until, type World } from './world.js';

/** One form of one tag, and what proves it. */
export interface TagCase {
  /** The tag's key without its prefix. */
  readonly key: string;
  readonly title: string;
  /** Without the prefix; the service's own domain is added unless one is here, or `domain` says no. */
  readonly tags: readonly string[];
  readonly domain?: false;
  /** One instance each; one of `http` unless given. */
  readonly apps?: readonly EchoKind[];
  /** Instead of the apps. */
  readonly instances?: () => Promise<readonly NewInstance[]>;
  readonly more?: (apps: readonly Echo[]) => Partial<NewService>;
  /** Before the pass. */
  readonly prepare?: (apps: readonly Echo[]) => void;
  /** The same proof holds in rules mode. */
  readonly routing?: true;
  readonly prove: (at: Proof) => Promise<unknown>;
}

export interface Proof {
  readonly world: World;
  readonly service: string;
  readonly backend: string;
  readonly host: string;
  readonly apps: readonly Echo[];
  readonly app: Echo;
  ask(ask?: Ask, host?: string): Promise<Reply>;
  /** Until an app answers. */
  served(ask?: Ask, host?: string): Promise<Echoed>;
  /** Until the status is that. */
  gives(status: number, ask?: Ask, host?: string): Promise<Reply>;
  /** Names of the apps that answer so many requests, one after the other. */
  answers(count: number, ask?: (n: number) => Ask): Promise<string[]>;
}

export function proofOf(world: World, service: string, apps: readonly Echo[]): Proof {
  const host = `${service}.example.com`;
  const ask = (given: Ask = {}, name = host): Promise<Reply> => world.ask(name, given);
  const gives = async (status: number, given?: Ask, name = host): Promise<Reply> => {
    let last: Reply | undefined;
    await until(`status ${status} for ${name}`, async () => {
      last = await ask(given, name);
      return last.status === status;
    }).catch((cause: unknown) => {
      throw new Error(`status ${status} for ${name}: last ${last?.status} ${last?.body}`, {
        cause,
      });
    });
    return last as Reply;
  };
  return {
    world,
    service,
    backend: `nomad_${service}`,
    host,
    apps,
    get app() {
      const [first] = apps;
      if (first === undefined) throw new Error('this case has no app');
      return first;
    },
    ask,
    gives,
    served: async (given, name) => {
      const { got } = await gives(200, given, name);
      if (got === undefined) throw new Error(`not an app's answer for ${name ?? host}`);
      return got;
    },
    answers: async (count, given = () => ({})) => {
      const names: string[] = [];
      for (let n = 0; n < count; n++) {
        const { status, got } = await ask(given(n));
        names.push(got?.app ?? `${status}`);
      }
      return names;
    },
  };
}

/** Waits until every instance is UP, in HAProxy's own view. */
export async function allUp({ world, backend, apps }: Proof): Promise<void> {
  await until(`${backend} is UP`, async () => {
    const up = (await world.stack.loadedServers(backend)).filter(
      (server) => server.up && server.admin === 'ready',
    );
    return apps.every(({ port }) => up.some((server) => server.port === port));
  });
}

/** UP because the check was the right one; DOWN when it fails. */
export async function isGated(at: Proof): Promise<void> {
  const { app } = at;
  await at.served();
  expect(app.checks).to.not.be.empty;
  app.healthy = () => false;
  await at.gives(503);
}

/** Given once each, whoever comes first. */
export function shares(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
