/** The phases of a pass, in order. */
export const phases = ['observe', 'desired', 'actual', 'diff', 'apply'] as const;

export type Phase = (typeof phases)[number];
