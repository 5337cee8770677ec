import type { Health } from './health.js';
import { healthOf } from './health.js';
import { decodedLabel, notEnabledText } from './claims.js';
import { matchesHost, matchesPath, requestText } from './query.js';
import type { Request } from './request.js';
import { routesOf } from './routes.js';
import { labelOf } from './service.js';
import { nearestOf } from './suggest.js';
import { shortName } from './words.js';
import type {
  Answer,
  BackendExplained,
  ClaimExplained,
  End,
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
  readonly seen: Seen;
}

/** Of all frontends; where they differ, each is named. */
export function answerForHost(request: Request, parts: Parts): Answer {
  const [first, ...others] = parts.routes;
  const name = requestText(request);
  if (first === undefined) {
    const why = parts.next.problems[0] ?? 'HAProxy has none of the frontends that should route it';
    return { answers: false, reason: 'not-applied', text: `${name} is not routed: ${why}` };
  }
  const main = answerIn(first, request, parts);
  const rest = others.map((route) => ({ route, answer: answerIn(route, request, parts) }));
  const differing = rest.filter(({ answer }) => answer.text !== main.text);
  const more = differing.map(
    ({ route, answer }) => `; in frontend ${route.frontends.join(', ')} ${answer.text}`,
  );
  return { ...main, text: `${main.text}${more.join('')}` };
}

function answerIn(route: FrontendRoute, request: Request, parts: Parts): Answer {
  const { end } = route;
  switch (end.kind) {
    case 'service':
      return answerOfService(end, request, parts);
    case 'operator':
      return answerOfOperator(end, route, request, parts);
    case 'default':
      return answerOfDefault(end, route, request, parts);
  }
}

type EndOf<Kind extends End['kind']> = Extract<End, { kind: Kind }>;

function answerOfService({ backend }: EndOf<'service'>, request: Request, parts: Parts): Answer {
  const { seen, claims } = parts;
  const wanted = wantedRoutes(request, seen).find((one) => one.backend === backend);
  const service =
    parts.services.find((one) => one.service === wanted?.service) ??
    parts.services.find((one) => one.backend === backend);
  const health = healthIn(backend, service, parts);
  const text = `${requestText(request)} answers ${health.text}`;
  if (wanted === undefined) return leaving(text, health, service, parts);
  const losers = claims.filter(({ state, onPath }) => state === 'lost' && onPath);
  const held = parts.next.held === undefined ? '' : `; a removal is held: ${parts.next.held}`;
  const reason = held !== '' && health.answers ? 'removal-held' : health.reason;
  return { ...health, reason, text: `${text}${lossText(losers, claims, service)}${held}` };
}

function healthIn(
  backend: string,
  service: ServiceExplained | undefined,
  { backends, seen }: Parts,
): Health {
  const known = backends.get(backend);
  const none = { name: backend, owner: 'connector', exists: false, servers: [], free: 0 } as const;
  return healthOf(known ?? none, service, seen);
}

/** HAProxy has a route that Nomad doesn't ask for any more. */
function leaving(
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
  return { ...health, text: `${text}, until the next pass removes it: ${why}` };
}

function isInNomad(service: string, { picture }: Seen): boolean {
  const { catalog, desired } = picture;
  return (
    [...catalog.services, ...(catalog.unreadable ?? [])].some((one) => labelOf(one) === service) ||
    desired.backends.some((one) => one.service === service)
  );
}

/** `; b/web lost it to web, which has it since 2026-01-01T00:00:00Z`. */
function lossText(
  losers: readonly ClaimExplained[],
  claims: readonly ClaimExplained[],
  owner: ServiceExplained | undefined,
): string {
  const names = [...new Set(losers.map(({ service }) => shortName(service)))];
  if (names.length === 0 || owner === undefined) return '';
  const claim = claims.find(({ state, service }) => state === 'owns' && service === owner.service);
  return `; ${names.join(', ')} lost it to ${shortName(owner.service)}${sinceText(claim)}`;
}

function sinceText(claim: ClaimExplained | undefined): string {
  return claim?.since === undefined ? '' : `, which has claimed it since ${timeText(claim.since)}`;
}

/** `2026-01-01T00:00:00Z`. */
export function timeText(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? String(ms) : time.toISOString().replace(/\.\d+Z$/, 'Z');
}

function answerOfOperator(
  { rule, backend, status }: EndOf<'operator'>,
  { frontends }: FrontendRoute,
  request: Request,
  parts: Parts,
): Answer {
  const name = requestText(request);
  const owner = parts.claims.find(({ state, onPath }) => state === 'owns' && onPath);
  const known = backend === undefined ? undefined : parts.backends.get(backend);
  const health =
    known === undefined || known.servers.length === 0
      ? undefined
      : healthOf(known, undefined, parts.seen);
  const how = status === undefined ? (health === undefined ? '' : ` ${health.text}`) : ` ${status}`;
  const instead = owner === undefined ? '' : `, so ${shortName(owner.service)} doesn't get it`;
  return {
    answers: status === undefined ? (health?.answers ?? true) : status < 400,
    reason: 'operator-rule',
    text: `${name} answers${how} by the operator's own rule in frontend ${frontends.join(', ')}, which comes first: ${rule}${instead}`,
  };
}

