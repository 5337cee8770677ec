/** What must hold, row by row: `npm run bench` ends with this table. */

import type { Figure } from './figure.js';

export interface Target {
  /** In the figure's unit. */
  readonly most?: number;
  readonly worst?: number;
  /** Multiples of the floor, and what is added to them. */
  readonly floors?: number;
  readonly plus?: number;
  readonly reloads?: number;
  readonly nomadRequests?: number;
  readonly dataPlaneRequests?: number;
}

export interface Row {
  readonly title: string;
  /** `npm run bench -- CASE` measures it. */
  readonly case: string;
  /** Names of figures. */
  readonly figure: RegExp;
  /** Where the target depends on N; a figure at another N has none. */
  readonly sizes?: readonly number[];
  /** Milliseconds, unless given. */
  readonly unit?: Figure['unit'];
  readonly target: Target;
}

const oneReload = { reloads: 1 };
const debounceMs = 75;

export const rows: readonly Row[] = [
  {
    ...{ title: 'an instance listens: its first request', case: 'ready' },
    ...{ figure: /^first request, .* probes on$/, target: { most: 1500, worst: 2500 } },
  },
  {
    ...{ title: 'deregistered: its last new request', case: 'endpoint', sizes: [100] },
    ...{ figure: /^endpoint goes/, target: { most: 30, reloads: 0 } },
  },
  {
    ...{ title: 'deregistered: its last new request', case: 'endpoint', sizes: [1000] },
    ...{ figure: /^endpoint goes/, target: { most: 100, reloads: 0 } },
  },
  {
    ...{ title: 'new service: first request', case: 'service' },
    ...{ figure: /^service comes: first answer/, target: { most: 1300, ...oneReload } },
  },
  {
    ...{ title: 'start: a pass', case: 'start' },
    ...{ figure: /^start: pass/, target: { floors: 2, ...oneReload } },
  },
  {
    ...{ title: 'nothing to do', case: 'noop', figure: /^noop/ },
    target: { floors: 1.5, nomadRequests: 3, dataPlaneRequests: 4, reloads: 0 },
  },
  {
    ...{ title: 'an instance comes: in HAProxy', case: 'endpoint', figure: /^endpoint comes: in/ },
    target: { floors: 2, plus: debounceMs, reloads: 0 },
  },
  {
    ...{ title: 'a burst of changes: after the last', case: 'burst' },
    ...{ figure: /^burst of/, target: { floors: 4, reloads: 0 } },
  },
  {
    ...{ title: 'as many backends changed at once', case: 'change' },
    ...{ figure: /^change/, target: { floors: 2, ...oneReload } },
  },
  {
    ...{ title: 'as many backends removed at once', case: 'remove' },
    ...{ figure: /^remove/, target: { floors: 2, ...oneReload } },
  },
  {
    ...{ title: 'scale from 1 to what its count says', case: 'scale' },
    ...{ figure: /^scale/, target: { reloads: 0 } },
  },
  {
    ...{ title: 'desired state and diff, cold', case: 'pure' },
    ...{ figure: /^pure: cold/, target: { floors: 5 } },
  },
  {
    ...{ title: 'desired state and diff, nothing changed', case: 'pure' },
    ...{ figure: /^pure: unchanged/, target: { floors: 0.1 } },
  },
  {
    ...{ title: 'resident memory', case: 'memory', unit: 'MB', sizes: [1000] },
    ...{ figure: /^memory: after \d+ passes/, target: { most: 130 } },
  },
  {
    ...{ title: 'resident memory', case: 'memory', unit: 'MB', sizes: [5000] },
    ...{ figure: /^memory: after \d+ passes/, target: { most: 300 } },
  },
  {
    ...{ title: 'idle CPU of the connector', case: 'idle', unit: '%', sizes: [1000] },
    ...{ figure: /^idle: connector/, target: { most: 1 } },
  },
  {
    ...{ title: 'idle CPU of the connector', case: 'idle', unit: '%', sizes: [5000] },
    ...{ figure: /^idle: connector/, target: { most: 3 } },
  },
  {
    ...{ title: 'event loop held, longest', case: 'hold' },
    ...{ figure: /^hold/, target: { most: 100 } },
  },
  {
    ...{ title: 'the program: --version, --help', case: 'process' },
    ...{ figure: /^process: --(version|help)/, target: { most: 250 } },
  },
  {
    ...{ title: 'the program: --dry-run, nothing to do', case: 'process', sizes: [100] },
    ...{ figure: /^process: --dry-run/, target: { most: 600 } },
  },
];

export function rowOf({ name, n }: Figure): Row | undefined {
  return rows.find(
    ({ figure, sizes }) => figure.test(name) && (sizes === undefined || sizes.includes(n)),
  );
}

export function isMet(figure: Figure, target: Target): boolean {
  const { floors, plus = 0 } = target;
  const counts = ['reloads', 'nomadRequests', 'dataPlaneRequests'] as const;
  return (
    within(figure.value, target.most) &&
    within(figure.worst ?? figure.value, target.worst) &&
    (floors === undefined || figure.value <= floors * figure.floor.value + plus) &&
    counts.every((count) => within(figure[count] ?? 0, target[count]))
  );
}

function within(value: number, most = Infinity): boolean {
  return value <= most;
}

export function describeTarget({ target, unit = 'ms' }: Row): string {
  const { most, worst, floors, plus, reloads, nomadRequests, dataPlaneRequests } = target;
  return [
    ...(most === undefined ? [] : [`${most} ${unit}`]),
    ...(worst === undefined ? [] : [`worst ${worst} ${unit}`]),
    ...(floors === undefined
      ? []
      : [`${floors}x${plus === undefined ? '' : ` + ${plus} ${unit}`}`]),
    ...(reloads === undefined ? [] : [`${reloads} reload${reloads === 1 ? '' : 's'}`]),
    ...(nomadRequests === undefined ? [] : [`${nomadRequests} + ${dataPlaneRequests} requests`]),
  ].join(', ');
}
