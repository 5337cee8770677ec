import { type Json, type JsonObject, objectsOf } from '../shared/json.js';
import { type Grammar, matching } from './grammar.js';

/** The header with which a request asks for a canary. */
export interface CanaryHeader {
  readonly name: string;
  /** If absent, any value except `never`. */
  readonly value?: string;
}

const headerPattern =
  /^([A-Za-z0-9][A-Za-z0-9_-]{0,127})(?::((?!(?:if|unless)$)[A-Za-z0-9][A-Za-z0-9._~-]{0,127}))?$/;

export const canaryHeader: Grammar<CanaryHeader> = matching(
  'a header name, or name:value, like X-Canary:always; letters, digits and . _ ~ -',
  headerPattern,
  (text) => {
    const [, name = '', value] = headerPattern.exec(text) ?? [];
    return value === undefined ? { name } : { name, value };
  },
);

/**
 * Canaries change without a reload: rules look them up in one of our maps, by backend name and
 * place. With fewer canaries than places, each one has several places.
 */
export const canaryPlaces = 8;

export function canaryKey(backend: string, place: number): string {
  return `${backend}:${place}`;
}

/** Placeholder for the map file, filled in by `withCanaryMap`. */
const placeholder = '<canaries>';
const placeVariable = 'nomad_canary_place';
const chosen = 'nomad_canary';

export interface CanaryRules {
  readonly requestRules: readonly JsonObject[];
  readonly serverRules: readonly JsonObject[];
}

/**
 * A request that asks for a canary goes to a randomly drawn one, otherwise to any that is UP
 * (`use-server` skips servers that are not), otherwise it is balanced like all others.
 */
export function canaryRules(backend: string, header: CanaryHeader | undefined): CanaryRules {
  if (header === undefined) return { requestRules: [], serverRules: [] };
  const when = { cond: 'if', cond_test: askedFor(header) };
  const found = { cond: 'if', cond_test: `{ var(txn.${chosen}) -m found }` };
  const lookup = (key: string): string => `${key},map(${placeholder})`;
  const places = Array.from({ length: canaryPlaces }, (_, place) => place);
  const drawn = lookup(`str(${backend}:),concat(,txn.${placeVariable})`);
  return {
    requestRules: [
      { ...setVar(placeVariable, `rand(${canaryPlaces})`), ...when },
      { ...setVar(chosen, drawn), ...when },
    ],
    serverRules: [
      `var(txn.${chosen})`,
      ...places.map((place) => lookup(`str(${canaryKey(backend, place)})`)),
    ].map((sample) => ({ target_server: `%[${sample}]`, ...found })),
  };
}

function askedFor({ name, value }: CanaryHeader): string {
  const sample = `req.fhdr(${name})`;
  if (value !== undefined) return `{ ${sample} -m str ${value} }`;
  return `{ ${sample} -m found } !{ ${sample} -m str never }`;
}

function setVar(name: string, expression: string): JsonObject {
  return { type: 'set-var', var_name: name, var_scope: 'txn', var_expr: expression };
}

/** Whether canaries are looked up, which requires the map. */
export function asksForCanaries(section: JsonObject): boolean {
  return section['server_switching_rule_list'] !== undefined;
}

/** The section with the map's path as haproxy.cfg must name it. */
export function withCanaryMap(section: JsonObject, file: string): JsonObject {
  if (!asksForCanaries(section)) return section;
  const fill = (list: string, field: string): Json[] =>
    objectsOf(section[list]).map((rule) => {
      const sample = rule[field];
      if (typeof sample !== 'string') return rule;
      return { ...rule, [field]: sample.replace(placeholder, file) };
    });
  return {
    ...section,
    http_request_rule_list: fill('http_request_rule_list', 'var_expr'),
    server_switching_rule_list: fill('server_switching_rule_list', 'target_server'),
  };
}