function wantedRoutes(request: Request, { picture }: Seen) {
  return picture.desired.routes.filter(
    (route) => matchesHost(route, request) && matchesPath(route, request),
  );
}

/** No rule of ours took the request. */
function answerOfDefault(
  { backend, status }: EndOf<'default'>,
  { frontends, mode }: FrontendRoute,
  request: Request,
  parts: Parts,
): Answer {
  const name = requestText(request);
  const start =
    status === undefined
      ? `${name} goes to default_backend ${backend ?? '(none)'}`
      : `${name} answers ${status}`;
  const wanted = wantedRoutes(request, parts.seen).find(
    (route) =>
      route.match !== 'any' &&
      route.mode === mode &&
      route.frontends.some((one) => frontends.includes(one)),
  );
  const { reason, text } =
    wanted === undefined
      ? whyUnclaimed(request, parts)
      : notApplied(`its route to ${shortName(wanted.service)}`, parts.next);
  return { answers: false, reason, text: `${start}: ${text}` };
}

interface Why {
  readonly reason: Reason;
  readonly text: string;
}

function notApplied(what: string, { problems, steps }: NextPass): Why {
  const [problem] = problems;
  const then =
    problem === undefined
      ? steps.length === 0
        ? ''
        : '; the next pass adds it, and if it stays so, the passes of the running connector fail: see its log'
      : `: ${problem}`;
  return { reason: 'not-applied', text: `${what} is not in HAProxy yet${then}` };
}

function whyUnclaimed(request: Request, parts: Parts): Why {
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
  const denied2 = claims.find(({ state }) => state === 'skipped' || state === 'lost');
  if (denied2 !== undefined) return deniedText(denied2, parts);
  return unclaimed(request, parts.seen);
}

