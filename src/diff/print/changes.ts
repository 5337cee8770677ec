import { visible } from '../../shared/text.js';
import type { Plan, Step } from '../types.js';
import type { NodeOf } from './instance.js';
import { keptLines, type PlanLine, planLines } from './lines.js';

/**
 * A plan's changes, one line each:
 * `+ server 10.0.0.1:80 in backend nomad_web: check GET /; alloc 1a2b3c4d, job web, node n1`.
 */
export function changeLines(plan: Plan, nodeOf?: NodeOf): readonly string[] {
  return planLines(plan, nodeOf)
    .filter(({ counts }) => counts)
    .map(textOf);
}

/** The same for what `sync.policy` keeps. */
export function keptChanges(steps: readonly Step[]): readonly string[] {
  return keptLines(steps).map(textOf);
}

function textOf({ sign, group, subject, detail }: PlanLine): string {
  const where = group === subject ? '' : ` in ${group}`;
  return visible(`${sign} ${subject}${where}${detail === '' ? '' : `: ${detail}`}`);
}
