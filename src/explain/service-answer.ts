import { decodedLabel, notEnabledText } from './claims.js';
import type { Health } from './health.js';
import { routesOf } from './routes.js';
import {
  healthIn,
  isInNomad,
  leaving,
  notApplied,
  type Parts,
  type SkippedExplained,
  skippedText,
  skipReason,
  timeText,
} from './sentences.js';
import { labelOf } from './service.js';
import { goneText, mostNamed } from './unclaimed.js';
import { shortName } from './words.js';
import type { Answer, End, Seen, ServiceExplained } from './types.js';

/** Routes of one service that are looked for in HAProxy; all of them are written together. */
const mostTried = 20;

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
  const { seen } = parts;
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
    const { reason, text } = notApplied(`the route to ${name}`, parts);
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
  const { services, backends } = parts;
  const service = services.find((one) => one.backend === name);
  const known = backends.get(name);
  if (known === undefined || !known.exists) {
    const { reason, text } = notApplied(`backend ${name}`, parts);
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
