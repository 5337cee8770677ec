/** The object a kind of step changes. */
export interface StepFacts {
  /**
   * | route | how |
   * |---|---|
   * | storage | a whole file, without a reload |
   * | transaction | in the one transaction, with a reload |
   * | no-reload | one write of server lines plus runtime actions |
   * | runtime | map entries, on disk at once; the health of servers |
   */
  readonly route: 'storage' | 'transaction' | 'no-reload' | 'runtime';
  readonly object:
    'map' | 'backend' | 'server' | 'rule' | 'marker' | 'slot' | 'health' | 'entry' | 'process';
  /** `repair`: only the process differs, the file is right. */
  readonly effect: 'create' | 'change' | 'remove' | 'drain' | 'repair';
}

/** Every kind of step. Code that depends on the kind uses this table or must handle each kind. */
export const stepTable = {
  'create-map': { route: 'storage', object: 'map', effect: 'create' },
  'write-map': { route: 'storage', object: 'map', effect: 'change' },
  'create-backend': { route: 'transaction', object: 'backend', effect: 'create' },
  'replace-backend': { route: 'transaction', object: 'backend', effect: 'change' },
  'delete-backend': { route: 'transaction', object: 'backend', effect: 'remove' },
  'create-server': { route: 'transaction', object: 'server', effect: 'create' },
  'replace-server': { route: 'transaction', object: 'server', effect: 'change' },
  'delete-server': { route: 'transaction', object: 'server', effect: 'remove' },
  'insert-rule': { route: 'transaction', object: 'rule', effect: 'create' },
  'delete-rule': { route: 'transaction', object: 'rule', effect: 'remove' },
  'set-marker': { route: 'transaction', object: 'marker', effect: 'change' },
  'bind-slot': { route: 'no-reload', object: 'slot', effect: 'create' },
  'update-slot': { route: 'no-reload', object: 'slot', effect: 'change' },
  'drain-slot': { route: 'no-reload', object: 'slot', effect: 'drain' },
  'free-slot': { route: 'no-reload', object: 'slot', effect: 'remove' },
  'repair-slot': { route: 'no-reload', object: 'slot', effect: 'repair' },
  'open-server': { route: 'runtime', object: 'health', effect: 'change' },
  'add-entry': { route: 'runtime', object: 'entry', effect: 'create' },
  'set-entry': { route: 'runtime', object: 'entry', effect: 'change' },
  'delete-entry': { route: 'runtime', object: 'entry', effect: 'remove' },
  reload: { route: 'transaction', object: 'process', effect: 'change' },
} as const satisfies Readonly<Record<string, StepFacts>>;

export type StepKind = keyof typeof stepTable;

export const stepKinds = Object.keys(stepTable) as readonly StepKind[];

/** One value of a column, or any of several. */
export type StepCriteria = {
  readonly [C in keyof StepFacts]?: StepFacts[C] | readonly StepFacts[C][];
};

type AnyOf<V> = V extends readonly (infer Item)[] ? Item : V;

/** The kinds whose facts match. */
export type KindsWhere<C extends StepCriteria> = {
  [K in StepKind]: (typeof stepTable)[K] extends { readonly [F in keyof C]: AnyOf<C[F]> }
    ? K
    : never;
}[StepKind];

export type KindsOf<O extends StepFacts['object']> = KindsWhere<{ readonly object: O }>;

export type KindsOn<R extends StepFacts['route']> = KindsWhere<{ readonly route: R }>;

export type RouteOf<K extends StepKind> = (typeof stepTable)[K]['route'];

export type EffectOf<K extends StepKind> = (typeof stepTable)[K]['effect'];

/** The same as values: `kindsWhere({ object: 'slot' })`. */
export function kindsWhere<const C extends StepCriteria>(criteria: C): readonly KindsWhere<C>[] {
  const columns = Object.entries(criteria) as [keyof StepFacts, string | readonly string[]][];
  const fits = (kind: StepKind): boolean =>
    columns.every(([column, wanted]) => [wanted].flat().includes(stepTable[kind][column]));
  return stepKinds.filter((kind): kind is KindsWhere<C> => fits(kind));
}

export function effectOf<K extends StepKind>(kind: K): EffectOf<K> {
  return stepTable[kind].effect;
}
