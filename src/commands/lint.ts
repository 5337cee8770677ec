import { readFileSync } from 'node:fs';
import { text as textOf } from 'node:stream/consumers';

import { type Assembly, assemble } from '../assembly.js';
import type { LintCommand } from '../cli/command-types.js';
import type { ExitCode } from '../cli/exit-codes.js';
import { policySource } from '../config/policy-source.js';
import type { Settings } from '../config/types.js';
import { isHcl, jobFromJson, jobFromText, type Source } from '../lint/job-file.js';
import { lint } from '../lint/lint.js';
import type { Live } from '../lint/outlook.js';
import { countsOf, printReport } from '../lint/print.js';
import type { BadFile, Finding, JobFile, LintReport } from '../lint/types.js';
import { namespacesOf } from '../config/namespaces.js';
import type { NomadClient } from '../observe/nomad/client.js';
import { parseHcl } from '../observe/nomad/parse-job.js';
import { ownEndpoints } from '../pass/own-endpoints.js';
import { watchRoutes } from '../routes/folder.js';
import { asConnectorError } from '../shared/errors.js';
import { withTargets } from './discovered.js';
import type { Around, Built } from './types.js';

/**
 * `lint`: what would become of job files. Sends nothing but GET, and HCL to Nomad's parser; writes
 * nothing.
 */
export async function runLint(
  command: LintCommand,
  built: Built,
  { print, signal, env }: Around,
): Promise<ExitCode> {
  const { logger, onToken, redact } = built;
  // Without them, it says that it didn't look at HAProxy.
  const settings = command.offline
    ? built.settings
    : await withTargets(built, signal).catch(() => built.settings);
  const folder = watchRoutes(settings.routes.directory, { logger });
  const inForce = { ...settings, policy: policySource(settings).current() };
  const assembly = assemble(settings, {
    writes: false,
    routeFiles: folder.current,
    hooks: { onToken },
  });
  try {
    const sources = await Promise.all(command.files.map(readSource));
    const namespace = defaultNamespace(settings, env['NOMAD_NAMESPACE']);
    const files = await Promise.all(
      sources.map((one) => readJob(one, namespace, assembly.nomad, signal)),
    );
    const read = command.offline
      ? { reason: undefined }
      : await readLive(assembly, settings, signal);
    const live = 'live' in read ? { live: read.live } : {};
    const around = { settings: inForce, routes: folder.current(), now: Date.now(), ...live };
    const report = withNotice(lint(files, around), 'reason' in read ? read.reason : undefined);
    print(printReport(report, command.format, redact));
    const { errors, warnings } = countsOf(report);
    return errors > 0 || (command.strict && warnings > 0) ? 1 : 0;
  } finally {
    folder.close();
    assembly.nomad.close();
  }
}

/** `-` is stdin. */
async function readSource(file: string): Promise<Source | BadFile> {
  try {
    const text = file === '-' ? await textOf(process.stdin) : readFileSync(file, 'utf8');
    return { file: file === '-' ? 'stdin' : file, text };
  } catch (cause) {
    const message = `can't be read: ${(cause as NodeJS.ErrnoException).code ?? 'unknown error'}`;
    return { file, text: '', code: 'unreadable', message };
  }
}

/** Where a job that names none would run. */
function defaultNamespace({ nomad }: Settings, given: string | undefined): string {
  const [first = 'default', ...others] = namespacesOf(given ?? nomad.namespace);
  return others.length > 0 || first === '*' ? 'default' : first;
}

async function readJob(
  source: Source | BadFile,
  namespace: string,
  nomad: NomadClient,
  signal: AbortSignal,
): Promise<JobFile | BadFile> {
  if ('code' in source) return source;
  const { file, text } = source;
  if (!isHcl(file, text)) return jobFromText(source, namespace);
  const parsed = await parseHcl(nomad, text, signal);
  if (parsed.status === 'parsed') return jobFromJson(source, parsed.job, namespace);
  const { status, message } = parsed;
  if (status === 'refused') return { ...source, code: 'hcl-invalid', message };
  const name = file === 'stdin' ? 'FILE' : file;
  const hint = `HCL is parsed by Nomad, which could not be asked. Without it: nomad job run -output ${name} > job.json, and check job.json`;
  return { ...source, code: 'hcl-unparsed', message: `${hint} (${message})` };
}

type LiveRead = { readonly live: Live } | { readonly reason: string | undefined };

/** What a dry run sees. Without it, only the jobs themselves are checked. */
async function readLive(
  { pass }: Assembly,
  settings: Settings,
  signal: AbortSignal,
): Promise<LiveRead> {
  const outcomes = await pass(() => true, signal);
  // With several HAProxies, the first that answers.
  const outcome = outcomes.find((one) => 'picture' in one) ?? outcomes[0];
  if (outcome === undefined || 'error' in outcome) {
    const error = outcome?.error;
    if (error?.code === 'aborted') throw error;
    return { reason: asConnectorError(error ?? 'no target').message };
  }
  const { catalog, actual, rest } = outcome.picture;
  const endpoints = await ownEndpoints(settings)();
  return { live: { catalog, actual, endpoints, problems: rest.problems } };
}

function withNotice(report: LintReport, reason: string | undefined): LintReport {
  const [first] = [...report.jobs, ...report.findings];
  if (reason === undefined || first === undefined) return report;
  const notice: Finding = {
    severity: 'notice',
    code: 'live-unchecked',
    message: `claims of other jobs and HAProxy's configuration were not checked: ${reason}`,
    file: first.file,
  };
  return { ...report, findings: [...report.findings, notice] };
}
