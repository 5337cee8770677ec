import { isIpAddress } from './addresses.js';
import { isSameAddress, reachOf } from './networks.js';

/** A TCP port that HAProxy listens on. */
export interface Listener {
  /** Empty: all addresses of its machine, or one that the file doesn't say. */
  readonly address: string;
  readonly from: number;
  readonly to: number;
}

/** Of the sections that the Data Plane API doesn't show, too: `listen`, `peers`, `stats socket`. */
export function listenersIn(text: string): readonly Listener[] {
  const found = new Map<string, Listener>();
  for (const word of ['bind', 'socket']) {
    // A file may have megabytes, and these words are few in it.
    for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
      const line = text.slice(text.lastIndexOf('\n', at) + 1, endOfLine(text, at));
      for (const one of listenersOf(line)) found.set(JSON.stringify(one), one);
    }
  }
  return [...found.values()];
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

/** `bind ipv4@10.0.0.1:80,:8000-8010 ssl crt x`. Sockets of files and names have no port. */
function listenersOf(line: string): readonly Listener[] {
  const [, words = ''] = /^\s*(?:bind|stats\s+socket)\s+(\S+)/.exec(line) ?? [];
  return words.split(',').flatMap((word): readonly Listener[] => {
    const [, host = '', from, to = from] =
      /^["']?(?:[a-z0-9]+@)?([^/@]*):(\d+)(?:-(\d+))?["']?$/.exec(word) ?? [];
    if (from === undefined) return [];
    const name = host.replace(/^\[|\]$/g, '');
    const isOne = isIpAddress(name) && !everywhere.has(name);
    return [{ address: isOne ? name : '', from: Number(from), to: Number(to) }];
  });
}

const everywhere = new Set(['0.0.0.0', '::']);

/** Whether a connection to the target would reach HAProxy. `machine`: addresses of its machine. */
export function isListener(
  listeners: readonly Listener[],
  machine: readonly string[],
  address: string,
  port: number,
): boolean {
  const here = listeners.filter(({ from, to }) => port >= from && port <= to);
  if (here.length === 0) return false;
  const isLoopback = reachOf(address) === 'loopback';
  return here.some(({ address: own }) => {
    if (own === '') return isLoopback || machine.some((one) => isSameAddress(one, address));
    return isSameAddress(own, address) || (isLoopback && reachOf(own) === 'loopback');
  });
}
