import type { DesiredWarningCode, SkipCode } from '../desired/types.js';
import type { ProblemCode } from '../diff/types.js';
import type { WireJob } from '../observe/nomad/answers/shapes.js';
import type { JsonObject } from '../shared/json.js';

/** A job as the connector would read it, and where it came from. */
export interface JobFile {
  /** As on the command line. */
  readonly file: string;
  readonly text: string;
  /** The whole job, for what the connector doesn't read. */
  readonly raw: JsonObject;
  readonly job: WireJob;
}

/** A file from which no job could be made. */
export interface BadFile {
  readonly file: string;
  readonly text: string;
  readonly code: 'unreadable' | 'not-a-job' | 'hcl-invalid' | 'hcl-unparsed';
  readonly message: string;
}

/** Advice that isn't the connector's own warning. */
export const adviceCodes = [
  'provider',
  'not-enabled',
  'out-of-scope',
  'run-time-name',
  'run-time-tag',
  'no-port',
  'no-route',
  'no-shutdown-delay',
  'kill-timeout',
  'no-check',
  'min-healthy-time',
  'canary-tags',
  'static-port',
  'live-unchecked',
] as const;

export type AdviceCode = (typeof adviceCodes)[number];

export type FindingCode =
  AdviceCode | BadFile['code'] | SkipCode | DesiredWarningCode | ProblemCode;

/**
 * | severity | means | fails |
 * |---|---|---|
 * | error | something that the job asks for is refused | always |
 * | warning | requests may be lost, or a tag has no effect | with `--strict` |
 * | notice | worth knowing | never |
 */
export type Severity = 'error' | 'warning' | 'notice';

export interface Finding {
  readonly severity: Severity;
  readonly code: FindingCode;
  readonly message: string;
  readonly file: string;
  /** From 1; absent if it is about no line that can be found. */
  readonly line?: number;
  readonly job?: string;
  /** `namespace/service`. */
  readonly service?: string;
  readonly tag?: string;
}

export interface LintedRoute {
  /** `shop.example.com/api`, `*.example.com`, `~^a\.example\.com$`. */
  readonly route: string;
  readonly mode: 'http' | 'tcp';
  readonly frontends: readonly string[];
}

export interface LintedService {
  readonly service: string;
  readonly backend: string;
  /** `check GET /health every 10s`. */
  readonly check: string;
  readonly routes: readonly LintedRoute[];
}

export interface LintedJob {
  readonly file: string;
  readonly job: string;
  readonly namespace: string;
  /** Those that would be served. */
  readonly services: readonly LintedService[];
}

export interface LintReport {
  readonly format_version: 1;
  /** Whether other jobs' claims and HAProxy's configuration were looked at. */
  readonly live: boolean;
  readonly jobs: readonly LintedJob[];
  readonly findings: readonly Finding[];
}
