import { resolve } from 'node:path';

import {
  type ContainerRuntimeClient,
  GenericContainer,
  ImageName,
  getContainerRuntimeClient,
} from 'testcontainers';

import { removeLeftovers, removeOwn } from './cleanup.js';
import { builtImage, connectorImage, nodeImage, nomadImage } from './images.js';

export type Engine = ContainerRuntimeClient;

export interface Ready {
  readonly engine: Engine;
  readonly connectorImage: string;
}

/** The tests can't be run here. That is not a failure, and never a success. */
export class Unavailable extends Error {}

// Our own clean-up goes by labels: the reaper is one more image, and wants the engine's socket.
process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';

const root = resolve(import.meta.dirname, '..');
let ready: Promise<Ready> | undefined;

/** The engine and all images but HAProxy's, once for all suites. */
export function prepare(): Promise<Ready> {
  ready ??= prepareOnce();
  return ready;
}

async function prepareOnce(): Promise<Ready> {
  const engine = await findEngine();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void breakOff(engine));
  }
  await removeLeftovers(engine);
  await needImage(engine, nomadImage);
  if (connectorImage === undefined) return { engine, connectorImage: await build(engine) };
  await needImage(engine, connectorImage);
  return { engine, connectorImage };
}

/** Nothing is left behind by a run that is broken off either. */
async function breakOff(engine: Engine): Promise<void> {
  await removeOwn(engine).catch((cause: unknown) => console.error(cause));
  process.exit(130);
}

async function findEngine(): Promise<Engine> {
  try {
    return await getContainerRuntimeClient();
  } catch (cause) {
    throw new Unavailable('no container engine answers (is Docker running?)', { cause });
  }
}

/** Pulls the image unless it is there. */
export async function needImage({ image }: Engine, name: string): Promise<void> {
  const parsed = ImageName.fromString(name);
  const failure = await image.pull(parsed).then(
    () => '',
    (cause: unknown) => `: ${cause instanceof Error ? cause.message : String(cause)}`,
  );
  // A pull can end quietly without an image.
  const there = await image.exists(parsed).catch(() => false);
  if (!there) throw new Unavailable(`the image ${name} can't be pulled${failure}`);
}

/** A base that can't be pulled makes the tests unavailable; a build that fails is a failure. */
async function build(engine: Engine): Promise<string> {
  await needImage(engine, nodeImage);
  await forgetBuilt(engine);
  await GenericContainer.fromDockerfile(root)
    .withBuildArgs({ NODE_IMAGE: nodeImage })
    .build(builtImage, { deleteOnExit: false });
  return builtImage;
}

/** A build that fails is told by its image only, which isn't there: an older one would be tested. */
async function forgetBuilt({ container }: Engine): Promise<void> {
  const built = container.dockerode.getImage(builtImage);
  await built.remove({ force: true, noprune: true }).catch((cause: unknown) => {
    if ((cause as { statusCode?: number }).statusCode !== 404) throw cause;
  });
}
