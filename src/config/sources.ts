import { isObject, type Json, type JsonObject } from '../shared/json.js';
import { invalid, parseConfig, readNamed, withoutUnset, type ReadFile } from './file.js';
import { leaves, type ConfigKey, type Leaf } from './schema.js';
import { validate } from './validate.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Settings that have a flag. */
export interface SettingsFlags {
  readonly configFile?: string;
  readonly nomadAddress?: string;
  readonly haproxyAddress?: string;
  readonly frontends?: readonly string[];
  readonly routingMode?: string;
  readonly httpListen?: string;
  readonly logLevel?: string;
  readonly policy?: string;
  readonly adopt?: boolean;
  readonly allowRemovals?: boolean;
}

/** The valid values of one source, structured like the file, and its problems. */
export interface Layer {
  readonly values: ReadonlyMap<ConfigKey, Json>;
  /** The name of a key in messages about this source. */
  readonly label: (key: string) => string;
  readonly problems: readonly string[];
}

const flagKeys = {
  nomadAddress: 'nomad.address',
  haproxyAddress: 'haproxy.address',
  frontends: 'haproxy.frontends',
  routingMode: 'routing.mode',
  httpListen: 'http.listen',
  logLevel: 'log.level',
  policy: 'sync.policy',
  adopt: 'ownership.adopt',
  allowRemovals: 'guard.allow_removals',
} as const satisfies Record<Exclude<keyof SettingsFlags, 'configFile'>, ConfigKey>;

export function flagLayer(flags: SettingsFlags): Layer {
  const values = new Map<ConfigKey, Json>();
  for (const [flag, key] of Object.entries(flagKeys)) {
    const value = flags[flag as keyof typeof flagKeys];
    if (value !== undefined) values.set(key, value);
  }
  return layer(values, (key) =>
    key === 'haproxy.frontends' ? '--frontend' : (leaves.get(key as ConfigKey)?.flag ?? key),
  );
}

/** An empty variable counts as unset. */
export function environmentLayer(env: Environment): Layer {
  const values = new Map<ConfigKey, Json>();
  for (const [key, leaf] of leaves) {
    const text = leaf.env === undefined ? undefined : env[leaf.env];
    if (text === undefined || text === '') continue;
    if (key === 'haproxy.frontend' && text.includes(',')) {
      values.set(
        'haproxy.frontends',
        text.split(',').map((name) => name.trim()),
      );
    } else {
      values.set(key, typed(text, leaf));
    }
  }
  return layer(values, variableLabel);
}

function variableLabel(key: string): string {
  const named = key === 'haproxy.frontends' ? 'haproxy.frontend' : key;
  return `environment variable ${leaves.get(named as ConfigKey)?.env ?? key}`;
}

/** Text that doesn't parse as the key's type stays text, which the schema refuses. */
function typed(text: string, leaf: Leaf): Json {
  if (leaf.type === 'boolean') {
    if (/^(1|t|true|yes|on)$/i.test(text)) return true;
    return /^(0|f|false|no|off)$/i.test(text) ? false : text;
  }
  return leaf.type === 'integer' && /^-?\d+$/.test(text.trim()) ? Number(text) : text;
}

export function fileLayer(path: string, readFile: ReadFile): Layer {
  const name = `config file ${path}`;
  const config = withoutUnset(parseConfig(readNamed(readFile, path, name), name));
  const label = (key: string): string => `${name}: ${key}`;
  const problems = validate(config, label);
  const wrong = new Set(problems.map((problem) => problem.key));
  const values = new Map([...flatten(config)].filter(([key]) => !wrong.has(key)));
  return { values, label, problems: problems.map((problem) => problem.message) };
}

function layer(all: ReadonlyMap<ConfigKey, Json>, label: (key: string) => string): Layer {
  const problems = validate(nest(all), label);
  const wrong = new Set(problems.map((problem) => problem.key));
  const values = new Map([...all].filter(([key]) => !wrong.has(key)));
  return { values, label, problems: problems.map((problem) => problem.message) };
}

/** Reads a secret from the file named by another key, without the final line break. */
export function secretFrom(
  key: ConfigKey,
  path: string,
  namedBy: string,
  readFile: ReadFile,
): string {
  const name = `${namedBy}: file ${path}`;
  const secret = readNamed(readFile, path, name).replace(/[\r\n]+$/, '');
  if (secret === '') throw invalid(`${name}: is empty`);
  const [problem] = validate(nest(new Map([[key, secret]])), () => name);
  if (problem !== undefined) throw invalid(problem.message);
  return secret;
}

function nest(values: ReadonlyMap<ConfigKey, Json>): JsonObject {
  const nested: Record<string, Record<string, Json>> = {};
  for (const [key, value] of values) {
    const [section, name] = key.split('.') as [string, string];
    (nested[section] ??= {})[name] = value;
  }
  return nested;
}

function flatten(config: Json): ReadonlyMap<ConfigKey, Json> {
  const values = new Map<ConfigKey, Json>();
  for (const key of leaves.keys()) {
    const [section, name] = key.split('.') as [string, string];
    const keys = isObject(config) ? config[section] : undefined;
    const value = isObject(keys) ? keys[name] : undefined;
    if (value !== undefined) values.set(key, value);
  }
  return values;
}
