import { jobFromText } from '../../src/lint/job-file.js';
import { lint } from '../../src/lint/lint.js';
import type { Around } from '../../src/lint/outlook.js';
import type { JobFile, LintReport } from '../../src/lint/types.js';
import { settings } from '../desired/given.js';

const second = 1_000_000_000;

export interface GivenService {
  readonly name?: string;
  readonly tags?: readonly string[];
  readonly more?: object;
}

/** A group with one service and nothing to say against it. */
export function jobOf(service: GivenService = {}, group: object = {}, job: object = {}): object {
  const { name = 'web', tags = [], more = {} } = service;
  const check = { Type: 'http', Path: '/', Interval: 5 * second, Timeout: second };
  return {
    ID: 'web',
    Type: 'service',
    TaskGroups: [
      {
        Name: 'group',
        ShutdownDelay: 5 * second,
        Services: [
          {
            Name: name,
            Provider: 'nomad',
            PortLabel: 'http',
            Tags: ['haproxy.enable=true', 'haproxy.domain=x.io', ...tags],
            Checks: [check],
            ...more,
          },
        ],
        Tasks: [{ Name: 'app' }],
        ...group,
      },
    ],
    ...job,
  };
}

export function fileOf(content: object, file = 'web.json'): JobFile {
  const read = jobFromText({ file, text: JSON.stringify(content, null, 2) }, 'default');
  if (!('job' in read)) throw new Error(read.message);
  return read;
}

export const around: Around = {
  settings,
  routes: { files: [], bad: [] },
  now: 1_700_000_000_000,
};

export function lintJob(content: object, given: Partial<Around> = {}): LintReport {
  return lint([fileOf(content)], { ...around, ...given });
}

/** `severity code`. */
export function told({ findings }: LintReport): string[] {
  return findings.map(({ severity, code }) => `${severity} ${code}`);
}
