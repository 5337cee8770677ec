import { Counter, Gauge, type Registry } from 'prom-client';

/** A metric with one label whose values are known beforehand. */
interface Description {
  readonly name: string;
  readonly help: string;
  readonly label: string;
  readonly values: readonly string[];
}

export interface LabelledCounter {
  readonly add: (value: string) => void;
}

export interface LabelledGauge {
  readonly set: (value: string, to: number) => void;
  /** All values to zero. */
  readonly reset: () => void;
}

const OTHER = 'other';

export function labelledCounter(registry: Registry, description: Description): LabelledCounter {
  const { label, values } = description;
  const metric = new Counter(options(registry, description));
  for (const value of values) metric.inc({ [label]: value }, 0);
  return { add: (value) => metric.inc({ [label]: bounded(values, value) }) };
}

export function labelledGauge(registry: Registry, description: Description): LabelledGauge {
  const { label, values } = description;
  const metric = new Gauge(options(registry, description));
  const reset = (): void => {
    metric.reset();
    for (const value of values) metric.set({ [label]: value }, 0);
  };
  reset();
  return { set: (value, to) => metric.set({ [label]: bounded(values, value) }, to), reset };
}

function options(registry: Registry, { name, help, label }: Description) {
  return { name, help, labelNames: [label], registers: [registry] };
}

/** Whatever a caller hands over, a label never has more values than were listed, and one. */
function bounded(values: readonly string[], value: string): string {
  return values.includes(value) ? value : OTHER;
}
