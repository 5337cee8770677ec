import { assemble } from '../../assembly.js';
import type { Hazard } from '../../config/hazards.js';
import type { Settings, TargetSettings } from '../../config/types.js';
import type { Judged } from '../../observe/discover/model/types.js';
import type { Picture } from '../../pass/picture.js';
import { watchRoutes } from '../../routes/folder.js';
import { asConnectorError } from '../../shared/errors.js';
import { silentLogger } from '../../telemetry/logger.js';
import { haproxyFacts } from './dataplane.js';
import { tryPort, tryRouteFolder } from './local.js';
import { nomadFacts } from './nomad.js';
import { targetsLack } from '../model/discovered.js';
import { rightsLack } from '../model/rights.js';
import type { DiscoveredFact, FactName } from '../types.js';
import { type Gatherer, type Gatherers, type Get, Lacking } from './source.js';

export interface Examined {
  readonly settings: Settings;
  readonly hazards: readonly Hazard[];
  /** What `haproxy.discover` found, or why it found nothing. */
  readonly discovered?: Discovered;
  /** The HAProxy that is examined; absent: the first. */
  readonly target?: TargetSettings;
  /** Called with a token to redact. */
  readonly onToken?: (token: string) => void;
  /** Of a pass that was just made, so that none is needed. */
  readonly picture?: Picture;
}

export type Discovered = { readonly judged: Judged } | { readonly reason: string };

const passMs = 120_000;

type SharedGatherers = Omit<Gatherers, keyof ReturnType<typeof haproxyFacts> | 'picture'>;

/** Of what is the same for each HAProxy: found out once, however many are examined. */
export function sharedGatherers({
  settings,
  hazards,
  discovered,
  onToken,
}: Omit<Examined, 'target' | 'picture'>): SharedGatherers {
  return eachOnce({
    settings: { timeoutMs: 1000, gather: () => settings },
    hazards: { timeoutMs: 1000, gather: () => hazards },
    port: { timeoutMs: 5000, gather: () => tryPort(settings) },
    routeFolder: { timeoutMs: 5000, gather: () => tryRouteFolder(settings) },
    ...nomadFacts(settings, onToken),
    discovered: { timeoutMs: 1000, gather: () => discoveredFact(discovered) },
  });
}

function discoveredFact(discovered: Discovered | undefined): DiscoveredFact {
  if (discovered === undefined) return {};
  if ('judged' in discovered) return discovered;
  throw new Lacking(targetsLack(discovered.reason));
}

function eachOnce(gatherers: SharedGatherers): SharedGatherers {
  const entries = Object.entries(gatherers).map(([name, one]: [string, Gatherer<FactName>]) => {
    let found: Promise<unknown> | undefined;
    const gather = (get: Get, signal: AbortSignal) =>
      (found ??= Promise.resolve().then(() => one.gather(get, signal)));
    return [name, { ...one, gather }];
  });
  return Object.fromEntries(entries) as SharedGatherers;
}

/** How each fact is found out. Sends nothing but GET. */
export function gatherersOf(examined: Examined, shared = sharedGatherers(examined)): Gatherers {
  const { settings, onToken, picture } = examined;
  const { target = settings.targets[0] } = examined;
  const facts = target === undefined ? noHaproxy() : haproxyFacts(settings, target);
  return {
    ...shared,
    ...facts,
    actual:
      picture === undefined ? facts.actual : { timeoutMs: 1000, gather: () => picture.actual },
    picture: {
      timeoutMs: passMs,
      gather: async (get, signal) => {
        if (picture !== undefined) return picture;
        // What they lack is told better than by the pass that fails for it.
        const lacks = rightsLack(settings, await get('rights'));
        if (lacks !== undefined) throw new Lacking(lacks);
        await get('actual');
        return passOnce(settings, target?.name ?? '', onToken, signal);
      },
    },
  };
}

/** The line about discovery says why there is none. */
function noHaproxy(): ReturnType<typeof haproxyFacts> {
  const gather = async (get: Get): Promise<never> => {
    await get('discovered');
    throw new Lacking(targetsLack('no HAProxy is known'));
  };
  const none = { timeoutMs: 1000, gather };
  return {
    ...{ dataplane: none, dataplaneVersion: none, process: none, reloads: none },
    ...{ sections: none, loaded: none, maps: none, actual: none },
  };
}

async function passOnce(
  settings: Settings,
  target: string,
  onToken: Examined['onToken'],
  signal: AbortSignal,
): Promise<Picture> {
  const routes = watchRoutes(settings.routes.directory, { logger: silentLogger });
  const { nomad, passOf } = assemble(settings, {
    writes: false,
    routeFiles: routes.current,
    ...(onToken === undefined ? {} : { hooks: { onToken } }),
  });
  try {
    const [outcome] = await passOf(target)(() => true, signal);
    if (outcome === undefined || 'error' in outcome) throw asConnectorError(outcome?.error);
    return outcome.picture;
  } finally {
    routes.close();
    nomad.close();
  }
}
