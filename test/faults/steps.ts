import type { SeenRequest } from '../../fixtures/stack/interceptor.js';

export type Party = 'dataplane' | 'nomad';

/** One kind of request in one phase of the scenario: a column of the table. */
export interface Step {
  readonly phase: string;
  readonly party: Party;
  /** `PUT transactions/{id}`. */
  readonly request: string;
  readonly isWrite: boolean;
}

export function nameOf({ phase, party, request }: Step): string {
  return `${phase}: ${party === 'nomad' ? 'Nomad ' : ''}${request}`;
}

/** What a request asks for, without names and numbers that differ from run to run. */
export function requestOf(party: Party, { method, path, query }: SeenRequest): string {
  return party === 'nomad' ? nomadRequest(path, query) : `${method} ${dataPlanePath(path, query)}`;
}

function dataPlanePath(path: string, query: string): string {
  const short = path
    .replace(/^\/v3\/services\/haproxy\//, '')
    .replace(/(transactions)\/[^/]+/, '$1/{id}')
    .replace(/(rules|acls)\/\d+/, '$1/{n}')
    .replace(/(servers\/)[^/]+/, '$1{server}')
    .replace(/(entries\/).+/, '$1{key}');
  return query.includes('transaction_id') && !path.includes('/transactions')
    ? `${short} (tx)`
    : short;
}

function nomadRequest(path: string, query: string): string {
  const short = path.replace(/^\/v1\//, '').replace(/[0-9a-f-]{36}/g, '{id}');
  return /(^|&)index=[1-9]/.test(query) && !path.includes('/event/')
    ? `${short} (blocking)`
    : short;
}

/**
 * Each kind of write once in its phase. Each kind of read once at all, in the phase that has the
 * fewest of those in which it was seen.
 */
export function distinct(steps: readonly Step[]): Step[] {
  const found = new Map(steps.filter(({ isWrite }) => isWrite).map((step) => [nameOf(step), step]));
  const kinds = new Map<string, Step[]>();
  for (const step of steps.filter(({ isWrite }) => !isWrite)) {
    const kind = `${step.party} ${step.request}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), step]);
  }
  const reads = [...kinds.values()].sort((one, other) => one.length - other.length);
  for (const choices of reads) {
    const counts = choices.map(
      ({ phase }) => [...found.values()].filter((step) => step.phase === phase).length,
    );
    const step = choices[counts.indexOf(Math.min(...counts))];
    if (step !== undefined) found.set(nameOf(step), step);
  }
  return steps.filter((step) => found.get(nameOf(step)) === step);
}