function unclaimed({ host }: Request, seen: Seen): Why {
  const near = nearestOf(host, seen);
  const hint = near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`;
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

type SkippedExplained = NonNullable<ServiceExplained['skipped']>;

function skippedText(service: string, { reason }: SkippedExplained): string {
  return `${shortName(service)} is skipped: ${reason}`;
}

function skipReason(service: string, { code, reason }: SkippedExplained): Reason {
  if (code !== 'domain-claimed') return 'skipped';
  const owner = /\bbelongs to (?:namespace )?(\S+)/.exec(reason)?.[1] ?? '';
  const namespace = service.slice(0, Math.max(0, service.indexOf('/')));
  const isForeign = owner.includes('/') && !owner.startsWith(`${namespace}/`);
  return isForeign || reason.includes('belongs to namespace')
    ? 'claimed-by-namespace'
    : 'claimed-by-service';
}

const mostNamed = 3;
/** Routes of one service that are looked for in HAProxy; all of them are written together. */
const mostTried = 20;

function otherPaths(claims: readonly ClaimExplained[]): Why {
  const named = claims
    .slice(0, mostNamed)
    .map(({ route, service }) => `${route} (${shortName(service)})`)
    .join(', ');
  const more = claims.length > mostNamed ? ` and ${claims.length - mostNamed} more` : '';
  return { reason: 'path-mismatch', text: `of this host only ${named}${more} is routed` };
}

function goneText(service: string, { services }: Parts): string {
  const job = services.find((one) => one.service === service)?.jobs[0];
  const why = job?.stopped === true ? `job ${job.job} is stopped` : 'Nomad has no such service now';
  return `${shortName(service)} claimed it until recently, but ${why}`;
}

/** Of a service in one namespace. */
export function answerForService(label: string, parts: Parts): Answer {
  const { seen, services } = parts;
  const service = services.find((one) => one.service === label);
  const name = shortName(label);
  if (service === undefined) return { answers: false, reason: 'not-found', text: `no ${name}` };
  const { skipped, backend, routes } = service;
  const health = backend === undefined ? undefined : healthIn(backend, service, parts);
  if (skipped !== undefined) return answerOfSkipped(label, skipped, health, parts);
  if (!isInNomad(label, seen)) return answerOfAbsent(label, health, parts);
  if (backend === undefined || health === undefined) {
    return {
      answers: false,
      reason: 'no-route',
      text: `${name} is left to the operator by its tags`,
    };
  }
  if (routes.length === 0) {
    const text = `${name} has no route: its tags name no domain and no path`;
    return { answers: false, reason: 'no-route', text };
  }
  return answerOfRouted(service, health, parts);
}

function answerOfSkipped(
  label: string,
  skipped: SkippedExplained,
  health: Health | undefined,
  { seen }: Parts,
): Answer {
  const stays = health !== undefined && health.answers;
  const kept = stays ? `; what HAProxy has of it still answers ${health.text}` : '';
  const since = sinceOfOwner(label, skipped, seen);
  return {
    answers: stays,
    reason: skipReason(label, skipped),
    text: `${skippedText(label, skipped)}${since}${kept}`,
  };
}

/** Since when the owner has what this service lost. */
function sinceOfOwner(label: string, { code, reason }: SkippedExplained, seen: Seen): string {
  if (code !== 'domain-claimed') return '';
  const host = /domain (?:\*\.)?([^\s/]+)/.exec(reason)?.[1];
  if (host === undefined) return '';
  const times = Object.entries(seen.picture.desired.claims ?? {}).filter(([key]) => {
    const [kind, owner = '', , , claimed] = key.split('|');
    return kind === 'route' && claimed === host && decodedLabel(owner) !== label;
  });
  const since = Math.min(...times.map(([, one]) => one.since));
  return Number.isFinite(since) ? ` since ${timeText(since)}` : '';
}

function answerOfAbsent(label: string, health: Health | undefined, parts: Parts): Answer {
  const { seen, next } = parts;
  const name = shortName(label);
  const { prefix } = seen.settings.tags;
  if (health === undefined) {
    const listed = (seen.registered ?? []).find((one) => labelOf(one) === label);
    if (listed !== undefined) {
      const why = notEnabledText(listed.tags, prefix);
      return { answers: false, reason: 'not-enabled', text: `${name} has not opted in: ${why}` };
    }
    return { answers: false, reason: 'gone', text: goneText(label, parts) };
  }
  const text = `${name} is gone from Nomad and answers ${health.text}`;
  return leaving(
    text,
    health,
    parts.services.find((one) => one.service === label),
    {
      ...parts,
      next,
    },
  );
}

/** Whether its routes are in HAProxy, and lead to it. */
function answerOfRouted(service: ServiceExplained, health: Health, parts: Parts): Answer {
  const { seen, next } = parts;
  const all = seen.picture.desired.routes
    .filter((one) => one.service === service.service)
    .slice(0, mostTried);
  const states = all.map((route) => ({ route, ends: endsOf(route, seen) }));
  const live = states.filter(({ route, ends }) =>
    ends.some((end) => end.kind === 'service' && end.backend === route.backend),
  );
  const name = shortName(service.service);
  if (live.length === 0) {
    const taken = states.flatMap(({ ends }) => ends).find(({ kind }) => kind === 'operator');
    if (taken?.kind === 'operator') {
      const text = `${name} gets no requests: the operator's own rule comes first: ${taken.rule}`;
      return { answers: false, reason: 'operator-rule', text };
    }
    const { reason, text } = notApplied(`the route to ${name}`, next);
    return { answers: false, reason, text: `${name} gets no requests: ${text}` };
  }
  const shown = service.routes.map(({ route }) => route);
  const named = shown.slice(0, mostNamed).join(', ');
  const more = shown.length > mostNamed ? ` and ${shown.length - mostNamed} more` : '';
  const lost = service.warnings.find((one) => / (?:belongs to|overlaps with) /.test(one));
  const loss = lost === undefined ? '' : `; ${lost}`;
  return { ...health, text: `${name} (${named}${more}) answers ${health.text}${loss}` };
}

/** Where a request that the route should match ends. A regex can't be turned into one. */
function endsOf(
  { match, host, path = '/', backend, frontends }: Seen['picture']['desired']['routes'][number],
  seen: Seen,
): readonly End[] {
  const hosts = { exact: host, prefix: host, wildcard: `www.${host}`, any: 'any.invalid' };
  if (match === 'regex') {
    const isThere = Object.hasOwn(seen.picture.actual.backends, backend);
    return isThere ? [{ kind: 'service', backend, entry: {} }] : [];
  }
  return routesOf({ host: hosts[match], path }, seen)
    .filter((one) => one.frontends.some((name) => frontends.includes(name)))
    .map(({ end }) => end);
}

/** Of a backend by its name in HAProxy. */
export function answerForBackend(name: string, parts: Parts): Answer {
  const { services, backends, next } = parts;
  const service = services.find((one) => one.backend === name);
  const known = backends.get(name);
  if (known === undefined || !known.exists) {
    const { reason, text } = notApplied(`backend ${name}`, next);
    return { answers: false, reason, text };
  }
  const ownService = known.owner === 'shared' ? undefined : service;
  if (known.owner !== 'operator' || known.servers.length > 0) {
    const health = healthIn(name, ownService, parts);
    return { ...health, text: `backend ${name} answers ${health.text}` };
  }
  const text = `backend ${name} is the operator's and has no servers`;
  return { answers: true, reason: 'operator-rule', text };
}
