import { type Check, type Facts, groups, type Lack, type Line } from './types.js';
import type { FactSource } from './facts/source.js';

/**
 * Runs all checks, each once what it needs is known or is known to be lacking. Throws nothing but a
 * bug. `now` is Unix milliseconds.
 */
export async function examine(
  checks: readonly Check[],
  source: FactSource,
  now: () => number = Date.now,
): Promise<readonly Line[]> {
  const known = await Promise.all(checks.map(({ needs }) => source.all(needs)));
  const lines: Line[] = [];
  for (const [at, check] of checks.entries()) {
    const facts = known[at];
    if (facts === undefined) continue;
    if ('lacks' in facts) lines.push(lineOfLack(check, facts.lacks, lines));
    else lines.push(...linesOf(check, facts.known, now()));
  }
  return groups.flatMap((group) => lines.filter((line) => line.group === group));
}

function linesOf(check: Check, known: Facts, now: number): readonly Line[] {
  const { id, group } = check;
  return check.run(known, now).map((finding) => ({ ...finding, check: id, group }));
}

/** One line says what is wrong, and the others only why they can't say anything. */
function lineOfLack({ id, group }: Check, lacks: Lack, before: readonly Line[]): Line {
  const { says, fix, short } = lacks;
  const isTold = before.some((line) => line.level === 'error' && says.startsWith(line.says));
  if (isTold) return { level: 'not-checked', says: `not checked: ${short}`, check: id, group };
  return { level: 'error', says, fix, check: id, group };
}
