/** What can request a pass. */
export const wakeSources = [
  'start',
  'stream',
  'blocking',
  'timer',
  'retry',
  'recheck',
  'route-file',
  'policy-file',
  'haproxy',
  'probe',
  'leader',
  'rollout',
] as const;

export type WakeSource = (typeof wakeSources)[number];
