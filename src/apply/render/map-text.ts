import { parseMapFile } from '../../actual/normalise/parse.js';
import { effectOf } from '../../diff/steps.js';
import type { EntryStep } from '../../diff/types.js';

/**
 * Renders a map file. Lists are searched in line order, so the longest path comes first. Empty
 * files are refused, so there is always a comment.
 */
export function renderMap(entries: Readonly<Record<string, string>>): string {
  const keys = Object.keys(entries).sort(
    (a, b) => pathLength(b) - pathLength(a) || b.length - a.length || (a < b ? -1 : 1),
  );
  const lines = keys.map((key) => `${key} ${entries[key] ?? ''}`);
  return ['# kept by haproxy-nomad-connector', ...lines, ''].join('\n');
}

/** From the first slash that is neither in a class nor in the lookahead at the host's end. */
function pathLength(key: string): number {
  const plain = key.replace(/\[\^\/[^\]]*\]|\(\?=\/\)/g, '');
  const start = plain.indexOf('/');
  return start === -1 ? 0 : plain.length - start;
}

/**
 * Edits a file shared with the operator: only the lines of these entries change. Lines known to be
 * ours, or identical to ones we would write, are replaced. A line added by someone else stays, and
 * wins because it comes first.
 */
export function editMap(
  text: string,
  steps: readonly EntryStep[],
  isOurs: (key: string, value: string) => boolean,
): string {
  const changed = new Map(steps.map((step) => [step.key, step]));
  const kept = text.split('\n').filter((line) => {
    const [[key, value] = ['', '']] = Object.entries(parseMapFile(line));
    const step = changed.get(key);
    return step === undefined || !(isOurs(key, value) || step.value === value);
  });
  if (kept.at(-1) === '') kept.pop();
  const added = steps.filter(({ kind }) => effectOf(kind) !== 'remove');
  return [...kept, ...added.map(({ key, value }) => `${key} ${value}`), ''].join('\n');
}
