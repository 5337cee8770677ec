import type { MergedValues } from './merge.js';
import { readerOf, type Reader } from './reader.js';
import type { ConfigKey } from './schema.js';

/** Values that are valid on their own but not together. */
export function unfit(merged: MergedValues): string[] {
  const read = readerOf(merged);
  const problems = [
    ...outOfOrder(read, merged, 'sync.debounce', 'sync.debounce_max'),
    ...outOfOrder(read, merged, 'sync.backoff_min', 'sync.backoff_max'),
  ];
  const [cert, key] = [merged.get('nomad.client_cert'), merged.get('nomad.client_key')];
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? 'nomad.client_cert' : 'nomad.client_key';
    problems.push(`${(cert ?? key)!.name}: ${missing} is missing; set both or neither`);
  }
  return [...problems, ...twoModes(merged)];
}

function outOfOrder(read: Reader, merged: MergedValues, low: ConfigKey, high: ConfigKey): string[] {
  if (read.ms(low) <= read.ms(high)) return [];
  const name = (merged.get(low) ?? merged.get(high))?.name;
  const values = `${low} is ${read.either(low)}, ${high} is ${read.either(high)}`;
  return [`${name}: ${low} must not exceed ${high}: ${values}`];
}

function twoModes(merged: MergedValues): string[] {
  const [mode, enabled] = [merged.get('routing.mode'), merged.get('domain_map.enabled')];
  if (mode === undefined || enabled === undefined || mode.rank !== enabled.rank) return [];
  if ((mode.value === 'map') === enabled.value) return [];
  const enabledHere = enabled.value === true;
  const said = `${JSON.stringify(mode.value)} contradicts domain_map.enabled: ${enabledHere}`;
  return [`${mode.name}: ${said}; remove one of them`];
}
