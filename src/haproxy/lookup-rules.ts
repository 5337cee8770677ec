import { type JsonObject, textAt } from '../shared/json.js';
import { hostLength, lengthFits, lookups } from './expressions.js';
import { isListKind, type MapKind } from './map-names.js';

/** Only applies to matches, so the operator's rules and default_backend stay in force. */
export function switchingRule(sample: string, isList: boolean): JsonObject {
  const guard = isList ? `{ ${hostLength} ${lengthFits} } ` : '';
  return { name: `%[${sample}]`, cond: 'if', cond_test: `${guard}{ ${sample} -m found }` };
}

export interface LookupMap {
  readonly file: string;
  /** Without `.map`. */
  readonly name: string;
  /** The name without its kind: our `routing.map_name` or another. */
  readonly base: string;
}

/** The map a rule reads, if the rule is exactly a lookup as the connector writes it. */
export function lookupMap(rule: JsonObject): LookupMap | undefined {
  for (const { kind, sample } of lookups) {
    const [before = '', after = ''] = `%[${sample('|')}]`.split('|');
    const name = textAt(rule, 'name');
    if (!name.startsWith(before) || !name.endsWith(after)) continue;
    const file = name.slice(before.length, name.length - after.length);
    const found = /\/([^/,()]+)\.map$/.exec(file)?.[1];
    const suffix = suffixOf(kind);
    if (found === undefined || !found.endsWith(suffix)) continue;
    const ours = switchingRule(sample(file), isListKind(kind));
    if (rule['cond'] !== ours['cond'] || rule['cond_test'] !== ours['cond_test']) continue;
    return { file, name: found, base: found.slice(0, -suffix.length) };
  }
  return undefined;
}

function suffixOf(kind: MapKind): string {
  return `_${kind.replaceAll('-', '_')}`;
}
