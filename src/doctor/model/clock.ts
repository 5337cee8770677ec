import { type Finding, ok, warning } from '../types.js';

/** Drains, claims and held removals are counted in seconds to minutes of our clock. */
const mostMs = 5000;

export function judgeClock(whose: string, aheadMs: number | undefined): Finding {
  if (aheadMs === undefined) return ok(`${whose} tells no time`);
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  if (Math.abs(aheadMs) <= mostMs) return ok(`${whose} has the time of this host`);
  const says = `the clock of ${whose} is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this host's`;
  return warning(says, 'timedatectl set-ntp true (or chrony) on both hosts');
}
