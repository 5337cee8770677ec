/** A Nomad with three nodes, a HAProxy on each by the job file, and two connectors with a lock. */

import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { buildStandIn } from '../../fixtures/dataplane/build.js';
import { findHaproxy, type HaproxySeries } from '../../fixtures/haproxy/find.js';
import { type NomadAgent, nomadBin, startNomadAgent } from '../../fixtures/nomad/real.js';
import { makePki, type Pki } from '../../fixtures/pki.js';
import { freePort } from '../../fixtures/ports.js';
import { type Started, waitFor } from '../../fixtures/process.js';
import { startCommand } from '../../fixtures/stack/command.js';
import { forTests, readJob } from './job.js';

const serverName = 'haproxy-dataplane.internal';
const password = 'fleet-password';
const lock = 'haproxy-nomad-connector/leader';
/** Two of one series and one of another. */
const nodes: Readonly<Record<string, HaproxySeries>> = {
  'edge-1': '3.0',
  'edge-2': '3.0',
  'edge-3': '3.2',
};

export const edgeNames = Object.keys(nodes);

export interface Member {
  readonly name: string;
  readonly url: string;
  readonly program: Started;
}

export interface Fleet {
  readonly agent: NomadAgent;
  /** What runs, for the report. */
  readonly parts: readonly string[];
  readonly connectors: readonly Member[];
  /** Runs the job of the HAProxies, or a new version of it, and waits for the end of its deployment. */
  deployHaproxies(release: string): Promise<string>;
  startConnector(name: string): Promise<Member>;
  roleOf(member: Member): Promise<'leader' | 'standby' | 'unready'>;
  leader(): Promise<Member>;
  /** All that runs on the node goes elsewhere; a HAProxy just ends. */
  drain(node: string): Promise<void>;
  undrain(node: string): Promise<void>;
  /** A file on the disk of that node's HAProxy. */
  file(node: string, name: string): Promise<string>;
  close(): Promise<void>;
}

export async function startFleet(): Promise<Fleet> {
  const folder = await mkdtemp(join(tmpdir(), 'fleet-'));
  const pki = makePki(join(folder, 'pki'), serverName);
  const programs = Object.fromEntries(
    await Promise.all(
      Object.entries(nodes).map(
        async ([name, series]) => [name, await programsOf(series)] as const,
      ),
    ),
  );
  const isPlain = pki === undefined || Object.values(programs).some(({ isReal }) => !isReal);
  const agent = await startNomadAgent({
    acl: true,
    nodes: Object.entries(programs).map(([name, { haproxy, dataplane }]) => ({
      name,
      meta: { haproxy_bin: haproxy, dataplaneapi_bin: dataplane },
    })),
  });
  const connectors: Member[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(connectors.map(({ program }) => program.stop('SIGKILL')));
    await agent.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await putSecrets(agent, isPlain ? undefined : pki);
    const token = await agent.mintToken('connector', policyWithLock());
    const config = join(folder, 'connector.json');
    await writeFile(config, JSON.stringify(settings(agent, isPlain ? undefined : pki)));
    const home = join(agent.folder, 'h');
    return {
      agent,
      parts: [
        `Nomad ${await agent.version()}`,
        ...Object.entries(programs).map(([name, { text }]) => `${name}: ${text}`),
      ],
      connectors,
      deployHaproxies: async (release) => {
        const job = await readJob(nomadBin()!, 'haproxy-raw-exec.nomad.hcl', {
          home,
          haproxy_bin: '${meta.haproxy_bin}',
          dataplaneapi_bin: '${meta.dataplaneapi_bin}',
        });
        await agent.submit(forTests(job, { release, isPlain }));
        return await agent.waitDeployed('haproxy', 240_000);
      },
      startConnector: async (name) => {
        const address = `127.0.0.1:${await freePort()}`;
        const args = ['--config', config, '--http-listen', address];
        const program = await startCommand(args, { NOMAD_TOKEN: token });
        const member = { name, url: `http://${address}`, program };
        connectors.push(member);
        return member;
      },
      roleOf,
      leader: () =>
        waitFor('a leader', () => leaderAmong(connectors), { timeoutMs: 60_000, intervalMs: 100 }),
      drain: (node) =>
        setDrain(agent, node, {
          DrainSpec: { Deadline: 60_000_000_000, IgnoreSystemJobs: false },
          MarkEligible: false,
        }),
      undrain: (node) => setDrain(agent, node, { DrainSpec: null, MarkEligible: true }),
      file: (node, name) => readFile(join(home, node, name), 'utf8'),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function setDrain(agent: NomadAgent, node: string, body: object): Promise<void> {
  const listed = await agent.request<{ ID: string; Name: string }[]>('GET', '/v1/nodes');
  const id = listed.find(({ Name }) => Name === node)?.ID;
  await agent.request('POST', `/v1/node/${id}/drain`, body);
}

interface Programs {
  readonly haproxy: string;
  readonly dataplane: string;
  readonly isReal: boolean;
  readonly text: string;
}

/** DATAPLANEAPI_BIN_3_0 and DATAPLANEAPI_BIN_3_2 name the real ones, by HAProxy's series. */
async function programsOf(series: HaproxySeries): Promise<Programs> {
  const { bin: haproxy, version } = await findHaproxy(series);
  const own = process.env[`DATAPLANEAPI_BIN_${series.replace('.', '_')}`] ?? '';
  const real = own === '' ? (process.env['DATAPLANEAPI_BIN'] ?? '') : own;
  const isReal = real !== '';
  const dataplane = isReal ? real : await buildStandIn();
  const text = `HAProxy ${version}, Data Plane API ${isReal ? real : 'STAND-IN'}`;
  return { haproxy, dataplane, isReal, text };
}

async function putSecrets(agent: NomadAgent, pki: Pki | undefined): Promise<void> {
  const Path = 'nomad/jobs/haproxy';
  const read = (file: string | undefined): string =>
    file === undefined ? 'none' : readFileSync(file, 'utf8');
  const Items = { password, certificate: read(pki?.cert), key: read(pki?.key) };
  await agent.request('PUT', `/v1/var/${Path}`, { Path, Items });
}

function settings({ url }: NomadAgent, pki: Pki | undefined): object {
  const tls = pki === undefined ? {} : { ca_cert: pki.ca, tls_server_name: serverName };
  return {
    nomad: { address: url },
    haproxy: {
      ...{ username: 'connector', password, frontend: 'http', ...tls },
      discover: {
        ...{ service: 'haproxy-dataplane', job: 'haproxy' },
        scheme: pki === undefined ? 'http' : 'https',
      },
    },
    leader: { lock_path: lock, lock_ttl: '10s', lock_delay: '1s' },
  };
}

function policyWithLock(): string {
  const shipped = readFileSync(new URL('../../deploy/nomad-policy.hcl', import.meta.url), 'utf8');
  return shipped.replace(/^ {2}# {1,}((?:variables|path|capabilities|\}).*)$/gm, '$1');
}

async function roleOf({ url }: Member): Promise<'leader' | 'standby' | 'unready'> {
  const response = await fetch(`${url}/readyz`).catch(() => undefined);
  if (response?.status !== 200) return 'unready';
  const { role } = (await response.json()) as { role?: string };
  return role === 'standby' ? 'standby' : 'leader';
}

async function leaderAmong(members: readonly Member[]): Promise<Member | undefined> {
  for (const member of members) if ((await roleOf(member)) === 'leader') return member;
  return undefined;
}
