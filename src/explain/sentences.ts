import { healthOf, type Health } from './health.js';
import { labelOf } from './service.js';
import { shortName } from './words.js';
import type {
  Answer,
  BackendExplained,
  ClaimExplained,
  FrontendRoute,
  NextPass,
  Reason,
  Seen,
  ServiceExplained,
} from './types.js';

/** What the sentences are made from. */
export interface Parts {
  readonly routes: readonly FrontendRoute[];
  readonly claims: readonly ClaimExplained[];
  readonly services: readonly ServiceExplained[];
  readonly backends: ReadonlyMap<string, BackendExplained>;
  readonly next: NextPass;
  /** Names like the one that is asked for. */
  readonly near: () => readonly string[];
  readonly seen: Seen;
}

export interface Why {
  readonly reason: Reason;
  readonly text: string;
}

export function healthIn(
  backend: string,
  service: ServiceExplained | undefined,
  { backends, seen }: Parts,
): Health {
  const known = backends.get(backend);
  const none = { name: backend, owner: 'connector', exists: false, servers: [], free: 0 } as const;
  return healthOf(known ?? none, service, seen);
}

/** HAProxy has a route that Nomad doesn't ask for any more. */
export function leaving(
  text: string,
  health: Health,
  service: ServiceExplained | undefined,
  { next, seen }: Parts,
): Answer {
  const { answers } = health;
  if (next.held !== undefined) {
    const held = `${text}; its removal is held: ${next.held}`;
    return { answers, reason: answers ? 'removal-held' : health.reason, text: held };
  }
  const skipped = service?.skipped;
  if (skipped !== undefined) {
    return { ...health, text: `${text}; ${skippedText(service?.service ?? '', skipped)}` };
  }
  const name = shortName(service?.service ?? '');
  const gone = service === undefined || !isInNomad(service.service, seen);
  const why = gone
    ? `Nomad has no service ${name} any more`
    : `${name} doesn't ask for it any more`;
  if (next.kept.length > 0) {
    const kept = `${text}; ${keeper(seen)} keeps it: ${why}`;
    return { answers, reason: 'kept-by-policy', text: kept };
  }
  return { ...health, text: `${text}, until the next pass removes it: ${why}` };
}

export function isInNomad(service: string, { picture }: Seen): boolean {
  const { catalog, desired } = picture;
  return (
    [...catalog.services, ...(catalog.unreadable ?? [])].some((one) => labelOf(one) === service) ||
    desired.backends.some((one) => one.service === service)
  );
}

/** `sync.policy (upsert-only)`. */
function keeper({ settings }: Seen): string {
  return `sync.policy (${settings.sync.policy})`;
}

export function notApplied(what: string, { next, seen }: Pick<Parts, 'next' | 'seen'>): Why {
  const { problems, steps, kept } = next;
  const [problem] = problems;
  if (problem === undefined && steps.length === 0 && kept.length > 0) {
    const text = `${what} is not in HAProxy: ${keeper(seen)} keeps what is there instead`;
    return { reason: 'kept-by-policy', text };
  }
  const then =
    problem === undefined
      ? steps.length === 0
        ? ''
        : '; the next pass adds it, and if it stays so, the passes of the running connector fail: see its log'
      : `: ${problem}`;
  return { reason: 'not-applied', text: `${what} is not in HAProxy yet${then}` };
}

export type SkippedExplained = NonNullable<ServiceExplained['skipped']>;

export function skippedText(service: string, { reason }: SkippedExplained): string {
  return `${shortName(service)} is skipped: ${reason}`;
}

export function skipReason(service: string, { code, reason }: SkippedExplained): Reason {
  if (code !== 'domain-claimed') return 'skipped';
  const owner = /\bbelongs to (?:namespace )?(\S+)/.exec(reason)?.[1] ?? '';
  const namespace = service.slice(0, Math.max(0, service.indexOf('/')));
  const isForeign = owner.includes('/') && !owner.startsWith(`${namespace}/`);
  return isForeign || reason.includes('belongs to namespace')
    ? 'claimed-by-namespace'
    : 'claimed-by-service';
}

/** `2026-01-01T00:00:00Z`. */
export function timeText(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? String(ms) : time.toISOString().replace(/\.\d+Z$/, 'Z');
}
