import {
  createDataPlaneReader,
  createDataPlaneWriter,
  type DataPlaneReader,
} from './actual/dataplane-client.js';
import { createActualReader } from './actual/reader.js';
import type { PolicySettings } from './config/policy.js';
import { policySource } from './config/policy-source.js';
import type { Settings, TargetSettings } from './config/types.js';
import type { Office } from './leader/office.js';
import { createCatalogReader, type CatalogReader } from './observe/catalog/reader.js';
import { shareReads } from './observe/catalog/shared.js';
import { createNomadClient, type NomadClient } from './observe/nomad/client.js';
import type { Approval } from './pass/approval.js';
import type { Surroundings } from './pass/context.js';
import { newCatalogMemory, newTargetMemory } from './pass/memory.js';
import type { Occasion } from './pass/occasion.js';
import { ownEndpoints } from './pass/own-endpoints.js';
import type { Phase } from './pass/phases.js';
import { type Outcome, type PassDependencies, runPass, type Side } from './pass/run.js';
import type { Target } from './pass/target.js';
import type { Rollout } from './rollout/rollout.js';
import type { RouteFiles } from './routes/folder.js';
import type { StatusClass } from './shared/status-class.js';
import type { TlsReread } from './shared/tls-files.js';

export interface AssemblyHooks {
  readonly onNomad?: (status: StatusClass) => void;
  readonly onDataPlane?: (status: StatusClass, target: string) => void;
  /** A token to redact from the logs. */
  readonly onToken?: (token: string) => void;
  readonly onTls?: (reread: TlsReread) => void;
  readonly onPhase?: (phase: Phase, ms: number) => void;
}

export interface Assembly {
  readonly nomad: NomadClient;
  readonly catalog: CatalogReader;
  /** The targets that there are now, in the order of the settings; discovered ones by name. */
  readonly targets: () => readonly TargetSettings[];
  /** A read-only Data Plane API client of the target by that name. */
  readonly clientOf: (target: string) => DataPlaneReader | undefined;
  /** Runs one pass over the targets that are due. Never throws. */
  readonly pass: PassOf;
  /**
   * The same over one target, at the same time as others. It stays with that target: another one that
   * joins by the same name later is another HAProxy.
   */
  readonly passOf: (target: string) => PassOf;
  /** Makes its clients and an empty memory. */
  readonly joined: (target: TargetSettings) => void;
  readonly left: (target: string) => void;
}

type PassOf = (
  isDue: (side: Side) => boolean,
  signal: AbortSignal,
  occasion?: Occasion,
) => Promise<readonly Outcome[]>;

export interface AssemblyOptions {
  /** False: the Data Plane API clients can only send GET. */
  readonly writes: boolean;
  /** True for a daemon, false for a single pass. */
  readonly staysRunning?: boolean;
  readonly routeFiles?: () => RouteFiles;
  readonly policy?: () => PolicySettings;
  /** Keys of a target's probes whose check passes at this moment. */
  readonly passed?: (target: string) => ReadonlySet<string>;
  readonly onWritten?: Surroundings['onWritten'];
  /** Undefined: another holds the lock. Absent: there is none. */
  readonly office?: () => Office | undefined;
  /** Absent: each target goes as if it were alone. */
  readonly rollout?: Rollout;
  /** A saved plan: passes write nothing else. */
  readonly approval?: Approval;
  readonly hooks?: AssemblyHooks;
}

/** Builds the clients and everything else a pass needs. */
export function assemble(settings: Settings, options: AssemblyOptions): Assembly {
  const { hooks = {}, routeFiles = () => ({ files: [], bad: [] }) } = options;
  const nomad = createNomadClient({
    settings: settings.nomad,
    limits: settings.limits,
    ...(hooks.onNomad === undefined ? {} : { onResponse: hooks.onNomad }),
    ...(hooks.onToken === undefined ? {} : { onToken: hooks.onToken }),
    ...(hooks.onTls === undefined ? {} : { onTls: hooks.onTls }),
  });
  const reader = createCatalogReader({
    client: nomad,
    namespace: settings.nomad.namespace,
    tagPrefix: settings.tags.prefix,
    fullReadIntervalMs: settings.sync.fullReadIntervalMs,
  });
  const catalog = settings.targets.length === 1 ? reader : shareReads(reader);
  const given = new Map<string, TargetSettings>();
  const targets = new Map<string, Target>();
  const current = (): readonly TargetSettings[] => [...given.values()];
  const around: Surroundings = {
    settings,
    staysRunning: options.staysRunning ?? false,
    routeFiles,
    policy: options.policy ?? policySource(settings).current,
    endpoints: ownEndpoints(settings, current),
    ...(options.passed === undefined ? {} : { passed: options.passed }),
    ...(options.onWritten === undefined ? {} : { onWritten: options.onWritten }),
    ...(options.office === undefined ? {} : { office: options.office }),
    ...(options.rollout === undefined ? {} : { rollout: options.rollout }),
    ...(options.approval === undefined ? {} : { approval: options.approval }),
    now: Date.now,
  };
  const shared: Omit<PassDependencies, 'targets'> = {
    ...{ ...around, catalog, catalogMemory: newCatalogMemory() },
    ...(hooks.onPhase === undefined ? {} : { onPhase: hooks.onPhase }),
  };
  const joined = (target: TargetSettings): void => {
    given.set(target.name, target);
    targets.set(target.name, assembleTarget(target, settings, options));
  };
  settings.targets.forEach(joined);
  const passOver = (over: readonly Target[]): PassOf => {
    const deps = { ...shared, targets: over };
    return (isDue, signal, occasion) => runPass(deps, isDue, signal, occasion);
  };
  return {
    ...{ nomad, catalog, joined },
    targets: current,
    clientOf: (name) => targets.get(name)?.client,
    pass: (...asked) => passOver([...targets.values()])(...asked),
    passOf: (name) => passOver([...targets.values()].filter((target) => target.name === name)),
    left: (name) => {
      given.delete(name);
      targets.delete(name);
    },
  };
}

function assembleTarget(
  target: TargetSettings,
  settings: Settings,
  { writes, hooks = {} }: AssemblyOptions,
): Target {
  const { onDataPlane } = hooks;
  const onResponse = (status: StatusClass): void => onDataPlane?.(status, target.name);
  const clientHooks = {
    answerBytes: settings.limits.answerBytes,
    ...(onDataPlane === undefined ? {} : { onResponse }),
    ...(hooks.onTls === undefined ? {} : { onTls: hooks.onTls }),
  };
  const writer = writes ? createDataPlaneWriter(target, clientHooks) : undefined;
  const client = writer ?? createDataPlaneReader(target, clientHooks);
  return {
    name: target.name,
    client,
    ...(writer === undefined ? {} : { writer }),
    actual: createActualReader(client, settings),
    memory: newTargetMemory(),
  };
}
