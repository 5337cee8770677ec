import { compareText } from '../shared/compare.js';
import { longestDuration } from './grammar.js';
import type { CheckDefaults } from '../config/types.js';
import type { CheckSpec } from '../observe/types.js';
import { type Expectation, checkHost, checkPath, header, httpMethod } from './values.js';
import type { Tags } from './vocabulary.js';

/** How to check one instance. */
export interface Check {
  readonly shape: CheckShape;
  readonly timing: CheckTiming;
  /** If it differs from the service's port. */
  readonly port?: number;
  /** The job spec's check it is based on. */
  readonly spec?: CheckSpec;
  /** If it is shorter than allowed. */
  readonly askedIntervalMs?: number;
  /** For people: what was requested but isn't possible. */
  readonly fallbacks: readonly string[];
}

export interface CheckTiming {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
}

export type CheckShape =
  | { readonly kind: 'none' }
  | { readonly kind: 'tcp' }
  | {
      readonly kind: 'http';
      readonly method: string;
      readonly path: string;
      readonly host: string;
      /** Names and values, without Host. */
      readonly headers: readonly (readonly [string, string])[];
      readonly body?: string;
      readonly tls: boolean;
      readonly expect?: Expectation;
    }
  | {
      readonly kind: 'grpc';
      readonly service: string;
      readonly authority: string;
      readonly tls: boolean;
    };

export interface CheckInput {
  /** From the job version the instance runs. */
  readonly specs: readonly CheckSpec[];
  readonly tags: Tags;
  readonly defaults: CheckDefaults;
  /** A job or a tag can't ask for a shorter one. */
  readonly leastIntervalMs: number;
  /** Fallback for the Host header. */
  readonly host: string;
  /** Methods that a job spec's check may use; absent: any. */
  readonly methods?: readonly string[];
}

/** Precedence: tags, job spec, settings. */
export function resolveCheck(input: CheckInput): Check {
  const { specs, tags, defaults, leastIntervalMs } = input;
  const { spec, fallbacks } = chooseSpec(reachable(defaults.fromJobSpec ? specs : [], tags));
  const shaped = shapeOf(spec, input);
  const port = tags.checkPort ?? spec?.port;
  const asked = tags.checkInterval ?? timerOf(spec?.intervalMs);
  return {
    shape: shaped.shape,
    timing: {
      intervalMs: asked === undefined ? defaults.intervalMs : Math.max(asked, leastIntervalMs),
      timeoutMs: tags.checkTimeout ?? timerOf(spec?.timeoutMs) ?? defaults.timeoutMs,
      rise: tags.checkRise ?? defaults.rise,
      fall: tags.checkFall ?? defaults.fall,
    },
    ...(port === undefined ? {} : { port }),
    ...(asked === undefined || asked >= leastIntervalMs ? {} : { askedIntervalMs: asked }),
    ...(spec === undefined ? {} : { spec }),
    fallbacks: [...fallbacks, ...shaped.fallbacks],
  };
}

/**
 * HAProxy checks a server at the server's address. If Nomad's check uses another address, it
 * becomes TCP on the service's own port, unless a tag names a port.
 */
function reachable(specs: readonly CheckSpec[], tags: Tags): readonly CheckSpec[] {
  if (tags.checkPort !== undefined) return specs.map((spec) => without(spec, 'elsewhere'));
  const here = specs.filter(({ elsewhere }) => elsewhere === undefined);
  return here.length > 0 ? here : specs;
}

/**
 * Of several checks, the first http one is used, otherwise the first grpc, otherwise the first tcp.
 */
function chooseSpec(specs: readonly CheckSpec[]): { spec?: CheckSpec; fallbacks: string[] } {
  for (const kind of ['http', 'grpc', 'tcp']) {
    const spec = specs.find(({ type }) => type.toLowerCase() === kind);
    if (spec?.elsewhere !== undefined) return ownPort(spec, spec.elsewhere);
    if (spec !== undefined) return { spec, fallbacks: [] };
  }
  const first = specs[0];
  if (first === undefined) return { fallbacks: [] };
  const { type, name } = first;
  return { fallbacks: [`check ${name}: HAProxy can't run a ${type} check, so it uses TCP`] };
}

function ownPort(spec: CheckSpec, reason: string): { spec: CheckSpec; fallbacks: string[] } {
  const message = `check ${spec.name}: ${reason}, so HAProxy checks the service's own port by TCP`;
  return { spec: { ...without(spec, 'port'), type: 'tcp' }, fallbacks: [message] };
}

function without(spec: CheckSpec, key: 'port' | 'elsewhere'): CheckSpec {
  const { [key]: _, ...rest } = spec;
  return rest;
}

interface Shaped {
  readonly shape: CheckShape;
  readonly fallbacks: readonly string[];
}

const noFallbacks: readonly string[] = [];

function shapeOf(spec: CheckSpec | undefined, input: CheckInput): Shaped {
  const { tags, host } = input;
  if (tags.checkDisabled === true) return { shape: { kind: 'none' }, fallbacks: noFallbacks };
  switch (kindOf(spec, tags)) {
    case 'http':
      return httpShape(spec, input);
    case 'https': {
      const { shape, fallbacks } = httpShape(spec, input);
      return { shape: shape.kind === 'http' ? { ...shape, tls: true } : shape, fallbacks };
    }
    case 'grpc':
      return grpcShape(spec, tags, host);
    case 'tcp':
      return { shape: { kind: 'tcp' }, fallbacks: noFallbacks };
  }
}

