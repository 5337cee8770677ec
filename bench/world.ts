/** HAProxy, a data plane before it, Nomad and one small app, each a process of its own. */

import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Phase } from '../src/pass/phases.js';
import type { Picture } from '../src/pass/picture.js';
import { baseHaproxyConfig, type Dirs } from '../fixtures/dataplane/config.js';
import { type DataPlane, startDataPlane } from '../fixtures/dataplane/launch.js';
import { type HaproxySeries, findHaproxy } from '../fixtures/haproxy/find.js';
import { freePort } from '../fixtures/ports.js';
import { start, waitFor } from '../fixtures/process.js';
import { onePass } from '../fixtures/stack/connector.js';
import { type AssemblyHooks, type Assembly, assemble } from '../src/assembly.js';
import { loadSettings } from '../src/config/settings.js';
import type { Settings } from '../src/config/types.js';
import { type NomadChild, startNomadChild } from './nomad.js';

/** Requests and time by phase since the last `take`. */
export interface Meter {
  readonly hooks: AssemblyHooks;
  take(): Metered;
}

export interface Metered {
  readonly nomad: number;
  readonly dataPlane: number;
  readonly phases: Readonly<Partial<Record<Phase, number>>>;
}

export interface World {
  readonly n: number;
  readonly names: readonly string[];
  readonly origin: string;
  readonly dp: DataPlane;
  readonly nomad: NomadChild;
  readonly settings: Settings;
  readonly meter: Meter;
  readonly assembly: Assembly;
  /** Ports of the one app: two for the instances, one to move to. */
  readonly ports: readonly [number, number, number];
  pass(): Promise<Picture>;
  /** Passes until there is nothing left to do. */
  settle(): Promise<Picture>;
  reloads(): Promise<number>;
  close(): Promise<void>;
}

export async function startWorld(n: number): Promise<World> {
  const haproxy = await findHaproxy(process.env['HAPROXY_SERIES'] as HaproxySeries | undefined);
  const app = await startOneApp(haproxy.bin);
  const dp = await startDataPlane({ haproxy, haproxyConfig: withDescriptors });
  const nomad = await startNomadChild();
  const names = Array.from({ length: n }, (_, index) => `svc${index}`);
  const [first, second] = app.ports;
  await nomad.send({ kind: 'serve', names, ports: [first, second] });
  const settings = settingsOf(dp, nomad.url);
  const meter = newMeter();
  const assembly = assemble(settings, { writes: true, hooks: meter.hooks });
  const pass = (): Promise<Picture> => onePass(assembly.pass, new AbortController().signal);
  return {
    n,
    names,
    origin: `HAProxy ${haproxy.version}, ${dp.origin}, Nomad simulator, Node ${process.versions.node}`,
    ...{ dp, nomad, settings, meter, assembly, pass, ports: app.ports },
    settle: async () => {
      for (let tries = 0; tries < 10; tries++) {
        const result = await pass();
        if (result.plan.steps.length === 0 && !result.rest.inMotion) return result;
      }
      throw new Error('it does not settle');
    },
    reloads: () => reloadsOf(dp),
    close: async () => {
      assembly.nomad.close();
      await Promise.all([nomad.close(), dp.close(), app.close()]);
    },
  };
}

/** As a user has them. */
export function settingsOf(dp: DataPlane, nomadUrl: string): Settings {
  return loadSettings({ flags: {}, env: environmentOf(dp, nomadUrl), readFile: () => '' });
}

export function environmentOf(dp: DataPlane, nomadUrl: string): Record<string, string> {
  return {
    NOMAD_ADDR: nomadUrl,
    NOMAD_TOKEN: '',
    NOMAD_NAMESPACE: '*',
    NOMAD_REGION: '',
    HAPROXY_DATAPLANE_URL: dp.url,
    HAPROXY_USERNAME: dp.username,
    HAPROXY_PASSWORD: dp.password,
    HAPROXY_FRONTEND: 'http_front',
  };
}

/** HAProxy tells what it may have, so that no reload is refused for want of it. */
export function withDescriptors(dirs: Dirs, frontendPort: number): string {
  const limit = execFileSync('/bin/sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  const base = baseHaproxyConfig(dirs, frontendPort);
  return limit === 'unlimited'
    ? base
    : base.replace('global\n', `global\n  fd-hard-limit ${limit}\n`);
}

/** The master counts them: the third column of its own line. While it reloads it can't be asked. */
export function reloadsOf(dp: DataPlane): Promise<number> {
  return waitFor('the count of reloads', async () => {
    const line = /^\d+\s+master\s+(\d+)/m.exec(await dp.haproxy.masterCommand('show proc'));
    return line === null ? undefined : Number(line[1]) + 1;
  }).then((count) => count - 1);
}

/** HAProxy itself, as an app that costs next to nothing. */
export async function startOneApp(bin: string) {
  const dir = await mkdtemp(join(tmpdir(), 'hnc-app-'));
  const ports = [await freePort(), await freePort(), await freePort()] as const;
  const config = [
    'global\n  maxconn 4000',
    'defaults\n  mode http\n  timeout client 30s\n  timeout connect 5s\n  timeout server 30s',
    'frontend app',
    ...ports.map((port) => `  bind 127.0.0.1:${port}`),
    '  http-request return status 200 content-type text/plain string app',
  ].join('\n');
  await writeFile(join(dir, 'app.cfg'), `${config}\n`);
  const app = await start(bin, ['-db', '-f', join(dir, 'app.cfg')], { name: 'app' });
  const close = async (): Promise<void> => {
    await app.stop();
    await rm(dir, { recursive: true, force: true });
  };
  return { ports, close };
}

export function newMeter(): Meter {
  let nomad = 0;
  let dataPlane = 0;
  let phases: Partial<Record<Phase, number>> = {};
  return {
    hooks: {
      onNomad: () => void (nomad += 1),
      onDataPlane: () => void (dataPlane += 1),
      onPhase: (phase, ms) => void (phases[phase] = (phases[phase] ?? 0) + ms),
    },
    take: () => {
      const taken = { nomad, dataPlane, phases };
      [nomad, dataPlane, phases] = [0, 0, {}];
      return taken;
    },
  };
}
