import type { Catalog, CatalogService, ServiceDeclaration } from '../observe/types.js';
import { optsIn } from '../observe/catalog/model/tags.js';
import { compareText } from '../shared/compare.js';
import type { Block } from './blocks.js';

/** A cluster without jobs. */
export const emptyCatalog: Catalog = {
  index: 1,
  services: [],
  allocations: {},
  missing: [],
  trust: { removals: 'allowed' },
  warnings: [],
};

/**
 * The catalog once the jobs of these blocks are deployed: their declarations instead of those there
 * are, without their instances. A job that is new is the youngest, so what others claim stays theirs.
 */
export function catalogWith(live: Catalog, blocks: readonly Block[], prefix: string): Catalog {
  const jobs = new Set(blocks.map(({ from }) => keyOf(from.job.Namespace, from.job.ID)));
  const isOther = (namespace: string) => (one: { readonly jobId: string }) =>
    !jobs.has(keyOf(namespace, one.jobId));
  const services = new Map(
    live.services.map((service): [string, CatalogService] => {
      const { namespace, name, declarations, instances } = service;
      const others = {
        declarations: declarations.filter(isOther(namespace)),
        instances: instances.filter(isOther(namespace)),
      };
      return [keyOf(namespace, name), { ...service, ...others }];
    }),
  );
  const ages = agesIn(live);
  const known = [live.index, ...ages.values(), ...live.services.flatMap(claimOf)];
  const youngest = known.reduce((a, b) => Math.max(a, b));
  blocks.forEach(({ namespace, name, declaration }, at) => {
    const key = keyOf(namespace, name);
    const age = ages.get(keyOf(namespace, declaration.jobId)) ?? youngest + 1 + at;
    const one = { ...declaration, jobCreateIndex: age };
    services.set(key, joined(services.get(key), { namespace, name, one }));
  });
  const enabled = [...services.values()].filter(
    ({ declarations, instances }) =>
      instances.length > 0 || declarations.some(({ tags }) => optsIn(tags, prefix)),
  );
  return { ...live, services: enabled.sort(byName) };
}

function joined(
  known: CatalogService | undefined,
  given: { readonly namespace: string; readonly name: string; readonly one: ServiceDeclaration },
): CatalogService {
  const { namespace, name, one } = given;
  const { declarations = [], instances = [], claimedAt = Number.MAX_SAFE_INTEGER } = known ?? {};
  return {
    ...{ namespace, name, instances },
    declarations: [...declarations, one].sort((a, b) => compareText(a.jobId, b.jobId)),
    claimedAt: Math.min(claimedAt, one.jobCreateIndex),
  };
}

function claimOf({ claimedAt }: CatalogService): number[] {
  return claimedAt === Number.MAX_SAFE_INTEGER ? [] : [claimedAt];
}

function agesIn({ services }: Catalog): ReadonlyMap<string, number> {
  return new Map(
    services.flatMap(({ namespace, declarations }) =>
      declarations.map((one) => [keyOf(namespace, one.jobId), one.jobCreateIndex] as const),
    ),
  );
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

function byName(a: CatalogService, b: CatalogService): number {
  return compareText(a.namespace, b.namespace) || compareText(a.name, b.name);
}
