import { stepIs } from '../dispatch.js';
import type { Step } from '../types.js';

const isRemoval = stepIs({ object: ['backend', 'server', 'rule', 'entry'], effect: 'remove' });
const isChange = stepIs({ object: ['backend', 'server', 'entry'], effect: 'change' });
const isNewRule = stepIs({ object: 'rule', effect: 'create' });

/** What `sync` would do too: the steps of its plan that this one has not. */
export function keptSteps(planned: readonly Step[], synced: readonly Step[]): readonly Step[] {
  const has = new Set(planned.map(keyOf));
  return synced.filter((step) => isHeld(step) && !has.has(keyOf(step)));
}

function isHeld(step: Step): boolean {
  // More servers for an unchanged section.
  if (step.kind === 'replace-backend' && step.changes.length === 0) return false;
  return isRemoval(step) || isChange(step) || isNewRule(step);
}

/** The same change has the same key, however many servers go with it. */
function keyOf(step: Step): string {
  switch (step.kind) {
    case 'delete-backend':
      return JSON.stringify([step.kind, step.backend]);
    case 'replace-backend':
      return JSON.stringify([step.kind, step.backend, step.changes]);
    case 'delete-server':
      return JSON.stringify([step.kind, step.backend, step.before.name]);
    case 'replace-server':
      return JSON.stringify([step.kind, step.backend, step.slot.name]);
    case 'insert-rule':
    case 'delete-rule':
      return JSON.stringify([step.kind, step.frontend, step.list, step.rule]);
    case 'add-entry':
    case 'set-entry':
    case 'delete-entry':
      return JSON.stringify([step.kind, step.map, step.key, step.value]);
    default:
      return '';
  }
}
