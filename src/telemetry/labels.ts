import { Counter, Gauge, type Registry } from 'prom-client';

/** Labels beside a metric's own: none, or the HAProxy that a series is about. */
export type Common = Readonly<Record<string, string>>;

/** A metric with one label of its own. Its values are typed, so unknown ones don't compile. */
interface Description<V extends string> {
  readonly name: string;
  readonly help: string;
  readonly label: string;
  readonly values: readonly V[];
}

export interface LabelledCounter<V extends string> {
  readonly add: (value: V) => void;
}

export interface LabelledGauge<V extends string> {
  readonly set: (value: V, to: number) => void;
  /** Sets all values to zero. */
  readonly reset: () => void;
}

/** `commons`: one counter for each of them. */
export function labelledCounters<V extends string>(
  registry: Registry,
  description: Description<V>,
  commons: readonly Common[],
): (common: Common) => LabelledCounter<V> {
  const { label, values } = description;
  const metric = new Counter(options(registry, description, commons));
  for (const common of commons) {
    for (const value of values) metric.inc({ [label]: value, ...common }, 0);
  }
  return (common) => ({ add: (value) => metric.inc({ [label]: value, ...common }) });
}

export function labelledCounter<V extends string>(
  registry: Registry,
  description: Description<V>,
): LabelledCounter<V> {
  return labelledCounters(registry, description, [{}])({});
}

/** `commons`: one gauge for each of them. */
export function labelledGauges<V extends string>(
  registry: Registry,
  description: Description<V>,
  commons: readonly Common[],
): (common: Common) => LabelledGauge<V> {
  const { label, values } = description;
  const metric = new Gauge(options(registry, description, commons));
  const of = (common: Common): LabelledGauge<V> => ({
    set: (value, to) => metric.set({ [label]: value, ...common }, to),
    reset: () => {
      for (const value of values) metric.set({ [label]: value, ...common }, 0);
    },
  });
  for (const common of commons) of(common).reset();
  return of;
}

function options(
  registry: Registry,
  { name, help, label }: Description<string>,
  commons: readonly Common[],
) {
  return { name, help, labelNames: [label, ...namesOf(commons)], registers: [registry] };
}

export function namesOf(commons: readonly Common[]): readonly string[] {
  return [...new Set(commons.flatMap((common) => Object.keys(common)))];
}
