/** Who holds the event loop, and for how long: a timer that comes late, and a profile of what ran instead. */

import { readFileSync } from 'node:fs';
import { type Profiler, Session } from 'node:inspector/promises';
import { setTimeout as delay } from 'node:timers/promises';

export interface Hold {
  /** CPU time of the thread, in milliseconds. */
  readonly cpuMs: number;
  /** Milliseconds for which nothing else ran. */
  readonly ms: number;
  /** Since the watch began, in milliseconds. */
  readonly at: number;
  /** The calls that took most of it, outermost first, with their share; empty without a profile. */
  readonly calls: readonly string[];
}

export interface Watch {
  /** The longest ones, longest first. */
  stop(): Promise<readonly Hold[]>;
}

const everyMs = 2;
const most = 12;

interface Late {
  readonly from: number;
  readonly to: number;
  readonly cpuUs: number;
}

/** CPU time of this thread alone, in microseconds: on a busy machine the clock says little. */
function cpuUs(): number {
  const [onCpu = '0'] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
  return Number(onCpu) / 1000;
}

/** With a profile, the work itself takes longer. */
export async function watchHolds(withProfile: boolean): Promise<Watch> {
  const session = withProfile ? await startProfile() : undefined;
  const late: Late[] = [];
  const since = nowUs();
  let last = since;
  let lastCpu = cpuUs();
  const look = (): void => {
    const now = nowUs();
    const cpu = cpuUs();
    late.push({ from: last, to: now, cpuUs: cpu - lastCpu });
    if (late.length > 1000) shorten(late);
    last = now;
    lastCpu = cpu;
  };
  const timer = setInterval(look, everyMs);
  return {
    stop: async () => {
      // The look that was due during the last part.
      await delay(2 * everyMs);
      look();
      clearInterval(timer);
      const profile = await session?.post('Profiler.stop');
      session?.disconnect();
      shorten(late);
      return late.map(({ from, to, cpuUs: cpu }) => ({
        cpuMs: cpu / 1000,
        ms: (to - from) / 1000 - everyMs,
        at: (from - since) / 1000,
        calls: profile === undefined ? [] : callsIn(profile.profile, from, to),
      }));
    },
  };
}

function shorten(late: Late[]): void {
  late.sort((a, b) => b.cpuUs - a.cpuUs).splice(most);
}

/** Of the monotonic clock, as in profiles. */
function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

async function startProfile(): Promise<Session> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 500 });
  await session.post('Profiler.start');
  return session;
}

/** The calls that have more than an eighth of the samples, as a tree without what only passes on. */
function callsIn(profile: Profiler.Profile, from: number, to: number): readonly string[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const counts = countedIn(profile, from, to);
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const sums = new Map<number, number>();
  const sumOf = (id: number): number => {
    const known = sums.get(id);
    if (known !== undefined) return known;
    const children = nodes.get(id)?.children ?? [];
    const sum = children.reduce((total, child) => total + sumOf(child), counts.get(id) ?? 0);
    sums.set(id, sum);
    return sum;
  };
  const lines: string[] = [];
  const walk = (id: number, depth: number): void => {
    const children = (nodes.get(id)?.children ?? []).filter((child) => sumOf(child) > all / 12);
    for (const child of children.sort((a, b) => sumOf(b) - sumOf(a))) {
      const passesOn = (nodes.get(child)?.children ?? []).some(
        (one) => sumOf(one) > 0.93 * sumOf(child),
      );
      const name = nodes.get(child)?.callFrame.functionName || '(anonymous)';
      if (!passesOn)
        lines.push(`${'  '.repeat(depth)}${name} ${Math.round((sumOf(child) * 100) / all)}%`);
      walk(child, passesOn ? depth : depth + 1);
    }
  };
  const [root] = profile.nodes;
  if (root !== undefined && all > 0) walk(root.id, 0);
  return lines;
}

/** Samples by node. */
function countedIn(profile: Profiler.Profile, from: number, to: number): Map<number, number> {
  const counts = new Map<number, number>();
  const { samples = [], timeDeltas = [] } = profile;
  let at = profile.startTime;
  for (const [index, id] of samples.entries()) {
    at += timeDeltas[index] ?? 0;
    if (at > from && at <= to) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}
