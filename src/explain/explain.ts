import { memoLast } from '../shared/memo.js';
import { oneLine } from '../shared/text.js';
import { explainBackend } from './backend.js';
import { claimsOn } from './claims.js';
import { answerForHost } from './host-answer.js';
import { allServices, isExactHost, mayBeHost, namedBackends, namedServices } from './names.js';
import { nextPass, stateInHaproxy } from './next-pass.js';
import { requestOf } from './query.js';
import type { Request } from './request.js';
import { routesOf } from './routes.js';
import type { Parts } from './sentences.js';
import { explainService } from './service.js';
import { answerForBackend, answerForService } from './service-answer.js';
import { nearestOf } from './suggest.js';
import type { Answer, Explanation, Seen, Subject } from './types.js';

/**
 * Says which instances answer for a host, a service or a backend, or why none does, from what one
 * pass read. Pure, and never throws: a query that names nothing is an explanation too.
 */
export function explain(seen: Seen, query: string): Explanation {
  const name = query.trim();
  const all = allServices(seen);
  const named = namedBy(name, seen, all);
  const near = memoLast(() => nearestOf(name, seen, all));
  const parts = { ...partsOf(named, seen), near };
  const subjects = subjectsOf(name, named, parts);
  const found = subjects.some(({ reason }) => reason !== 'not-found' && reason !== 'unknown-host');
  const { routes, claims, services, backends, next } = parts;
  return {
    formatVersion: 1,
    query: name,
    target: seen.picture.target,
    found,
    ambiguous: subjects.length > 1,
    ...together(name, subjects),
    subjects,
    ...(named.host === undefined ? {} : { request: named.host }),
    ...{ routes, claims, services, backends: [...backends.values()], next },
    state: stateInHaproxy(seen),
    suggestions: found ? [] : near(),
  };
}

/** All that has the name of the query. */
interface Named {
  readonly host?: Request;
  /** `namespace/service`. */
  readonly services: readonly string[];
  readonly backends: readonly string[];
}

function namedBy(name: string, seen: Seen, all: readonly string[]): Named {
  const request = requestOf(name);
  const services = namedServices(name, all);
  const backends = namedBackends(name, seen);
  if (request === undefined) return { services, backends };
  const isNamed = services.length + backends.length > 0;
  const isHost = isNamed ? isExactHost(request, seen) : mayBeHost(name, request, seen);
  return { services, backends, ...(isHost ? { host: request } : {}) };
}

/** The named things, and all that stands on the way from them to the instances. */
function partsOf({ host, ...named }: Named, seen: Seen): Omit<Parts, 'near'> {
  const routes = host === undefined ? [] : routesOf(host, seen);
  const claims = host === undefined ? [] : claimsOn(host, seen);
  const reached = routes.flatMap(({ end }) => (end.kind === 'service' ? [end.backend] : []));
  const labels = new Set([
    ...named.services,
    ...claims.map(({ service }) => service),
    ...servicesOf([...named.backends, ...reached], seen),
  ]);
  const services = [...labels].map((label) => explainService(label, seen));
  const names = new Set([
    ...named.backends,
    ...services.flatMap(({ backend }) => backend ?? []),
    ...routes.flatMap(({ end }) => ('backend' in end ? (end.backend ?? []) : [])),
  ]);
  const backends = new Map([...names].map((one) => [one, explainBackend(one, seen)]));
  return { routes, claims, services, backends, next: nextPass(names, labels, seen), seen };
}

function subjectsOf(
  name: string,
  { host, services, backends }: Named,
  parts: Parts,
): readonly Subject[] {
  return [
    ...(host === undefined ? [] : [subject('host', name, answerForHost(host, parts))]),
    ...services.map((one) => subject('service', one, answerForService(one, parts))),
    ...backends.map((one) => subject('backend', one, answerForBackend(one, parts))),
  ];
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
