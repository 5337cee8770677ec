/** Everything that a run makes carries a label with the run's name, and goes by that label. */

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ContainerRuntimeClient as Engine } from 'testcontainers';

const key = 'haproxy-nomad-connector.e2e';

/** Short enough for the names of containers. */
export const runId = randomBytes(3).toString('hex');

const owner = `${hostname()}/${process.pid}/${runId}`;

export const labels: Readonly<Record<string, string>> = { [key]: owner };

interface Thing {
  readonly owner: string;
  remove(): Promise<unknown>;
}

/** Kind by kind: containers first, as they use the networks and volumes. */
type Things = readonly (readonly Thing[])[];

/** Removes what this run has made. */
export async function removeOwn(engine: Engine): Promise<void> {
  await remove(engine, (thing) => thing.owner === owner);
}

/** Removes what runs that were killed have left behind on this machine. */
export async function removeLeftovers(engine: Engine): Promise<void> {
  await remove(engine, (thing) => isDead(thing.owner));
}

/** Again until nothing is left: the engine refuses what is being removed already. */
async function remove(engine: Engine, isMeant: (thing: Thing) => boolean): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const things = (await allThings(engine)).map((kind) => kind.filter(isMeant));
    if (things.flat().length === 0) return;
    for (const kind of things) await Promise.allSettled(kind.map((thing) => thing.remove()));
    await sleep(250);
  }
  throw new Error(`not everything could be removed; it has the label ${key}`);
}

function isDead(name: string): boolean {
  const [host, pid] = name.split('/');
  if (host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

async function allThings({ container }: Engine): Promise<Things> {
  const { dockerode } = container;
  const filters = { label: [key] };
  const containers = await dockerode.listContainers({ all: true, filters });
  const networks = await dockerode.listNetworks({ filters });
  const { Volumes: volumes } = await dockerode.listVolumes({ filters });
  return [
    containers.map(({ Id, Labels }) => ({
      owner: Labels[key] ?? '',
      remove: () => dockerode.getContainer(Id).remove({ force: true, v: true }),
    })),
    networks.map(({ Id, Labels }) => ({
      owner: Labels?.[key] ?? '',
      remove: () => dockerode.getNetwork(Id).remove(),
    })),
    volumes.map(({ Name, Labels }) => ({
      owner: Labels[key] ?? '',
      remove: () => dockerode.getVolume(Name).remove(),
    })),
  ];
}
