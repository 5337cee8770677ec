import type { ServiceId } from '../../haproxy/names.js';
import type { Endpoint } from '../types.js';
import { isTenant, type ServiceContext } from './context.js';

/**
 * The highest weight of a server that joins the operator's own: in a backend of theirs, no instance
 * takes more than the strongest of their servers. Undefined: nobody's share is at stake.
 */
export function weightLimit(
  { policy, facts }: ServiceContext,
  id: ServiceId,
  backend: string,
): number | undefined {
  if (!isTenant(id) || !Object.hasOwn(facts.operatorBackends, backend)) return undefined;
  const theirs = facts.operatorBackends[backend] ?? 0;
  return policy.customWeight ?? (theirs > 0 ? theirs : undefined);
}

export interface CappedWeights {
  readonly endpoints: readonly Endpoint[];
  /** For people. */
  readonly capped: readonly string[];
}

export function cappedWeights(
  endpoints: readonly Endpoint[],
  limit: number | undefined,
): CappedWeights {
  if (limit === undefined) return { endpoints, capped: [] };
  const isOver = ({ weight, isUsualWeight }: Endpoint): boolean =>
    isUsualWeight !== true && weight > limit;
  return {
    endpoints: endpoints.map((one) => (isOver(one) ? { ...one, weight: limit } : one)),
    capped: endpoints
      .filter(isOver)
      .map(
        ({ id, weight }) =>
          `instance ${id}: weight ${weight} is more than the operator's servers have, so it is ${limit}`,
      ),
  };
}
