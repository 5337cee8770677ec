import type { Settings } from '../config/types.js';
import { formatMs } from '../desired/check-section.js';
import { parseTags } from '../desired/tags.js';
import type { DesiredBackend } from '../desired/types.js';
import { optsIn } from '../observe/catalog/model/tags.js';
import { isObject, type Json, type JsonObject, objectsOf, textAt } from '../shared/json.js';
import type { AdviceCode, Severity } from './types.js';

export interface Advice {
  readonly severity: Severity;
  readonly code: AdviceCode;
  readonly message: string;
}

/** A service block with what surrounds it in the job, and what became of it. */
export interface Subject {
  readonly job: JsonObject;
  readonly group: JsonObject;
  /** Of a task-level service. */
  readonly task?: JsonObject;
  readonly service: JsonObject;
  readonly tags: readonly string[];
  readonly shutdownDelayMs: number;
  /** Absent if it is refused. */
  readonly backend?: DesiredBackend;
  readonly isRouted: boolean;
}

type Rule = (subject: Subject, settings: Settings) => Advice | undefined;

/** What a deploy or a stop of this service would cost, though nothing about it is refused. */
export function adviceFor(subject: Subject, settings: Settings): readonly Advice[] {
  return rules.flatMap((rule) => rule(subject, settings) ?? []);
}

const perMs = 1_000_000;

function milliseconds(value: Json | undefined): number | undefined {
  return typeof value === 'number' ? value / perMs : undefined;
}

/** Nomad's defaults. */
const usual = { minHealthyMs: 10_000, killTimeoutMs: 5000 } as const;

const shutdownDelay: Rule = ({ shutdownDelayMs }) =>
  shutdownDelayMs > 0
    ? undefined
    : {
        severity: 'warning',
        code: 'no-shutdown-delay',
        message:
          'without shutdown_delay, an instance gets the kill signal at the moment it leaves the ' +
          'catalog, before HAProxy can know: requests are lost. Set a few seconds in the group',
      };

/** Requests that may last longer than the instance. */
const killTimeout: Rule = ({ group, task, tags, shutdownDelayMs }, settings) => {
  const { timeoutServer } = parseTags(settings.tags.prefix, tags).tags;
  if (timeoutServer === undefined) return undefined;
  const tasks = task === undefined ? objectsOf(group['Tasks']) : [task];
  const timeouts = tasks.map(({ KillTimeout }) => milliseconds(KillTimeout) ?? usual.killTimeoutMs);
  const leftMs = shutdownDelayMs + Math.min(...timeouts, Infinity);
  const neededMs = Math.min(timeoutServer, settings.haproxy.drainTimeoutMs);
  if (neededMs <= leftMs) return undefined;
  return {
    severity: 'notice',
    code: 'kill-timeout',
    message:
      `a request may take ${formatMs(neededMs)}, but an instance is killed ${formatMs(leftMs)} ` +
      'after it leaves the catalog (shutdown_delay and kill_timeout): longer ones are cut',
  };
};

const check: Rule = ({ backend, service }) => {
  if (backend === undefined || backend.kind === 'custom') return undefined;
  if (!backend.hasCheck) {
    const message =
      'no check: HAProxy sends requests as soon as an instance is registered, before it listens';
    return { severity: 'warning', code: 'no-check', message };
  }
  const isTcp = backend.section['adv_check'] === 'tcp-check';
  const isAsked = objectsOf(service['Checks']).length > 0;
  if (!isTcp || isAsked || isTagged(backend)) return undefined;
  const message =
    'the service has no check: HAProxy only tests that the port accepts connections. An http check ' +
    'in the job is used by Nomad and HAProxy alike';
  return { severity: 'notice', code: 'no-check', message };
};

function isTagged({ origins }: DesiredBackend): boolean {
  return Object.entries(origins).some(([key, from]) => /^check\./.test(key) && from === 'tag');
}

/** How long HAProxy's own check of a new instance takes: the first at its interval, then faster. */
function checkTimeMs({ section, serverFields }: DesiredBackend): number | undefined {
  const own = isObject(section['default_server']) ? section['default_server'] : serverFields;
  const { check: isOn, inter, fastinter, rise } = own;
  if (isOn !== 'enabled' || typeof inter !== 'number' || typeof rise !== 'number') return undefined;
  return inter + (rise - 1) * (typeof fastinter === 'number' ? fastinter : inter);
}

