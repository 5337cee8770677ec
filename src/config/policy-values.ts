import type { Json, JsonObject } from '../shared/json.js';
import { invalid, parseConfig, readNamed, type ReadFile } from './file.js';
import { parseDuration } from './formats.js';
import type { Grant, NamespacePolicy, PolicySettings } from './policy.js';
import type { ConfigKey } from './schema.js';
import { validate } from './validate.js';

/** A valid value of `policy.<key>`, or undefined. */
export type PolicyValue = (key: string) => Json | undefined;

/** Builds the policy from valid values; `base` has those that are absent. */
export function policyFrom(get: PolicyValue, base: PolicySettings): PolicySettings {
  const list = (key: string, otherwise: readonly string[]): readonly string[] =>
    (get(key) as readonly string[] | undefined) ?? otherwise;
  const weight = (get('custom_weight') as number | undefined) ?? base.customWeight;
  const file = (get('file') as string | undefined) ?? base.file;
  const grace = get('claim_grace') as string | number | undefined;
  const namespaces = get('namespaces') as Readonly<Record<string, JsonObject>> | undefined;
  return {
    mode: (get('mode') as PolicySettings['mode'] | undefined) ?? base.mode,
    ...(file === undefined ? {} : { file }),
    reservedDomains: list('reserved_domains', base.reservedDomains),
    protectedFrontends: list('protected_frontends', base.protectedFrontends),
    protectedBackends: list('protected_backends', base.protectedBackends),
    allowedAddresses: list('allowed_addresses', base.allowedAddresses),
    checkMethods: list('check_methods', base.checkMethods),
    ...(weight === undefined ? {} : { customWeight: weight }),
    claimGraceMs: grace === undefined ? base.claimGraceMs : parseDuration(grace)!,
    grants: (get('grants') as readonly Grant[] | undefined) ?? base.grants,
    namespaces: namespaces === undefined ? base.namespaces : namespacesFrom(namespaces),
  };
}

function namespacesFrom(
  given: Readonly<Record<string, JsonObject>>,
): Readonly<Record<string, NamespacePolicy>> {
  return Object.fromEntries(
    Object.entries(given).map(([name, one]): [string, NamespacePolicy] => {
      const { domains, frontends, backends, addresses, features, grants } =
        one as Partial<NamespacePolicy>;
      return [
        name,
        {
          domains: domains ?? [],
          ...(frontends === undefined ? {} : { frontends }),
          backends: backends ?? [],
          ...(addresses === undefined ? {} : { addresses }),
          features: features ?? [],
          grants: grants ?? [],
        },
      ];
    }),
  );
}

/** Reads `policy.file`. Its keys are those of the section `policy`, without another file. */
export function readPolicyFile(
  path: string,
  base: PolicySettings,
  readFile: ReadFile,
): PolicySettings {
  const name = `policy.file: file ${path}`;
  const content = parseConfig(readNamed(readFile, path, name), name) as JsonObject;
  const label = (key: string): string => `${name}: ${key.replace(/^policy\.?/, '')}`;
  const problems = validate({ policy: content }, label).map(({ message }) => message);
  const get: PolicyValue = (key) => content[key];
  if (problems.length === 0 && get('file') !== undefined) {
    problems.push(`${label('policy.file')} is not allowed here`);
  }
  if (problems.length > 0) throw invalid(problems.join('\n'));
  return policyFrom(get, base);
}

/** The keys of the section in the settings. */
export function policyKey(key: string): ConfigKey {
  return `policy.${key}` as ConfigKey;
}
