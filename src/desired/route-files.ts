import { isObject, type Json, type JsonObject } from '../shared/json.js';
import { isIpAddress } from '../haproxy/addresses.js';
import { readDomains } from './domains.js';
import { parseTags } from './tags.js';
import type { RouteFile, RouteTarget } from './types.js';
import { tagNames, tagRows } from './vocabulary.js';

/** Routes to services outside Nomad. A file has domains, targets and the same keys as tags. */
export type ParsedRouteFile =
  | { readonly file: RouteFile }
  | {
      readonly problems: readonly string[];
      /** Present if only these are valid. */
      readonly targets?: readonly RouteTarget[];
    };

const prefix = 'route';
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const rows = tagNames.map((name) => tagRows[name]).filter(({ inFiles }) => inFiles);
const rowByKey = new Map(rows.map((row) => [row.key, row]));
/** Keys like `check` that only group other keys. */
const groups = new Set(
  rows.map(({ key }) => key.split('.')[0] ?? '').filter((group) => !rowByKey.has(group)),
);

/** `name` is the file name without extension, `content` its parsed YAML or JSON. */
export function parseRouteFile(name: string, content: unknown): ParsedRouteFile {
  if (!namePattern.test(name)) {
    return { problems: ['the file name may only contain letters, digits and . _ -'] };
  }
  if (!isObject(content)) return { problems: ['the file must be a mapping of keys to values'] };
  const { targets: rawTargets, ...rest } = content;
  const problems: string[] = [];
  const targets = readTargets(rawTargets, problems);
  const known = problems.length === 0 ? { targets } : {};
  const tags = flatten(rest, '', problems);
  if (problems.length === 0) problems.push(...tagProblems(tags));
  return problems.length > 0 ? { problems, ...known } : { file: { name, targets, tags } };
}

function readTargets(raw: Json | undefined, problems: string[]): RouteTarget[] {
  const items = isList(raw) ? raw : raw === undefined ? [] : [raw];
  if (items.length === 0) problems.push('targets: at least one is required');
  return items.flatMap((item) => {
    const target = isObject(item) ? targetOfObject(item) : targetOfText(item);
    if (target === undefined) {
      problems.push(
        'targets: allowed: an IP address with a port like 10.0.0.5:8080, or address, port and weight',
      );
    }
    return target ?? [];
  });
}

function targetOfText(item: Json): RouteTarget | undefined {
  if (typeof item !== 'string') return undefined;
  const [, v6, v4, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(item) ?? [];
  return target(v6 ?? v4, Number(port));
}

function targetOfObject(item: JsonObject): RouteTarget | undefined {
  const { address, port, weight, ...others } = item;
  const found = target(address, port);
  if (found === undefined || Object.keys(others).length > 0) return undefined;
  if (weight === undefined) return found;
  return isInteger(weight, 0, 256) ? { ...found, weight } : undefined;
}

function target(address: Json | undefined, port: Json | undefined): RouteTarget | undefined {
  if (typeof address !== 'string' || !isIpAddress(address)) return undefined;
  return isInteger(port, 1, 65_535) ? { address, port } : undefined;
}

function isInteger(value: Json | undefined, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}

/** Flattens nested keys to dotted ones. Lists repeat their key. */
function flatten(content: JsonObject, path: string, problems: string[]): string[] {
  return Object.entries(content).flatMap(([name, value]) => {
    const key = `${path}${name === 'domains' && path === '' ? 'domain' : name}`.toLowerCase();
    if (isObject(value) && groups.has(key)) return flatten(value, `${key}.`, problems);
    const row = rowByKey.get(key);
    const items = isList(value) ? value : [value];
    if (row === undefined) problems.push(`${key}: unknown key`);
    else if (!items.every(isScalar)) problems.push(`${key}: allowed: ${row.grammar.form}`);
    else if (items.length > 1 && !row.many) problems.push(`${key}: only one value is allowed`);
    else return items.map((item) => `${key}=${String(item)}`);
    return [];
  });
}

function tagProblems(tags: readonly string[]): string[] {
  const parsed = parseTags(
    prefix,
    tags.map((tag) => `${prefix}.${tag}`),
  );
  const { domains, invalid } = readDomains(parsed.tags, prefix);
  const wrong = [...parsed.invalid, ...invalid].map(
    ({ tag, problem }) => `${tag.slice(prefix.length + 1).replace('=', ': ')}: ${problem}`,
  );
  if (wrong.length > 0) return wrong;
  const { mode, paths, frontends } = parsed.tags;
  const routed = mode === 'tcp' ? frontends : paths;
  return domains.length + routed.length > 0 ? [] : ['domains: at least one is required'];
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function isScalar(value: Json | undefined): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

/** JSON schema of a route file, for editors. `parseRouteFile` is slightly stricter. */
export function routeFileSchema(): JsonObject {
  const leaves = Object.fromEntries(rows.map((row) => [row.key, schemaOf(row)]));
  const nested = Object.fromEntries([...groups].sort().map((group) => [group, groupSchema(group)]));
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A route to a service outside Nomad',
    type: 'object',
    additionalProperties: false,
    required: ['targets'],
    properties: { domains: leaves['domain'], targets: targetsSchema(), ...leaves, ...nested },
  };
}

type Row = (typeof rows)[number];

function schemaOf({ grammar, many, becomes }: Row): JsonObject {
  const list = { anyOf: [grammar.schema, { type: 'array', items: grammar.schema }] };
  return { description: becomes, ...(many ? list : grammar.schema) };
}

function groupSchema(group: string): JsonObject {
  const members = rows.filter(({ key }) => key.startsWith(`${group}.`));
  const properties = members.map((row) => [row.key.slice(group.length + 1), schemaOf(row)]);
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(properties) as JsonObject,
  };
}

function targetsSchema(): JsonObject {
  const parts = {
    address: { type: 'string' },
    port: { type: 'integer', minimum: 1, maximum: 65_535 },
    weight: { type: 'integer', minimum: 0, maximum: 256 },
  };
  const object = {
    type: 'object',
    additionalProperties: false,
    required: ['address', 'port'],
    properties: parts,
  };
  const item = { anyOf: [{ type: 'string', pattern: ':\\d{1,5}$' }, object] };
  return {
    description: 'The servers, like 10.0.0.5:8080.',
    anyOf: [item, { type: 'array', minItems: 1, items: item }],
  };
}
