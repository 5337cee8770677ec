/** The job files of HAProxy in deploy/nomad, as Nomad's own command reads them. */

import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

import type { JobSpec } from '../../fixtures/nomad/types.js';

const run = promisify(execFile);
export const deployFolder = resolve(import.meta.dirname, '../../deploy/nomad');
const perMs = 1_000_000;

/** As far as tests look at it or change it. */
export interface HaproxyJob {
  readonly ID: string;
  readonly Type: string;
  Meta: Record<string, string> | null;
  readonly Update: { MinHealthyTime: number };
  readonly TaskGroups: readonly {
    ShutdownDelay: number;
    readonly Tasks: readonly {
      readonly Name: string;
      readonly Templates: readonly { readonly DestPath: string; EmbeddedTmpl: string }[] | null;
    }[];
  }[];
}

/** `nomad job run -output`: parses the file, and the files that it names, and sends nothing. */
export async function readJob(
  bin: string,
  file: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<HaproxyJob> {
  const given = Object.entries(variables).map(([name, value]) => `-var=${name}=${value}`);
  const { stdout } = await run(bin, ['job', 'run', '-output', ...given, file], {
    cwd: deployFolder,
  });
  return (JSON.parse(stdout) as { Job: HaproxyJob }).Job;
}

/** `nomad job validate`, without an agent. */
export async function validateJob(bin: string, file: string): Promise<string> {
  const env = { ...process.env, NOMAD_ADDR: 'http://127.0.0.1:9' };
  const { stdout } = await run(bin, ['job', 'validate', file], { cwd: deployFolder, env });
  return stdout;
}

export interface JobChanges {
  /** A new one is a new version of the job. */
  readonly release: string;
  /** The Data Plane API speaks http, as the stand-in only can. */
  readonly isPlain: boolean;
}

/** With shorter times, and what the tests need in HAProxy's own configuration. */
export function forTests(job: HaproxyJob, { release, isPlain }: JobChanges): JobSpec {
  const [group] = job.TaskGroups;
  if (group === undefined) throw new Error('the job has no group');
  job.Meta = { release };
  group.ShutdownDelay = 3000 * perMs;
  job.Update.MinHealthyTime = 2000 * perMs;
  for (const template of group.Tasks.flatMap(({ Templates }) => Templates ?? [])) {
    if (template.DestPath.endsWith('haproxy.cfg')) template.EmbeddedTmpl += namesake;
    if (isPlain) template.EmbeddedTmpl = withoutTls(template.EmbeddedTmpl);
  }
  return job as unknown as JobSpec;
}

/** HAProxy refuses a second table of one name: that of a service `bad` with a rate limit. */
const namesake = `
frontend nomad_bad from web
  stick-table type ip size 1k
`;

function withoutTls(text: string): string {
  return text
    .replace('scheme: [https]', 'scheme: [http]')
    .replace('  tls:\n', '')
    .replace('    tls_host:', '  host:')
    .replace('    tls_port:', '  port:')
    .replace(/^ {4}tls_(certificate|key):.*\n/gm, '');
}
