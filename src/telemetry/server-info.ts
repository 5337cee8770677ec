import type { Registry } from 'prom-client';

import type { ActualBackend, ActualSlot, ActualState } from '../actual/types.js';
import { allocationOf } from '../observe/catalog/model/allocation.js';
import type { AllocationFacts, Catalog } from '../observe/types.js';
import type { Picture } from '../pass/picture.js';
import { Memo, memoLast } from '../shared/memo.js';
import { visible } from '../shared/text.js';

/**
 * The labels. `proxy` and `server` are those of HAProxy's own exporter. Not `job` and `instance`:
 * Prometheus gives these to the connector's scrape. An unknown value is empty, which PromQL takes for
 * a missing label.
 */
export interface ServerInfo {
  readonly proxy: string;
  readonly server: string;
  readonly namespace: string;
  readonly service: string;
  readonly nomad_job: string;
  readonly job_version: string;
  readonly task_group: string;
  readonly alloc_id: string;
  readonly node: string;
}

export interface ServerInfoMetric {
  /** Instead of the target's last picture. */
  readonly succeeded: (picture: Picture) => void;
  /** In Prometheus's text format. */
  readonly text: () => string;
}

export interface AllServerInfo extends ServerInfoMetric {
  readonly joined: (target: string) => void;
  readonly left: (target: string) => void;
}

type Backends = ActualState['backends'];
type Allocations = Catalog['allocations'];

const name = 'haproxy_nomad_connector_server_info';
const head = `# HELP ${name} The instance behind each of the connector's servers in HAProxy; always 1.
# TYPE ${name} gauge
`;

/**
 * One series for each server that is bound to an instance, draining ones too; gone when it is freed.
 * Text instead of a Gauge of prom-client's, which is filled and printed as a whole each time: with
 * 10,000 instances, a tenth of a second per scrape. This is made by the first scrape after a change,
 * for the backends that changed.
 *
 * Unless there is one target and always will be, each series has the label `haproxy`.
 */
export function createServerInfo(targets: readonly string[]): AllServerInfo {
  const isOne = targets.length === 1;
  const parts = new Map<string, ServerInfoMetric>();
  const joined = (target: string): void => {
    parts.set(target, createPart(isOne ? {} : { haproxy: target }));
  };
  targets.forEach(joined);
  return {
    joined,
    left: (target) => parts.delete(target),
    succeeded: (picture) => parts.get(picture.target)?.succeeded(picture),
    text: () => head + [...parts.values()].map(({ text }) => text()).join(''),
  };
}

function createPart(common: Readonly<Record<string, string>>): ServerInfoMetric {
  const memo = new Memo<string>();
  let last: Picture | undefined;
  const textOf = memoLast((backends: Backends, allocations: Allocations): string => {
    memo.begin();
    return Object.values(backends)
      .map((backend) => {
        const facts = backend.slots.map((slot) => factsOf(slot, allocations));
        const make = (): string => linesOf(serverInfos(backend, facts), common);
        return memo.get(backend.name, [backend, ...facts], make);
      })
      .join('');
  });
  return {
    succeeded: (picture) => (last = picture),
    text: () => (last === undefined ? '' : textOf(last.actual.backends, last.catalog.allocations)),
  };
}

function factsOf({ binding }: ActualSlot, allocations: Allocations): AllocationFacts | undefined {
  return binding === undefined ? undefined : allocations[allocationOf(binding.id)];
}

/** `facts`: by slot, of its allocation. */
export function serverInfos(
  { name: proxy, slots }: ActualBackend,
  facts: readonly (AllocationFacts | undefined)[],
): readonly ServerInfo[] {
  return slots.flatMap(({ name: server, service: label, binding }, at) => {
    if (binding === undefined) return [];
    const { namespace, service } = serviceOf(label);
    const instance = instanceOf(binding.job ?? service, allocationOf(binding.id), facts[at]);
    return [{ proxy, server, namespace, service, ...instance }];
  });
}

/** All empty for a target of a route file. */
function instanceOf(job: string, allocId: string, facts: Partial<AllocationFacts> = {}) {
  return {
    nomad_job: allocId === '' ? '' : (facts.jobId ?? job),
    job_version: String(facts.jobVersion ?? ''),
    task_group: facts.group ?? '',
    alloc_id: allocId,
    node: facts.node ?? '',
  };
}

/** `default/web` by its parts; a route file's service has no namespace. */
function serviceOf(label: string): Pick<ServerInfo, 'namespace' | 'service'> {
  const at = label.startsWith('file:') ? -1 : label.indexOf('/');
  return { namespace: label.slice(0, Math.max(0, at)), service: label.slice(at + 1) };
}

function linesOf(infos: readonly ServerInfo[], common: Readonly<Record<string, string>>): string {
  return infos
    .map((info) => {
      const labels = Object.entries({ ...common, ...info });
      return `${name}{${labels.map(([label, value]) => `${label}="${escaped(value)}"`).join()}} 1\n`;
    })
    .join('');
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
function escaped(value: string): string {
  return visible(value).replace(/[\\"]/g, '\\$&');
}

/** What `/metrics` answers: the registry's metrics and this one. */
export function withServerInfo(
  registry: Registry,
  { text }: Pick<ServerInfoMetric, 'text'>,
): Pick<Registry, 'metrics' | 'contentType'> {
  return {
    contentType: registry.contentType,
    metrics: async () => (await registry.metrics()) + text(),
  };
}
