import { mapNames } from '../../haproxy/map-names.js';
import { reachOf } from '../../haproxy/networks.js';
import { ownCheckPort } from '../../haproxy/slots.js';
import {
  mergedFields,
  type Probe,
  type ServerCheck,
  serverCheck,
} from '../../haproxy/server-check.js';
import type { ActualBackend, ActualSlot } from '../../actual/types.js';
import type { Settings } from '../../config/types.js';
import type { Endpoint } from '../../desired/types.js';
import { flatMapInSlices, runThrough, type Sliced } from '../../shared/slices.js';
import { allocationOf } from '../../observe/catalog/model/allocation.js';
import { isSlotStep, isStructural } from '../dispatch.js';
import type { OpenServer, Step } from '../types.js';
import type { PlanInput } from './input.js';
import { isWaiting } from './server-facts.js';

export type ProbeInput = Pick<PlanInput, 'actual' | 'desired'> & {
  readonly settings: Pick<Settings, 'checks' | 'routing'>;
  readonly catalog: Pick<PlanInput['catalog'], 'allocations'>;
};

/**
 * Of the servers that wait for their check, and of those in `watched`, the ones whose check the
 * connector can run as HAProxy does. Each of these excludes one:
 *
 * | what | why |
 * |---|---|
 * | there is a step for it or its backend | it waits for something else |
 * | HAProxy has not loaded what is on disk | its check may be another one |
 * | the desired state doesn't have the instance serve at that address | policy, a drain, a hold |
 * | its allocation doesn't run | whatever answers there is another's |
 * | a loopback address, with a data plane elsewhere | HAProxy's loopback isn't the connector's |
 */
export function probesOf(
  input: ProbeInput,
  steps: readonly Step[],
  watched: ReadonlySet<string> = new Set(),
): readonly Probe[] {
  return runThrough(probesInSlices(input, steps, watched));
}

/** The same, server by server. */
export function* probesInSlices(
  input: ProbeInput,
  steps: readonly Step[],
  watched: ReadonlySet<string>,
): Sliced<readonly Probe[]> {
  const { actual, settings } = input;
  if (!settings.checks.probe || actual.marker.loaded !== actual.marker.onDisk) return [];
  const isMeant = (slot: ActualSlot): boolean =>
    isWaiting(slot) || (watched.has(slot.name) && slot.runtime?.admin === 'ready');
  const meant = Object.values(actual.backends).flatMap((backend) =>
    backend.slots.filter(isMeant).map((slot) => ({ backend, slot })),
  );
  if (meant.length === 0) return [];
  const slots = new Set(steps.filter(isSlotStep).map(({ slot }) => slot.name));
  const backends = new Set(
    steps.filter(isStructural).flatMap((step) => ('backend' in step ? [step.backend] : [])),
  );
  yield;
  const wanted = servingEndpoints(input);
  yield;
  const probes = yield* flatMapInSlices(meant, ({ backend, slot }) => {
    const waitsForOther = backends.has(backend.name) || slots.has(slot.name);
    if (waitsForOther || !isWanted(slot, wanted) || !runs(input, slot)) return [];
    return probeOf(input, backend, slot);
  });
  return probes.sort((a, b) => (a.server < b.server ? -1 : 1));
}

/** For servers that wait for a check which has just passed. */
export function openSteps(input: PlanInput, steps: readonly Step[]): readonly OpenServer[] {
  const { actual, passed = new Set() } = input;
  if (passed.size === 0) return [];
  return probesOf(input, steps)
    .filter(({ key }) => passed.has(key))
    .flatMap(({ key, server, backend, service }) => {
      const slot = actual.backends[backend]?.slots.find(({ name }) => name === server);
      if (slot === undefined) return [];
      const common = { kind: 'open-server', route: 'runtime' } as const;
      const { config, binding } = slot;
      const bound = binding === undefined ? {} : { binding };
      return [{ ...common, backend, service, server, config, ...bound, key }];
    });
}

function servingEndpoints({ desired }: ProbeInput): ReadonlyMap<string, Endpoint> {
  const all = [...desired.backends, ...desired.kept].flatMap(({ endpoints }) => endpoints);
  return new Map(all.filter(({ phase }) => phase === 'serve').map((one) => [one.id, one]));
}

function isWanted({ binding, config }: ActualSlot, wanted: ReadonlyMap<string, Endpoint>): boolean {
  const endpoint = wanted.get(binding?.id ?? '');
  return (
    !config.disabled &&
    endpoint?.createIndex === binding?.createIndex &&
    endpoint?.address === config.address &&
    endpoint.port === config.port
  );
}

function runs({ catalog }: ProbeInput, { binding }: ActualSlot): boolean {
  const allocation = catalog.allocations[allocationOf(binding?.id ?? '')];
  return allocation?.clientStatus === 'running' && allocation.desiredStatus === 'run';
}

function probeOf(input: ProbeInput, backend: ActualBackend, slot: ActualSlot): readonly Probe[] {
  const { name: server, service, binding, config } = slot;
  const { address, checkPort: port = config.port } = config;
  if (reachOf(address) === 'loopback' && !isLocal(input.actual.dataplane.url)) return [];
  const check = checkOf(input, backend, slot);
  if (check === undefined) return [];
  const valid = [binding?.id, binding?.createIndex, address, config.port, port, check];
  return [
    { key: JSON.stringify(valid), server, backend: backend.name, service, address, port, check },
  ];
}

/** In an operator's backend, the kind of check is the operator's: only a plain connection is ours. */
function checkOf(
  { actual: { maps }, settings }: ProbeInput,
  { ours, section, inherited, serverDefaults, checkMethod }: ActualBackend,
  { name, config, fields }: ActualSlot,
): ServerCheck | undefined {
  if (checkMethod !== (ours ? section['adv_check'] : undefined)) return undefined;
  const names = mapNames(settings.routing);
  const own = [maps[names['check-path']], maps[names['check-host']]];
  return serverCheck({
    section,
    server: mergedFields(inherited, section['default_server'] ?? serverDefaults, fields),
    hasCheckPort: ownCheckPort(config) !== undefined,
    lookup: (file) => own.find((map) => map?.file === file)?.entries?.[name],
  });
}

function isLocal(url: string): boolean {
  const host = URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : '';
  return host === 'localhost' || reachOf(host) === 'loopback';
}
