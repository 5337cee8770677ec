import { healthOf } from './health.js';
import { matchesHost, matchesPath, requestText } from './query.js';
import type { Request } from './request.js';
import { healthIn, leaving, notApplied, type Parts, timeText } from './sentences.js';
import { isConnectors } from './trace.js';
import { goneText, whyUnclaimed } from './unclaimed.js';
import { shortName } from './words.js';
import type {
  Answer,
  ClaimExplained,
  End,
  FrontendRoute,
  Seen,
  ServiceExplained,
} from './types.js';

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
  const gone = parts.claims.find(({ state, onPath }) => state === 'gone' && onPath);
  if (gone !== undefined && isConnectors(backend, parts.seen.settings)) {
    const text = `${goneText(gone.service, parts)}; until it is back, or policy.claim_grace is over, no other namespace answers for it`;
    return { answers: false, reason: 'gone', text: `${start}: ${text}` };
  }
  const wanted = wantedRoutes(request, parts.seen).find(
    (route) =>
      route.match !== 'any' &&
      route.mode === mode &&
      route.frontends.some((one) => frontends.includes(one)),
  );
  const { reason, text } =
    wanted === undefined
      ? whyUnclaimed(parts)
      : notApplied(`its route to ${shortName(wanted.service)}`, parts);
  return { answers: false, reason, text: `${start}: ${text}` };
}
