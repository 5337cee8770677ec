import type { ActualState } from './types.js';

/** The services whose instances something of ours serves, sorted. */
export function servedServices({ backends }: Pick<ActualState, 'backends'>): readonly string[] {
  const bound = Object.values(backends).flatMap(({ slots }) =>
    slots.filter(({ binding }) => binding !== undefined).map(({ service }) => service),
  );
  return [...new Set(bound)].sort();
}
