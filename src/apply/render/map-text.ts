import { parseMapFile } from '../../actual/normalise/parse.js';
import { effectOf } from '../../diff/steps.js';
import type { EntryStep } from '../../diff/types.js';

/**
 * A map's file. Lists are searched in the order of their lines, so the longest path comes first. An
 * empty file is refused, so there is always a comment.
 */
export function renderMap(entries: Readonly<Record<string, string>>): string {
  const keys = Object.keys(entries).sort(
    (a, b) => pathLength(b) - pathLength(a) || b.length - a.length || (a < b ? -1 : 1),
  );
  const lines = keys.map((key) => `${key} ${entries[key] ?? ''}`);
  return ['# kept by haproxy-nomad-connector', ...lines, ''].join('\n');
}

/** From the first slash that is neither in a class nor what a host's end looks ahead to. */
function pathLength(key: string): number {
  const plain = key.replace(/\[\^\/[^\]]*\]|\(\?=\/\)/g, '');
  const start = plain.indexOf('/');
  return start === -1 ? 0 : plain.length - start;
}

/**
 * A file that the operator shares with us: only the lines of these entries change. A line known as
 * ours, or identical to one we would write, is replaced. One that somebody wrote meanwhile stays, and
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
