/** The names in `GET /v1/services`. */

import equal from 'fast-deep-equal';
import { compareText } from '../../../shared/compare.js';
import { sortTexts } from '../../../shared/json.js';
import type { WireServiceGroup } from '../../nomad/answers/shapes.js';
import { keyOf } from './keys.js';

export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
  /** Tags of all instances, sorted. */
  readonly tags: readonly string[];
}

export function nameKey({ namespace, name }: ServiceName): string {
  return keyOf(namespace, name);
}

/** Nomad lists namespaces, names and tags in an order of its own at each read. */
export function sortedNames(
  groups: readonly WireServiceGroup[],
  before: readonly ServiceName[],
): readonly ServiceName[] {
  const known = new Map(before.map((one) => [nameKey(one), one]));
  const names = groups.flatMap(({ Namespace: namespace, Services }) =>
    Services.map(({ ServiceName: name, Tags }): ServiceName => {
      const last = known.get(keyOf(namespace, name));
      if (last !== undefined && equal(last.tags, Tags ?? [])) return last;
      const tags = comparedTags(Tags ?? []);
      return last !== undefined && equal(last.tags, tags) ? last : { namespace, name, tags };
    }),
  );
  const same = new Set(before);
  const isSame = names.every((one) => same.has(one)) && new Set(names).size === names.length;
  if (isSame && names.length === before.length) return before;
  return names.sort((a, b) => compareText(a.namespace, b.namespace) || compareText(a.name, b.name));
}

/** Nothing limits the number of jobs with one service name, nor what their tags come to. */
const mostCompared = 10_000;

/** Of too many, only those that may opt in: that much has to be known of every service. */
export function comparedTags(tags: readonly string[]): readonly string[] {
  if (tags.length <= mostCompared) return sortTexts([...tags]);
  return tags
    .filter((tag) => /enable/i.test(tag))
    .slice(0, mostCompared)
    .sort(compareText);
}
