import type { Explanation } from './types.js';

type Answered = Pick<Explanation, 'target' | 'text'>;

/**
 * HAProxies that don't answer as most do; where none are more, as the first does. `answered`: in the
 * order of the settings.
 */
export function differing<T extends Answered>(answered: readonly T[]): readonly T[] {
  const usual = usualText(answered);
  return answered.filter(({ text }) => text !== usual);
}

/** The last line of an explanation over several. Empty with fewer than two answers. */
export function differencesText(answered: readonly Answered[]): string {
  if (answered.length < 2) return '';
  const others = differing(answered);
  if (others.length === 0) return `all ${answered.length} HAProxies answer alike`;
  const usual = answered.filter((one) => !others.includes(one));
  const than = usual.map(({ target }) => target).join(', ');
  return others.map(({ target, text }) => `${target} differs from ${than}: ${text}`).join('\n');
}

function usualText(answered: readonly Answered[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { text } of answered) counts.set(text, (counts.get(text) ?? 0) + 1);
  const most = Math.max(0, ...counts.values());
  return answered.find(({ text }) => counts.get(text) === most)?.text;
}
