import { invalid, type ReadFile } from './file.js';
import type { Merged, MergedValues } from './merged.js';
import { leaves, type ConfigKey } from './schema.js';
import { secretFrom, type Layer } from './sources.js';
import { withPasswords } from './targets.js';
import { asConnectorError } from '../shared/errors.js';

/** Alternative keys: a source that sets one overrides both in lower sources. */
const groups: readonly (readonly ConfigKey[])[] = [
  ['nomad.address', 'nomad.unix_addr'],
  ['nomad.token', 'nomad.token_file'],
  ['haproxy.username', 'haproxy.username_file'],
  ['haproxy.password', 'haproxy.password_file'],
  ['haproxy.frontend', 'haproxy.frontends'],
  ['haproxy.address', 'haproxy.targets', 'haproxy.discover'],
];

/** Merges layers, highest precedence first. Adds errors to the problems. */
export function merge(layers: readonly Layer[], problems: string[]): MergedValues {
  const grouped = new Set(groups.flat());
  const alone = [...leaves.keys()].filter((key) => !grouped.has(key)).map((key) => [key]);
  const merged = new Map<ConfigKey, Merged>();
  for (const group of [...groups, ...alone]) {
    const rank = layers.findIndex(({ values }) => group.some((key) => values.has(key)));
    const layer = layers[rank];
    for (const key of layer === undefined ? [] : group) {
      const value = layer!.values.get(key);
      if (value !== undefined) merged.set(key, { value, rank, name: layer!.label(key) });
    }
  }
  problems.push(...contradictions(merged));
  return merged;
}

function contradictions(merged: MergedValues): string[] {
  const pairs: readonly (readonly [ConfigKey, ConfigKey])[] = [
    ['haproxy.username', 'haproxy.username_file'],
    ['haproxy.password', 'haproxy.password_file'],
    ['haproxy.frontend', 'haproxy.frontends'],
    ['haproxy.address', 'haproxy.targets'],
    ['haproxy.address', 'haproxy.discover'],
    ['haproxy.targets', 'haproxy.discover'],
  ];
  return pairs.flatMap(([one, other]) => {
    const [first, second] = [merged.get(one), merged.get(other)];
    if (first === undefined || second === undefined) return [];
    return [`${first.name} and ${leaves.get(other)?.env ?? other}: set only one of them`];
  });
}

const secretFiles: readonly (readonly [ConfigKey, ConfigKey])[] = [
  ['nomad.token', 'nomad.token_file'],
  ['haproxy.username', 'haproxy.username_file'],
  ['haproxy.password', 'haproxy.password_file'],
];

/**
 * Reads the files that hold secrets. A token file beats a token from the same source: Nomad gives a
 * workload both and renews only the file.
 */
export function withSecrets(
  merged: MergedValues,
  readFile: ReadFile,
  problems: string[],
): MergedValues {
  const result = new Map(merged);
  for (const [key, fileKey] of secretFiles) {
    const file = merged.get(fileKey);
    if (typeof file?.value !== 'string') continue;
    try {
      result.set(key, { ...file, value: secretFrom(key, file.value, file.name, readFile) });
    } catch (error) {
      problems.push(asConnectorError(error).message);
    }
  }
  const targets = merged.get('haproxy.targets');
  try {
    if (targets !== undefined) {
      result.set('haproxy.targets', { ...targets, value: withPasswords(targets, readFile) });
    }
  } catch (error) {
    problems.push(asConnectorError(error).message);
  }
  return result;
}

/** One error with all problems, one per line. */
export function throwProblems(problems: readonly string[]): void {
  if (problems.length > 0) throw invalid(problems.join('\n'));
}
