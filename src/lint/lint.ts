import type { DesiredRoute } from '../desired/types.js';
import { optsIn } from '../observe/catalog/model/tags.js';
import { asConnectorError } from '../shared/errors.js';
import { compareText } from '../shared/compare.js';
import { type Block, blocksOf } from './blocks.js';
import {
  adviceFindings,
  isOfGroup,
  problemFindings,
  serviceFindings,
  tagFindings,
  unreadFindings,
} from './findings.js';
import { type Around, type Outlook, outlookOf } from './outlook.js';
import type {
  BadFile,
  Finding,
  JobFile,
  LintedJob,
  LintedRoute,
  LintedService,
  LintReport,
} from './types.js';

/**
 * What would become of these jobs, all deployed together: the desired state that a pass would compute,
 * and the plan for it where HAProxy is known. Pure.
 */
export function lint(given: readonly (JobFile | BadFile)[], around: Around): LintReport {
  const { settings } = around;
  const read = given.map((one) => readBlocks(one, settings.tags.prefix));
  const jobs = read.flatMap((one) => ('blocks' in one ? [one] : []));
  const files = jobs.map(({ file }) => file);
  const blocks = jobs.flatMap((one) => one.blocks);
  const seen = outlookOf(blocks, around);
  const tags = blocks.flatMap((one) => tagFindings(one, settings));
  const findings = [
    ...read.flatMap((one) => ('blocks' in one ? [] : [badFinding(one)])),
    ...tags,
    ...serviceFindings(blocks, seen, tags),
    ...problemFindings(files, blocks, seen),
    ...files.flatMap((one) => unreadFindings(one, settings)),
    ...blocks.flatMap((one) => adviceFindings(one, seen, settings)),
  ];
  return {
    format_version: 1,
    live: around.live !== undefined,
    jobs: jobs.map((one) => lintedJob(one, seen, settings.tags.prefix)),
    findings: inOrder(findings, given),
  };
}

interface Read {
  readonly file: JobFile;
  readonly blocks: readonly Block[];
}

function readBlocks(file: JobFile | BadFile, prefix: string): Read | BadFile {
  if (!('job' in file)) return file;
  try {
    return { file, blocks: blocksOf(file, prefix) };
  } catch (error) {
    return { ...file, code: 'not-a-job', message: asConnectorError(error).message };
  }
}

function badFinding({ file, code, message }: BadFile): Finding {
  return { severity: 'error', code, message, file };
}

function lintedJob({ file, blocks }: Read, seen: Outlook, prefix: string): LintedJob {
  const enabled = blocks.filter(({ declaration }) => optsIn(declaration.tags, prefix));
  const labels = [...new Set(enabled.map(({ label }) => label))];
  return {
    file: file.file,
    job: file.job.ID,
    namespace: file.job.Namespace,
    services: labels.flatMap((label) => lintedService(label, seen)),
  };
}

function lintedService(label: string, { desired, skipped }: Outlook): LintedService[] {
  const backend = desired.backends.find(({ service }) => service === label);
  if (backend === undefined || skipped.some(({ service }) => service === label)) return [];
  const routes = desired.routes.filter(({ service }) => service === label);
  return [
    {
      service: label,
      backend: backend.name,
      check: backend.checkSummary,
      routes: routes.map(lintedRoute),
    },
  ];
}

function lintedRoute({ match, host, path = '', mode, frontends }: DesiredRoute): LintedRoute {
  return { route: `${hosts[match](host)}${path}`, mode, frontends };
}

const hosts: Readonly<Record<DesiredRoute['match'], (host: string) => string>> = {
  exact: (host) => host,
  prefix: (host) => `${host}*`,
  wildcard: (host) => `*.${host}`,
  regex: (host) => `~${host}`,
  any: () => '*',
};

const severities = ['error', 'warning', 'notice'] as const;

/** By file as given, then by line; the same thing once. */
function inOrder(findings: readonly Finding[], given: readonly { readonly file: string }[]) {
  const order = new Map(given.map(({ file }, at) => [file, at]));
  const at = ({ file }: Finding): number => order.get(file) ?? 0;
  const key = (one: Finding): string =>
    JSON.stringify(isOfGroup(one) ? { ...one, service: '', tag: '' } : one);
  const once = new Map(findings.map((one) => [key(one), one]));
  return [...once.values()].sort(
    (a, b) =>
      at(a) - at(b) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
      compareText(a.message, b.message),
  );
}
