import type { Settings } from '../config/types.js';
import { planDocument, type PlanDocument, type Redact } from '../diff/print/print.js';
import type { Plan } from '../diff/types.js';
import type { Approval } from '../pass/approval.js';
import { ConnectorError } from '../shared/errors.js';
import { basisOf, type Planned, redacted, type SavedPlan } from './document.js';

type Change = PlanDocument['changes'][number];

/** What a pass may write for this saved plan: what it says, from what it was made from. */
export function approvalOf(saved: SavedPlan, settings: Settings, redact: Redact): Approval {
  const approved = new Set(saved.changes.map(changeText));
  return {
    requireSame: (planned) => {
      const moved = movedSince(saved, planned, settings, redact);
      if (moved.length > 0) throw refusal(moved, 'nothing was changed');
    },
    requireWithin: (plan) => {
      const more = changesOf(plan, redact).filter((one) => !approved.has(one));
      if (more.length > 0) {
        throw refusal([`it would also: ${some(more)}`], 'what is left of it was not applied');
      }
    },
  };
}

function refusal(why: readonly string[], outcome: string): ConnectorError {
  const message = `the saved plan no longer fits, ${outcome}: ${why.join('; ')}`;
  return new ConnectorError('plan-refused', message, { retryable: false });
}

/** One line for each thing that moved; none if the plan would be the same. */
export function movedSince(
  saved: SavedPlan,
  planned: Planned,
  settings: Settings,
  redact: Redact,
): readonly string[] {
  const now = basisOf(planned, settings);
  const { header } = planned.plan;
  const { basis } = saved;
  const other = [
    ...different('it is for target', basis.target, now.target),
    ...different('it is for HAProxy', saved.haproxy, redact(header.url)),
    ...different('it is for scope', basis.scope, now.scope),
    ...different('it is for ownership.prefix', basis.ownershipPrefix, now.ownershipPrefix),
    ...different('it is for sync.policy', basis.syncPolicy ?? 'sync', now.syncPolicy ?? 'sync'),
  ];
  if (other.length > 0) return other;
  return [
    ...configMoved(saved, header.configVersion, now.configChecksum),
    ...(basis.stepsDigest === now.stepsDigest ? [] : stepsMoved(saved, planned.plan, redact)),
  ];
}

function different(what: string, saved: string, now: string): string[] {
  return saved === now ? [] : [`${what} ${JSON.stringify(saved)}, not ${JSON.stringify(now)}`];
}

function configMoved({ configVersion, basis }: SavedPlan, version: number, checksum: string) {
  if (configVersion !== version) {
    return [`HAProxy's configuration moved from version ${configVersion} to ${version}`];
  }
  if (basis.configChecksum === checksum) return [];
  return [`HAProxy's configuration is another, also version ${version}`];
}

function stepsMoved(saved: SavedPlan, plan: Plan, redact: Redact): string[] {
  const before = saved.changes.map(changeText);
  const after = changesOf(plan, redact);
  const more = after.filter((one) => !before.includes(one));
  const less = before.filter((one) => !after.includes(one));
  const index = plan.header.catalogIndex;
  const nomad =
    index === saved.nomadIndex
      ? []
      : [`Nomad's catalog moved from index ${saved.nomadIndex} to ${index}`];
  return [
    ...nomad,
    ...(more.length > 0 ? [`it would now also: ${some(more)}`] : []),
    ...(less.length > 0 ? [`it would no longer: ${some(less)}`] : []),
    ...(more.length + less.length === 0 ? ['the same changes would be made otherwise'] : []),
  ];
}

function changesOf(plan: Plan, redact: Redact): readonly string[] {
  return redacted(planDocument(plan), redact).changes.map(changeText);
}

/** `add server 10.0.0.1:80 in backend nomad_web (check GET /)`. */
function changeText({ action, within, subject, detail }: Change): string {
  const where = within === undefined ? '' : ` in ${within}`;
  return `${action} ${subject}${where}${detail === undefined ? '' : ` (${detail})`}`;
}

const maxNamed = 5;

function some(texts: readonly string[]): string {
  const more = texts.length > maxNamed ? ` and ${texts.length - maxNamed} more` : '';
  return `${texts.slice(0, maxNamed).join(', ')}${more}`;
}
