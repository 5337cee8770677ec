import type { CatalogReader } from '../../src/observe/catalog/reader.js';
import type { Catalog } from '../../src/observe/types.js';
import { newCatalogMemory } from '../../src/pass/memory.js';
import type { Occasion } from '../../src/pass/occasion.js';
import type { Picture } from '../../src/pass/picture.js';
import { type Outcome, type PassDependencies, runPass, type Side } from '../../src/pass/run.js';
import type { Target } from '../../src/pass/target.js';
import type { ConnectorError } from '../../src/shared/errors.js';
import { catalogOf, settings } from '../desired/given.js';
import { haproxy, haproxyState, type Read } from './given-haproxy.js';

/** What a test moves. */
export function nomadState(catalog: Catalog) {
  return {
    catalog,
    /** Of the next reads of Nomad. */
    catalogErrors: [] as ConnectorError[],
    /** Unix milliseconds. */
    now: 1_700_000_000_000,
  };
}

/** Nomad in memory, and a clock: passes over these targets, and what was read. */
export function passesOver(
  targets: readonly Target[],
  state: ReturnType<typeof nomadState>,
  reads: Read[] = [],
) {
  const catalog: CatalogReader = {
    read: ({ full = false }) => {
      reads.push({ of: 'catalog', full });
      const error = state.catalogErrors.shift();
      return error === undefined ? Promise.resolve(state.catalog) : Promise.reject(error);
    },
    hidden: () => Promise.resolve([]),
    hear: () => false,
    connected: () => undefined,
    wentBack: () => undefined,
    ended: () => Promise.resolve([]),
    namespaces: () => ['default'],
  };
  const deps: PassDependencies = {
    ...{ catalog, targets },
    catalogMemory: newCatalogMemory(),
    settings: {
      ...settings,
      routing: { ...settings.routing, mode: 'rules' },
      limits: { ...settings.limits, reloadIntervalMs: 0 },
    },
    staysRunning: true,
    routeFiles: () => ({ files: [], bad: [] }),
    now: () => state.now,
  };
  const { signal } = new AbortController();
  const pass = (
    isDue: (side: Side) => boolean = () => true,
    given: Partial<PassDependencies> = {},
    occasion?: Occasion,
    until = signal,
  ): Promise<readonly Outcome[]> => runPass({ ...deps, ...given }, isDue, until, occasion);
  return { pass, reads };
}

/** What a test changes of one pass. */
interface Given extends Partial<Omit<PassDependencies, 'targets'>> {
  readonly actual?: Target['actual'];
  readonly occasion?: Occasion;
  readonly until?: AbortSignal;
}

/** One target. A pass that fails throws what it failed for. */
export function world(catalog: Catalog = catalogOf()) {
  const state = { ...haproxyState(), ...nomadState(catalog) };
  const reads: Read[] = [];
  const proxy = haproxy('default', state, reads);
  const { writer: _, ...readOnly } = proxy.target;
  const { pass } = passesOver([proxy.target], state, reads);
  const over = async (
    target: Target,
    { occasion, until, ...given }: Given = {},
  ): Promise<Picture> => {
    const [outcome] = await pass(undefined, { ...given, targets: [target] }, occasion, until);
    if (outcome === undefined) throw new Error('there was no outcome');
    if ('error' in outcome) throw outcome.error;
    return outcome.picture;
  };
  return {
    ...proxy,
    ...{ state, reads },
    pass: ({ actual = proxy.target.actual, ...given }: Given = {}) =>
      over({ ...proxy.target, actual }, given),
    dryPass: () => over(readOnly),
  };
}
