import {
  createDataPlaneReader,
  createDataPlaneWriter,
  type StatusClass,
} from './actual/dataplane-client.js';
import { createActualReader } from './actual/reader.js';
import type { Settings } from './config/types.js';
import { createCatalogReader, type CatalogReader } from './observe/catalog/reader.js';
import {
  createNomadClient,
  type NomadClient,
  type StatusClass as NomadStatusClass,
} from './observe/nomad/client.js';
import type { RouteFiles } from './routes/folder.js';
import {
  newMemory,
  type PassDependencies,
  type PassResult,
  type Phase,
  runPass,
} from './pass/pass.js';

export interface AssemblyHooks {
  readonly onNomad?: (status: NomadStatusClass) => void;
  readonly onDataPlane?: (status: StatusClass) => void;
  /** A token that no log may show. */
  readonly onToken?: (token: string) => void;
  readonly onPhase?: (phase: Phase, ms: number) => void;
}

export interface Assembly {
  readonly nomad: NomadClient;
  readonly catalog: CatalogReader;
  readonly pass: (signal: AbortSignal) => Promise<PassResult>;
}

/**
 * The parts of a pass, put together. Without `writes` the client that it is given can send nothing
 * but GET.
 */
export function assemble(
  settings: Settings,
  options: {
    readonly writes: boolean;
    /** A daemon; a single pass otherwise. */
    readonly staysRunning?: boolean;
    readonly routeFiles?: () => RouteFiles;
    readonly hooks?: AssemblyHooks;
  },
): Assembly {
  const { hooks = {}, routeFiles = () => ({ files: [], bad: [] }) } = options;
  const nomad = createNomadClient({
    settings: settings.nomad,
    ...(hooks.onNomad === undefined ? {} : { onResponse: hooks.onNomad }),
    ...(hooks.onToken === undefined ? {} : { onToken: hooks.onToken }),
  });
  const catalog = createCatalogReader({
    client: nomad,
    namespace: settings.nomad.namespace,
    tagPrefix: settings.tags.prefix,
  });
  const count = hooks.onDataPlane === undefined ? {} : { onResponse: hooks.onDataPlane };
  const writer = options.writes ? createDataPlaneWriter(settings.haproxy, count) : undefined;
  const client = writer ?? createDataPlaneReader(settings.haproxy, count);
  const deps: PassDependencies = {
    catalog,
    client,
    actual: createActualReader(client, settings),
    settings,
    staysRunning: options.staysRunning ?? false,
    routeFiles,
    now: Date.now,
    timed: timer(hooks.onPhase),
    ...(writer === undefined ? {} : { writer }),
  };
  const memory = newMemory();
  return { nomad, catalog, pass: (signal) => runPass(deps, memory, signal) };
}

/** Runs a task, sync or async, and tells how long it took. */
function timer(onPhase: AssemblyHooks['onPhase']): PassDependencies['timed'] {
  return <T>(phase: Phase, task: () => T): T => {
    const start = performance.now();
    const done = (): void => onPhase?.(phase, performance.now() - start);
    const result = task();
    if (result instanceof Promise) {
      // A failure is the caller's to handle; here only its time counts.
      result.then(done, done);
    } else {
      done();
    }
    return result;
  };
}
