/** One stack that serves many cases, and what a case may do to it. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Dirs, baseHaproxyConfig } from '../../fixtures/dataplane/config.js';
import { type Started, atExit, waitFor } from '../../fixtures/process.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import { type Interceptor, startInterceptor } from '../../fixtures/stack/interceptor.js';
import { domainOf, type Stack, type StackOptions } from '../../fixtures/stack.js';
import type { Settings } from '../../src/config/types.js';
import { type LightLoad, startLightLoad } from './load.js';
import type { Late, Platform } from './platform.js';
import { startReal } from './real.js';
import { startSimulated } from './simulated.js';

export type Nomad = NonNullable<StackOptions['nomad']>;

export interface World {
  readonly stack: Stack;
  readonly platform: Platform;
  readonly nomadProxy: Interceptor;
  readonly load: LightLoad;
  /** The operator's part of HAProxy's configuration. */
  operators: string;
  /** A folder that can be filled; undefined where none could be mounted. */
  readonly disk: Disk | undefined;
  readonly settings: (settings: Settings) => Settings;
  connector: Connector | undefined;
  program: Started | undefined;
  late: Late | undefined;
  /** The configuration with that service. */
  saved: string | undefined;
  /** That the last check found. */
  lateTransactions: readonly string[];
  close(): Promise<void>;
}

export interface Disk {
  fill(): Promise<void>;
  free(): Promise<void>;
}

export async function startWorld(nomad: Nomad): Promise<World> {
  const mounted = mountDisk();
  const platform = await (nomad === 'real' ? startReal : startSimulated)({
    haproxyConfig: operatorsConfig,
    ...(mounted === undefined ? {} : { dir: mounted.dir }),
  });
  const { stack } = platform;
  const nomadProxy = await startInterceptor(stack.nomadUrl);
  const world: World = {
    ...{ stack, platform, nomadProxy, disk: mounted?.disk },
    load: startLightLoad(stack, 'web'),
    operators: withoutOurs(await stack.configuration()),
    settings: (settings) => settingsOf(settings, nomadProxy.url),
    ...{ connector: undefined, program: undefined, late: undefined, saved: undefined },
    lateTransactions: [],
    close: async () => {
      await world.load.stop();
      await stopConnectors(world);
      await nomadProxy.close();
      await stack.close();
      mounted?.unmount();
    },
  };
  world.load.expectDown(true);
  world.connector = stack.connector({ settings: world.settings });
  await stack.waitBalanced(
    domainOf('web'),
    platform.web.map((name) => ({ name })),
  );
  await world.connector.waitSettled();
  world.load.expectDown(false);
  world.load.takeLost();
  // As the Data Plane API writes it.
  world.operators = withoutOurs(await stack.configuration());
  return world;
}

/** Times that fit a table of many cases. */
function settingsOf(settings: Settings, nomadUrl: string): Settings {
  const targets = settings.targets.map((target) => ({ ...target, requestTimeoutMs: 3000 }));
  return {
    ...settings,
    nomad: { ...settings.nomad, address: nomadUrl, requestTimeoutMs: 3000 },
    targets: targets,
    guard: { ...settings.guard, allowRemovals: true },
  };
}

function operatorsConfig(dirs: Dirs, port: number): string {
  return `${baseHaproxyConfig(dirs, port)}
backend operator_shop
  # two machines of the operator's
  balance leastconn
  server s1 127.0.0.1:9 weight 10 # the old machine
  server s2 127.0.0.1:10 backup
`;
}

export async function startProgram(world: World): Promise<Started> {
  await stopConnectors(world);
  const { stack, nomadProxy } = world;
  nomadProxy.clear();
  const env = {
    NOMAD_ADDR: nomadProxy.url,
    HAPROXY_ALLOW_REMOVALS: 'true',
  };
  world.program = await stack.spawnConnector(['--http-listen', 'off', '--allow-removals'], env);
  await waitFor('the program to listen for events', () =>
    nomadProxy.seen().some(({ path }) => path.startsWith('/v1/event/stream')),
  );
  return world.program;
}

export async function stopConnectors(world: World): Promise<void> {
  const { connector, program } = world;
  world.connector = undefined;
  world.program = undefined;
  await connector?.stop();
  if (program !== undefined) {
    if (program.running()) process.kill(program.pid, 'SIGCONT');
    await program.stop('SIGTERM', 15_000);
  }
}

/** The loop in this process takes over. */
export async function ensureConnector(world: World): Promise<Connector> {
  if (world.connector === undefined) {
    await stopConnectors(world);
    world.connector = world.stack.connector({ settings: world.settings });
  }
  return world.connector;
}

/** Everything that isn't the connector's, nor another's who is part of a fault. */
export function withoutOurs(configuration: string): string {
  return configuration
    .split(/^(?=(?:backend|frontend|defaults|global|listen)\b)/m)
    .filter((section) => !/^(backend|frontend) (nomad|theirs|hand)_/.test(section))
    .join('')
    .replace(/^# _(md5hash|version)=.*\n/gm, '')
    .replace(/^.*nomad_.*\n/gm, '')
    .replace(/^# by hand\n/gm, '')
    .replace(/\s*\n\s*/g, '\n')
    .trim();
}

interface Mounted {
  readonly dir: string;
  readonly disk: Disk;
  readonly unmount: () => void;
}

/** A small file system for the data plane's files; needs root. */
function mountDisk(): Mounted | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const dir = mkdtempSync(join(tmpdir().length > 60 ? '/tmp' : tmpdir(), 'hncd-'));
  const run = (command: string, ...args: string[]): void =>
    void execFileSync(command, args, { stdio: 'ignore' });
  try {
    run('mount', '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', dir);
  } catch {
    rmSync(dir, { recursive: true });
    return undefined;
  }
  const unmount = (): void => {
    try {
      run('umount', '-l', dir);
      rmSync(dir, { recursive: true, force: true });
    } catch {
      process.stderr.write(`${dir} could not be unmounted\n`);
    }
  };
  const forget = atExit(unmount);
  const filler = join(dir, 'filler');
  const disk: Disk = {
    fill: async () => {
      const whole = Buffer.alloc(8 * 1024 * 1024);
      // As much as fits.
      await writeFile(filler, whole).catch(() => undefined);
    },
    free: () => rm(filler, { force: true }),
  };
  const end = (): void => {
    forget();
    unmount();
  };
  return { dir, disk, unmount: end };
}