function kindOf(spec: CheckSpec | undefined, tags: Tags): 'http' | 'https' | 'tcp' | 'grpc' {
  if (tags.checkType !== undefined) return tags.checkType;
  const type = spec?.type.toLowerCase();
  if (tags.checkPath ?? tags.checkMethod ?? tags.checkHost ?? tags.checkExpect) return 'http';
  return type === 'http' || type === 'grpc' ? type : 'tcp';
}

/**
 * Printable ASCII except `%`, `\` and `$`, and at most one kind of quotes: the other kind encloses
 * it.
 */
const bodyPattern = /^(?:[ !"#&(-[\]-~]{1,1024}|[ !#&-[\]-~]{1,1024})$/;

function writableBody(body: string): string | undefined {
  return bodyPattern.test(body) ? body : undefined;
}

function httpShape(spec: CheckSpec | undefined, { tags, host, methods }: CheckInput): Shaped {
  const own = spec?.type.toLowerCase() === 'http' ? spec : undefined;
  const path = tags.checkPath ?? checkPath.parse(own?.path || '/');
  const method = tags.checkMethod ?? httpMethod.parse(own?.method || 'GET');
  const body = own?.body === undefined ? '' : writableBody(own.body);
  if (path === undefined || method === undefined || body === undefined) {
    const what = path === undefined ? 'path' : method === undefined ? 'method' : 'body';
    const fallback = `check ${own?.name ?? ''}: its ${what} can't be written to haproxy.cfg, so it uses TCP`;
    return { shape: { kind: 'tcp' }, fallbacks: [fallback] };
  }
  if (tags.checkMethod === undefined && methods?.includes(method) === false) {
    const fallback = `check ${own?.name ?? ''}: policy.check_methods does not list ${method}, so it uses TCP`;
    return { shape: { kind: 'tcp' }, fallbacks: [fallback] };
  }
  const { hostHeader, headers, fallbacks } = specHeaders(own);
  const shape: CheckShape = {
    kind: 'http',
    method,
    path,
    host: tags.checkHost ?? hostHeader ?? host,
    headers,
    ...(body === '' ? {} : { body }),
    tls: own?.protocol === 'https' || sameTls(spec, tags),
    ...(tags.checkExpect === undefined ? {} : { expect: tags.checkExpect }),
  };
  return { shape, fallbacks };
}

/** If the service's own port speaks TLS, so does a check of that port. */
function sameTls(spec: CheckSpec | undefined, tags: Tags): boolean {
  return tags.serverSsl === true && tags.checkPort === undefined && spec?.port === undefined;
}

/** HAProxy refuses a line of more than 64 words: 13 for method, path, version, Host and body, 3 for a header. */
const mostHeaders = 16;

function specHeaders(spec: CheckSpec | undefined) {
  const headers: [string, string][] = [];
  const fallbacks: string[] = [];
  let hostHeader: string | undefined;
  for (const [name, values] of Object.entries(spec?.headers ?? {})) {
    for (const value of values) {
      const isHost = name.toLowerCase() === 'host';
      const parsed = isHost ? checkHost.parse(value) : header.parse(`${name}: ${value}`)?.value;
      if (parsed === undefined || parsed === '') {
        fallbacks.push(
          `check ${spec?.name ?? ''}: header ${name} is omitted because HAProxy can't send it`,
        );
      } else if (isHost) hostHeader ??= parsed;
      else headers.push([name, parsed]);
    }
  }
  headers.sort(([a], [b]) => compareText(a, b));
  const omitted = headers.splice(mostHeaders);
  if (omitted.length > 0) {
    fallbacks.push(
      `check ${spec?.name ?? ''}: ${omitted.length} headers are omitted because HAProxy's line holds ${mostHeaders}`,
    );
  }
  return { headers, fallbacks, ...(hostHeader === undefined ? {} : { hostHeader }) };
}

const grpcServicePattern = /^[A-Za-z0-9._/-]{0,128}$/;

function grpcShape(spec: CheckSpec | undefined, tags: Tags, host: string): Shaped {
  const own = spec?.type.toLowerCase() === 'grpc' ? spec : undefined;
  const service = own?.grpcService ?? '';
  if (!grpcServicePattern.test(service)) {
    const fallback = `check ${own?.name ?? ''}: HAProxy can't check its gRPC service by name, so it uses TCP`;
    return { shape: { kind: 'tcp' }, fallbacks: [fallback] };
  }
  const authority = tags.checkHost ?? host;
  return {
    shape: { kind: 'grpc', service, authority, tls: sameTls(spec, tags) },
    fallbacks: noFallbacks,
  };
}

/** HAProxy's timers end at 24.8 days, Nomad's don't. */
function timerOf(value: number | undefined): number | undefined {
  if (value === undefined || !(value > 0)) return undefined;
  return Math.min(longestDuration, Math.max(1, Math.round(value)));
}
