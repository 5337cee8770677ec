import { type JsonObject, textAt } from '../shared/json.js';
import { hostHeader, hostLength, lengthFits, type Lookup, lookups } from './expressions.js';
import { isListKind, type MapKind } from './map-names.js';

/** Holds what a lookup found, for as long as its rule is evaluated. */
const found = 'txn.nomad_connector_backend';

export interface SwitchingRule extends JsonObject {
  readonly name: string;
  readonly cond: 'if';
  readonly cond_test: string;
}

/**
 * Only applies to matches, so the operator's rules and default_backend stay in force. The lookup is
 * evaluated once: its condition keeps the result for the rule's name.
 */
export function switchingRule(sample: string, isList: boolean): SwitchingRule {
  const guard = isList ? `{ ${hostLength} ${lengthFits} } ` : '';
  return {
    name: `%[var(${found})]`,
    cond: 'if',
    cond_test: `${guard}{ ${sample},set-var(${found}) -m found }`,
  };
}

/** As earlier versions wrote it. */
function earlierRule(sample: string, isList: boolean): SwitchingRule {
  const { cond, cond_test: test } = switchingRule(sample, isList);
  return {
    name: `%[${earlier(sample)}]`,
    cond,
    cond_test: earlier(test).replace(`,set-var(${found})`, ''),
  };
}

function earlier(sample: string): string {
  return sample.replaceAll(hostHeader, 'req.hdr(host)');
}

/** The file a rule looks up, if the rule is exactly this lookup. */
function fileOf(rule: JsonObject, { kind, sample }: Lookup): string | undefined {
  const isList = isListKind(kind);
  const test = textAt(rule, 'cond_test');
  for (const make of [switchingRule, earlierRule]) {
    const [start = '', end = ''] = make(sample('|'), isList).cond_test.split('|');
    if (!test.startsWith(start) || !test.endsWith(end)) continue;
    const file = test.slice(start.length, test.length - end.length);
    const ours = make(sample(file), isList);
    if (
      ['name', 'cond', 'cond_test'].every((key) => rule[key] === ours[key as keyof SwitchingRule])
    )
      return file;
  }
  return undefined;
}

/**
 * Whether a switching rule reads one of these maps, in any map directory, whatever other conditions
 * it has. So a rule of ours that was edited is replaced instead of left beside ours.
 */
export function isLookup(rule: JsonObject, mapName: (kind: MapKind) => string): boolean {
  const name = textAt(rule, 'name');
  const words = textAt(rule, 'cond_test').split(/\s+/);
  return lookups.some(({ kind, sample }) => {
    const [start = '', end = ''] = sample('|').split('|');
    const file = `/${mapName(kind)}.map${end}`;
    if (name !== `%[var(${found})]`)
      return name.startsWith(`%[${earlier(start)}`) && name.endsWith(`${file}]`);
    return words.some(
      (word) => word.startsWith(start) && word.endsWith(`${file},set-var(${found})`),
    );
  });
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
  for (const lookup of lookups) {
    const file = fileOf(rule, lookup);
    const name = /\/([^/,()]+)\.map$/.exec(file ?? '')?.[1];
    const suffix = suffixOf(lookup.kind);
    if (file === undefined || name === undefined || !name.endsWith(suffix)) continue;
    return { file, name, base: name.slice(0, -suffix.length) };
  }
  return undefined;
}

function suffixOf(kind: MapKind): string {
  return `_${kind.replaceAll('-', '_')}`;
}