const minHealthyTime: Rule = ({ job, group, backend }, { checks }) => {
  const update = updateOf(job, group);
  const neededMs = backend === undefined ? undefined : checkTimeMs(backend);
  if (update === undefined || neededMs === undefined) return undefined;
  const healthyMs = milliseconds(update['MinHealthyTime']) ?? usual.minHealthyMs;
  if (healthyMs >= neededMs) return undefined;
  const times = `HAProxy's check of a new instance takes up to ${formatMs(neededMs)}, but Nomad goes on after a min_healthy_time of ${formatMs(healthyMs)}`;
  return checks.probe
    ? {
        severity: 'notice',
        code: 'min-healthy-time',
        message: `${times}: where the connector can't run the check itself, fewer instances serve during a deploy`,
      }
    : {
        severity: 'warning',
        code: 'min-healthy-time',
        message: `${times}: fewer instances serve during a deploy`,
      };
};

/** Undefined where Nomad makes no rolling updates that wait for health. */
function updateOf(job: JsonObject, group: JsonObject): JsonObject | undefined {
  const type = textAt(job, 'Type');
  if (type !== '' && type !== 'service') return undefined;
  const given = [job['Update'], group['Update']].filter(isObject);
  const present = given.map((one) =>
    Object.fromEntries(Object.entries(one).filter(([, value]) => value !== null)),
  );
  const update = Object.assign({}, ...present) as JsonObject;
  return update['MaxParallel'] === 0 ? undefined : update;
}

function canariesOf({ job, group }: Subject): number {
  const canaries = updateOf(job, group)?.['Canary'];
  return typeof canaries === 'number' ? canaries : 0;
}

const canaryTags: Rule = (subject, { tags: { prefix } }) => {
  const { backend, service, tags } = subject;
  if (canariesOf(subject) === 0) return undefined;
  const given = Array.isArray(service['CanaryTags']) ? (service['CanaryTags'] as Json[]) : [];
  const own = given.filter((tag) => typeof tag === 'string');
  if (own.length > 0 && !optsIn(own, prefix)) {
    const message = `canary_tags lack ${prefix}.enable=true: canaries get no requests until they are promoted`;
    return { severity: 'notice', code: 'canary-tags', message };
  }
  const { canaryWeight, canaryHeader } = parseTags(prefix, own.length > 0 ? own : tags).tags;
  if (canaryWeight !== undefined || canaryHeader !== undefined) return undefined;
  if (backend === undefined || backend.canaries !== undefined) return undefined;
  const message = `canaries get as many requests as any other instance: neither ${prefix}.canary.weight nor ${prefix}.canary.header is set`;
  return { severity: 'notice', code: 'canary-tags', message };
};

const staticPort: Rule = (subject) => {
  const { group } = subject;
  const count = typeof group['Count'] === 'number' ? group['Count'] : 1;
  const wanted = Math.max(count, canariesOf(subject) > 0 ? count + canariesOf(subject) : 0);
  if (wanted < 2) return undefined;
  const ports = objectsOf(group['Networks'])
    .flatMap((network) => objectsOf(network['ReservedPorts']))
    .flatMap(({ Value }) => (typeof Value === 'number' && Value > 0 ? [Value] : []));
  const [port] = ports;
  if (port === undefined) return undefined;
  const message = `${wanted} instances with the static port ${port} need as many nodes; on a node that has none left, Nomad stops the old instance before it starts the new one`;
  return { severity: 'notice', code: 'static-port', message };
};

/** Nomad 2.0 registers such a service with the port 0. */
const port: Rule = ({ backend, service }) => {
  if (backend === undefined || textAt(service, 'PortLabel') !== '') return undefined;
  const message =
    "the service has no port, so none of its instances can be used: name one of the group's network";
  return { severity: 'warning', code: 'no-port', message };
};

const route: Rule = ({ backend, isRouted }, { tags: { prefix } }) => {
  if (backend === undefined || backend.kind === 'custom' || isRouted) return undefined;
  const message = `neither ${prefix}.domain nor ${prefix}.path is set: the service gets a backend and no route`;
  return { severity: 'notice', code: 'no-route', message };
};

const rules: readonly Rule[] = [
  shutdownDelay,
  killTimeout,
  check,
  minHealthyTime,
  canaryTags,
  staticPort,
  port,
  route,
];
