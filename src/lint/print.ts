import { plainJson, visible } from '../shared/text.js';
import type { Finding, LintedJob, LintReport, Severity } from './types.js';

export type LintFormat = 'text' | 'json' | 'github';

/** `redact` is applied to every text. */
export function printReport(
  report: LintReport,
  format: LintFormat,
  redact: (text: string) => string,
): string {
  switch (format) {
    case 'json':
      return `${plainJson({ ...report, summary: countsOf(report) }, 2, redact)}\n`;
    case 'github':
      return report.findings.map((one) => `${annotation(one, redact)}\n`).join('');
    case 'text':
      return textOf(report, (text) => visible(redact(text)));
  }
}

export interface Counts {
  readonly routes: number;
  readonly errors: number;
  readonly warnings: number;
  readonly notices: number;
}

export function countsOf({ jobs, findings }: LintReport): Counts {
  const count = (wanted: Severity): number =>
    findings.filter(({ severity }) => severity === wanted).length;
  const routes = jobs.flatMap(({ services }) => services).flatMap((one) => one.routes);
  return {
    routes: routes.length,
    errors: count('error'),
    warnings: count('warning'),
    notices: count('notice'),
  };
}

function textOf(report: LintReport, clean: (text: string) => string): string {
  const { jobs, findings } = report;
  const files = [...new Set([...jobs, ...findings].map(({ file }) => file))];
  const parts = files.flatMap((file) => [
    clean(file),
    ...jobs
      .filter((one) => one.file === file)
      .flatMap(jobLines)
      .map(clean),
    ...findings
      .filter((one) => one.file === file)
      .map(findingLine)
      .map(clean),
  ]);
  return [...parts, summary(report), ''].join('\n');
}

function jobLines({ job, namespace, services }: LintedJob): string[] {
  return [
    `  job ${job}${namespace === 'default' ? '' : ` in namespace ${namespace}`}`,
    ...services.flatMap(({ service, backend, check, routes }) => [
      `    service ${service} -> backend ${backend}, ${check}`,
      ...routes.map(({ route, frontends }) => `      ${route} in ${frontends.join(', ')}`),
    ]),
  ];
}

function findingLine({ severity, code, message, line, service }: Finding): string {
  const where = [
    ...(line === undefined ? [] : [`line ${line}`]),
    ...(service === undefined || message.includes(service) ? [] : [`service ${service}`]),
  ].join(', ');
  return `  ${severity.padEnd(7)}  ${where === '' ? '' : `${where}: `}${message} [${code}]`;
}

function summary(report: LintReport): string {
  const { routes, errors, warnings, notices } = countsOf(report);
  const counts = [
    many(errors, 'error'),
    many(warnings, 'warning'),
    many(notices, 'notice'),
    many(routes, 'route'),
  ];
  const live = report.live ? '' : ' Claims of other jobs were not checked.';
  return `${counts.join(', ')}.${live}`;
}

function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** A workflow command of GitHub's, which shows the message beside the line. */
function annotation(finding: Finding, redact: (text: string) => string): string {
  const { severity, code, message, file, line } = finding;
  const property = (text: string): string =>
    data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
  const data = (text: string): string =>
    visible(redact(text)).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const at = [`file=${property(file)}`, ...(line === undefined ? [] : [`line=${line}`])];
  return `::${severity} ${[...at, `title=${property(code)}`].join(',')}::${data(message)}`;
}
