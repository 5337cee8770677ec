import type { ActualState } from '../../actual/types.js';
import { lookupMap } from '../../haproxy/lookup-rules.js';
import { type JsonObject, textAt } from '../../shared/json.js';
import { aclPrefix } from './routes.js';

/**
 * Whether a switching rule is of a connector with another prefix: it reads that one's maps, or uses
 * only its ACLs. Neither connector minds where the other's rules stand: if both wanted the first place,
 * each pass of one would move the rules of the other, with a reload.
 */
export function neighboursRules({
  neighbours = [],
}: Pick<ActualState, 'neighbours'>): (rule: JsonObject) => boolean {
  const maps = new Set(neighbours.flatMap(({ stamp }) => stamp?.maps ?? []));
  const acls = neighbours.map(({ prefix }) => aclPrefix(prefix));
  return (rule) => {
    const map = lookupMap(rule);
    if (map !== undefined && (maps.has(map.base) || maps.has(map.name))) return true;
    const names = textAt(rule, 'cond_test')
      .split(/\s+/)
      .filter((word) => word !== '');
    return acls.some((acl) => names.length > 0 && names.every((name) => name.startsWith(acl)));
  };
}
