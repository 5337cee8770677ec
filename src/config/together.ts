import type { MergedValues } from './merged.js';
import { readerOf, type Reader } from './reader.js';
import type { ConfigKey } from './schema.js';
import { givenTargets, unfitTargets } from './targets.js';

/** Values that are valid on their own but not together. */
export function unfit(merged: MergedValues): string[] {
  const read = readerOf(merged);
  const problems = [
    ...outOfOrder(read, merged, 'sync.debounce', 'sync.debounce_max'),
    ...outOfOrder(read, merged, 'sync.backoff_min', 'sync.backoff_max'),
  ];
  return [
    ...problems,
    ...halfPair(merged, 'nomad.client_cert', 'nomad.client_key'),
    ...halfPair(merged, 'haproxy.client_cert', 'haproxy.client_key'),
    ...unfitTargets(merged.get('haproxy.targets')),
    ...unknownCanary(merged),
    ...twoModes(merged),
    ...adoptingPolicy(merged),
  ];
}

function halfPair(merged: MergedValues, certKey: ConfigKey, keyKey: ConfigKey): string[] {
  const [cert, key] = [merged.get(certKey), merged.get(keyKey)];
  if ((cert === undefined) === (key === undefined)) return [];
  const missing = cert === undefined ? certKey : keyKey;
  return [`${(cert ?? key)!.name}: ${missing} is missing; set both or neither`];
}

function outOfOrder(read: Reader, merged: MergedValues, low: ConfigKey, high: ConfigKey): string[] {
  if (read.ms(low) <= read.ms(high)) return [];
  const name = (merged.get(low) ?? merged.get(high))?.name;
  const values = `${low} is ${read.either(low)}, ${high} is ${read.either(high)}`;
  return [`${name}: ${low} must not exceed ${high}: ${values}`];
}

/** What is adopted is removed in the same transaction. */
function adoptingPolicy(merged: MergedValues): string[] {
  const [adopt, policy] = [merged.get('ownership.adopt'), merged.get('sync.policy')];
  if (adopt?.value !== true || policy === undefined || policy.value === 'sync') return [];
  const said = `ownership.adopt removes what it takes over, which sync.policy ${JSON.stringify(policy.value)} forbids`;
  return [`${policy.name}: ${said}; adopt with "sync" first`];
}

/** Where the targets are listed, their names are known. */
function unknownCanary(merged: MergedValues): string[] {
  const [canary, targets] = [merged.get('rollout.canary'), merged.get('haproxy.targets')];
  if (canary === undefined || targets === undefined) return [];
  const names = givenTargets(targets.value).map(({ name }) => name);
  if (names.some((name) => name === canary.value)) return [];
  return [
    `${canary.name}: there is no target ${JSON.stringify(canary.value)}; there is ${names.join(', ')}`,
  ];
}

function twoModes(merged: MergedValues): string[] {
  const [mode, enabled] = [merged.get('routing.mode'), merged.get('domain_map.enabled')];
  if (mode === undefined || enabled === undefined || mode.rank !== enabled.rank) return [];
  if ((mode.value === 'map') === enabled.value) return [];
  const enabledHere = enabled.value === true;
  const said = `${JSON.stringify(mode.value)} contradicts domain_map.enabled: ${enabledHere}`;
  return [`${mode.name}: ${said}; remove one of them`];
}
