import { nearestOf } from './suggest.js';
import { claimsOn } from './claims.js';
import { explainBackend } from './backend.js';
import { answerForBackend, answerForHost, answerForService } from './answer.js';
import { nextPass, stateInHaproxy } from './next-pass.js';
import { isExactHost, mayBeHost, namedBackends, namedServices } from './names.js';
import { requestOf } from './query.js';
import { explainService } from './service.js';
import { routesOf } from './routes.js';
import { oneLine } from '../shared/text.js';
import type { Answer, BackendExplained, Explanation, Seen, Subject } from './types.js';

/**
 * Says which instances answer for a host, a service or a backend, or why none does, from what one
 * pass read. Pure, and never throws: a query that names nothing is an explanation too.
 */
export function explain(seen: Seen, query: string): Explanation {
  const name = query.trim();
  const request = requestOf(name);
  const services = namedServices(name, seen);
  const backends = namedBackends(name, seen);
  const isNamed = services.length + backends.length > 0;
  const isHost =
    request !== undefined &&
    (isNamed ? isExactHost(request, seen) : mayBeHost(name, request, seen));
  const host = isHost ? request : undefined;
  const routes = host === undefined ? [] : routesOf(host, seen);
  const claims = host === undefined ? [] : claimsOn(host, seen);

  const concernedServices = new Set([
    ...services,
    ...claims.map(({ service }) => service),
    ...servicesOf(backends, seen),
    ...servicesOf(
      routes.flatMap(({ end }) => (end.kind === 'service' ? [end.backend] : [])),
      seen,
    ),
  ]);
  const explained = [...concernedServices].map((service) => explainService(service, seen));
  const concernedBackends = new Set([
    ...backends,
    ...explained.flatMap(({ backend }) => backend ?? []),
    ...routes.flatMap(({ end }) => ('backend' in end ? (end.backend ?? []) : [])),
  ]);
  const known = new Map(
    [...concernedBackends].map((one): [string, BackendExplained] => [
      one,
      explainBackend(one, seen),
    ]),
  );
  const next = nextPass(concernedBackends, concernedServices, seen);
  const parts = { routes, claims, services: explained, backends: known, next, seen };
  const subjects: Subject[] = [
    ...(host === undefined ? [] : [subject('host', name, answerForHost(host, parts))]),
    ...services.map((one) => subject('service', one, answerForService(one, parts))),
    ...backends.map((one) => subject('backend', one, answerForBackend(one, parts))),
  ];
  const found = subjects.some(({ reason }) => reason !== 'not-found' && reason !== 'unknown-host');
  return {
    formatVersion: 1,
    query: name,
    target: seen.picture.target,
    found,
    ambiguous: subjects.length > 1,
    ...together(name, subjects),
    subjects,
    ...(host === undefined ? {} : { request: host }),
    ...{ routes, claims, services: explained, backends: [...known.values()], next },
    state: stateInHaproxy(seen),
    suggestions: found ? [] : nearestOf(name, seen),
  };
}

function subject(kind: Subject['kind'], name: string, { text, ...answer }: Answer): Subject {
  return { kind, name, ...answer, text: oneLine(text) };
}

/** One sentence for all that has the name. */
function together(query: string, subjects: readonly Subject[]): Answer {
  const [first, ...others] = subjects;
  if (first === undefined) {
    return { answers: false, reason: 'not-found', text: oneLine(`nothing is named ${query}`) };
  }
  if (others.length === 0) {
    const { answers, reason, text } = first;
    return { answers, reason, text };
  }
  const texts = subjects.map(({ kind, name, text }) => `${kind} ${name}: ${text}`);
  return {
    answers: subjects.some(({ answers }) => answers),
    reason: first.reason,
    text: oneLine(`${query} names ${subjects.length} things: ${texts.join('; ')}`),
  };
}

function servicesOf(backends: readonly string[], { picture }: Seen): readonly string[] {
  const names = new Set(backends);
  const desired = picture.desired.backends.filter(({ name }) => names.has(name));
  const actual = Object.values(picture.actual.backends).filter(({ name }) => names.has(name));
  return [
    ...desired.map(({ service }) => service),
    ...actual.flatMap(({ ours, service, slots }) => [
      ...(ours && service !== undefined ? [service] : []),
      ...slots.flatMap((slot) => (slot.binding === undefined ? [] : [slot.service])),
    ]),
  ];
}
