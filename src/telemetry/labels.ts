import { Counter, Gauge, type Registry } from 'prom-client';

/** Labels beside a metric's own: none, or the HAProxy that a series is about. */
export type Common = Readonly<Record<string, string>>;

/** The label sets of a metric's series, one for each HAProxy. They come and go with the HAProxies. */
export interface Commons {
  readonly labelNames: readonly string[];
  /** `begin` is called for each that there is and that will be, `end` for each that goes. */
  readonly follow: (begin: (common: Common) => void, end: (common: Common) => void) => void;
}

export interface ChangingCommons extends Commons {
  readonly add: (common: Common) => void;
  readonly remove: (common: Common) => void;
}

export function commonsOf(
  labelNames: readonly string[],
  initial: readonly Common[],
): ChangingCommons {
  const now = new Map(initial.map((common) => [JSON.stringify(common), common]));
  const followers: (readonly [(common: Common) => void, (common: Common) => void])[] = [];
  return {
    labelNames,
    follow: (begin, end) => {
      followers.push([begin, end]);
      now.forEach(begin);
    },
    add: (common) => {
      now.set(JSON.stringify(common), common);
      for (const [begin] of followers) begin(common);
    },
    remove: (common) => {
      now.delete(JSON.stringify(common));
      for (const [, end] of followers) end(common);
    },
  };
}

/** One series, without labels of its own. */
const alone: Commons = commonsOf([], [{}]);

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

/** One counter for each of the commons. */
export function labelledCounters<V extends string>(
  registry: Registry,
  description: Description<V>,
  commons: Commons,
): (common: Common) => LabelledCounter<V> {
  const { label, values } = description;
  const metric = new Counter(options(registry, description, commons));
  commons.follow(
    (common) => values.forEach((value) => metric.inc({ [label]: value, ...common }, 0)),
    (common) => values.forEach((value) => metric.remove({ [label]: value, ...common })),
  );
  return (common) => ({ add: (value) => metric.inc({ [label]: value, ...common }) });
}

export function labelledCounter<V extends string>(
  registry: Registry,
  description: Description<V>,
): LabelledCounter<V> {
  return labelledCounters(registry, description, alone)({});
}

/** One gauge for each of the commons. */
export function labelledGauges<V extends string>(
  registry: Registry,
  description: Description<V>,
  commons: Commons,
): (common: Common) => LabelledGauge<V> {
  const { label, values } = description;
  const metric = new Gauge(options(registry, description, commons));
  const of = (common: Common): LabelledGauge<V> => ({
    set: (value, to) => metric.set({ [label]: value, ...common }, to),
    reset: () => {
      for (const value of values) metric.set({ [label]: value, ...common }, 0);
    },
  });
  commons.follow(
    (common) => of(common).reset(),
    (common) => values.forEach((value) => metric.remove({ [label]: value, ...common })),
  );
  return of;
}

function options(
  registry: Registry,
  { name, help, label }: Description<string>,
  { labelNames }: Commons,
) {
  return { name, help, labelNames: [label, ...labelNames], registers: [registry] };
}
