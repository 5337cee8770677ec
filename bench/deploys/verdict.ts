import { median } from '../bare-client.js';
import { type Kind, type Shot, kinds } from './load.js';

export interface Verdict {
  readonly requests: number;
  /** Those that something could have answered. */
  readonly failed: number;
  /** Sent while nothing ran, by the nature of the scenario. */
  readonly duringOutage: number;
  readonly outageMs: number;
  readonly byClass: Readonly<Record<string, number>>;
  readonly badVersion: number;
  /** From listening to the first request, by instance that came. */
  readonly toFirst: readonly number[];
  /** From deregistration to the last new request, by instance that went. */
  readonly toLast: readonly number[];
}

export function judge(
  shots: readonly Shot[],
  from: number,
  outage: boolean,
  deregistered: ReadonlyMap<string, number>,
): Verdict {
  const window = outage ? outageOf(shots, from) : undefined;
  const inOutage = ({ at }: Shot): boolean =>
    window !== undefined && at >= window[0] && at <= window[1];
  const failures = shots.filter(({ failure }) => failure !== undefined);
  const real = failures.filter((shot) => !inOutage(shot));
  return {
    requests: shots.length,
    failed: real.length,
    duringOutage: failures.length - real.length,
    outageMs: window === undefined ? 0 : window[1] - window[0],
    byClass: count(real),
    badVersion: shots.filter(({ version }) => version === 'bad').length,
    toFirst: firstRequests(shots, from),
    toLast: lastRequests(shots, deregistered),
  };
}

/** From the first quick request that failed to the last that did: what no instance could answer. */
function outageOf(shots: readonly Shot[], from: number): [number, number] | undefined {
  const failed = shots
    .filter(({ kind, at, failure }) => kind === 'new connection' && at >= from && failure)
    .map(({ at }) => at);
  return failed.length === 0 ? undefined : [Math.min(...failed) - 20, Math.max(...failed) + 20];
}

function count(failures: readonly Shot[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind, failure = '' } of failures) {
    const key = `${kind} ${failure}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

function byInstance(shots: readonly Shot[]): Map<string, Shot[]> {
  const found = new Map<string, Shot[]>();
  for (const shot of shots) {
    if (shot.instance === undefined) continue;
    const key = `${shot.instance} ${shot.started ?? 0}`;
    found.set(key, [...(found.get(key) ?? []), shot]);
  }
  return found;
}

function firstRequests(shots: readonly Shot[], from: number): number[] {
  return [...byInstance(shots).values()].flatMap((list) => {
    const started = list[0]?.started ?? 0;
    return started < from ? [] : [Math.min(...list.map(({ at }) => at)) - started];
  });
}

function lastRequests(shots: readonly Shot[], deregistered: ReadonlyMap<string, number>): number[] {
  return [...byInstance(shots)].flatMap(([key, list]) => {
    const [instance = '', started] = key.split(' ');
    const gone = deregistered.get(instance);
    if (gone === undefined || Number(started) > gone) return [];
    return [Math.max(0, ...list.map(({ at }) => at - gone))];
  });
}

export function spread(values: readonly number[]): string {
  if (values.length === 0) return '';
  return `${Math.round(median(values))} / ${Math.round(Math.max(...values))}`;
}

export function classesOf({ byClass }: Verdict): string {
  const order = (text: string): number => kinds.findIndex((kind: Kind) => text.startsWith(kind));
  return Object.entries(byClass)
    .sort(([a], [b]) => order(a) - order(b))
    .map(([name, times]) => `${times} ${name}`)
    .join(', ');
}
