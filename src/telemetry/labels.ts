import { Counter, Gauge, type Registry } from 'prom-client';

/** A metric with one label. Its values are typed, so unknown ones don't compile. */
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

export function labelledCounter<V extends string>(
  registry: Registry,
  description: Description<V>,
): LabelledCounter<V> {
  const { label, values } = description;
  const metric = new Counter(options(registry, description));
  for (const value of values) metric.inc({ [label]: value }, 0);
  return { add: (value) => metric.inc({ [label]: value }) };
}

export function labelledGauge<V extends string>(
  registry: Registry,
  description: Description<V>,
): LabelledGauge<V> {
  const { label, values } = description;
  const metric = new Gauge(options(registry, description));
  const reset = (): void => {
    metric.reset();
    for (const value of values) metric.set({ [label]: value }, 0);
  };
  reset();
  return { set: (value, to) => metric.set({ [label]: value }, to), reset };
}

function options(registry: Registry, { name, help, label }: Description<string>) {
  return { name, help, labelNames: [label], registers: [registry] };
}
