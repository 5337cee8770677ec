import { type Automaton, hostCharacters } from './host-automaton.js';

/** Work for one pattern, in steps of its automaton. Beyond it, any host counts as matched. */
const mostWork = 100_000;

/** The bit of a character, by its code. */
const codes = hostCharacters.reduce<(number | undefined)[]>((all, one, bit) => {
  all[one.charCodeAt(0)] = bit;
  return all;
}, []);
const otherCode = hostCharacters.length;

interface State {
  readonly isEnd: boolean;
  /** By character, as far as hosts have asked. */
  readonly next: (State | undefined)[];
  /** States of the automaton that it stands for. */
  readonly of: readonly number[];
}

/**
 * Whether an automaton accepts a host, for many hosts: which of its states a character leads to is
 * worked out once, so that a host costs one look-up for each of its characters.
 */
export function hostMatcher({ start, end, steps }: Automaton): (host: string) => boolean {
  const known = new Map<string, State>();
  let work = 0;

  /** With all that is reached without a character. */
  function stateOf(states: readonly number[]): State {
    const all = new Set(states);
    for (const one of all) {
      for (const { to, by } of steps[one] ?? []) if (by === undefined) all.add(to);
    }
    work += all.size;
    const of = [...all].sort((a, b) => a - b);
    const key = of.join();
    const state = known.get(key) ?? { isEnd: all.has(end), next: [], of };
    known.set(key, state);
    return state;
  }

  function after({ of }: State, bit: bigint): State {
    const reached = of.flatMap((one) => {
      const own = steps[one] ?? [];
      work += own.length;
      return own.flatMap(({ to, by }) => (by !== undefined && (by & bit) !== 0n ? [to] : []));
    });
    return stateOf(reached);
  }

  const first = stateOf([start]);
  return (host) => {
    let state = first;
    for (let at = 0; at < host.length && state.of.length > 0; at += 1) {
      const code = codes[host.charCodeAt(at)] ?? otherCode;
      let next = state.next[code];
      if (next === undefined) {
        if (work > mostWork) return true;
        next = after(state, 1n << BigInt(code));
        state.next[code] = next;
      }
      state = next;
    }
    return state.isEnd;
  };
}
