import { visible } from '../../shared/text.js';
import type { Plan } from '../types.js';
import { planLines } from './lines.js';

/** A plan's changes, one line each: `+ server 10.0.0.1:80 in backend nomad_web: check GET /`. */
export function changeLines(plan: Plan): readonly string[] {
  return planLines(plan)
    .filter(({ counts }) => counts)
    .map(({ sign, group, subject, detail }) => {
      const where = group === subject ? '' : ` in ${group}`;
      return visible(`${sign} ${subject}${where}${detail === '' ? '' : `: ${detail}`}`);
    });
}
