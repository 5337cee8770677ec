import { type Parts, skippedText, skipReason, type Why } from './sentences.js';
import { shortName } from './words.js';
import type { ClaimExplained } from './types.js';

export function whyUnclaimed(parts: Parts): Why {
  const { claims } = parts;
  const onPath = (...states: readonly ClaimExplained['state'][]): ClaimExplained | undefined =>
    claims.find((one) => one.onPath && states.includes(one.state));
  const denied = onPath('skipped', 'lost');
  if (denied !== undefined) return deniedText(denied, parts);
  const elsewhere = claims.filter(({ state }) => state === 'owns');
  if (elsewhere.length > 0) return otherPaths(elsewhere);
  const other = onPath('not-enabled');
  if (other !== undefined) {
    const name = shortName(other.service);
    return {
      reason: 'not-enabled',
      text: `${name} asks for it, but has not opted in: ${other.why}`,
    };
  }
  const gone = onPath('gone');
  if (gone !== undefined) return { reason: 'gone', text: goneText(gone.service, parts) };
  const onOtherPath = claims.find(({ state }) => state === 'skipped' || state === 'lost');
  if (onOtherPath !== undefined) return deniedText(onOtherPath, parts);
  return unclaimed(parts);
}

function unclaimed({ near }: Parts): Why {
  const names = near();
  const hint = names.length === 0 ? '' : `; did you mean ${names.join(' or ')}?`;
  return { reason: 'unknown-host', text: `no service claims it${hint}` };
}

function deniedText({ service, state, why }: ClaimExplained, { services }: Parts): Why {
  const skipped = services.find((one) => one.service === service)?.skipped;
  if (skipped !== undefined) {
    return { reason: skipReason(service, skipped), text: skippedText(service, skipped) };
  }
  const reason = state === 'lost' ? 'claimed-by-service' : 'skipped';
  const because = why === undefined ? '' : `: ${why}`;
  return { reason, text: `${shortName(service)} asks for it and doesn't get it${because}` };
}

export const mostNamed = 3;

function otherPaths(claims: readonly ClaimExplained[]): Why {
  const named = claims
    .slice(0, mostNamed)
    .map(({ route, service }) => `${route} (${shortName(service)})`)
    .join(', ');
  const more = claims.length > mostNamed ? ` and ${claims.length - mostNamed} more` : '';
  return { reason: 'path-mismatch', text: `of this host only ${named}${more} is routed` };
}

export function goneText(service: string, { services }: Parts): string {
  const job = services.find((one) => one.service === service)?.jobs[0];
  const why = job?.stopped === true ? `job ${job.job} is stopped` : 'Nomad has no such service now';
  return `${shortName(service)} claimed it until recently, but ${why}`;
}
