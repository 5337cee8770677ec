/** Wakes from Nomad: its event stream, and a blocking query for what the stream loses. */

import { startBlockingQuery } from './blocking-query.js';
import { startEventStream } from './event-stream.js';
import { namespacesOf } from '../../config/namespaces.js';
import type { NomadClient } from '../nomad/client.js';
import { defaultTiming, type Listener, type ObserveLog, type WakeTiming } from './types.js';

export interface WakeOptions {
  readonly client: NomadClient;
  /** `*`, one, or a comma-separated list. */
  readonly namespace: string;
  readonly onWake: (source: 'stream' | 'blocking') => void;
  /** Called when "every event stream is connected" changes. */
  readonly onConnected: (connected: boolean) => void;
  /** Default: every line is relevant. */
  readonly listener?: Listener;
  readonly signal: AbortSignal;
  readonly log: ObserveLog;
  readonly timing?: Partial<WakeTiming>;
}

export interface WakeSources {
  /**
   * The namespaces of the last read. A subscription to `*` only covers namespaces that existed when
   * it was made, so a changed set means subscribing again.
   */
  namespacesSeen(namespaces: readonly string[]): void;
  /** Resolves after the abort, once everything has ended. */
  readonly done: Promise<void>;
}

export function startWakeSources(options: WakeOptions): WakeSources {
  const namespaces = namespacesOf(options.namespace);
  const timing = { ...defaultTiming, ...options.timing };
  const { listener = deaf } = options;
  const report = connectedReport(namespaces.length, (is) => {
    listener.connected(is);
    options.onConnected(is);
  });
  const sources = namespaces.map((namespace) => {
    const { client, signal, log } = options;
    const shared = { client, namespace, signal, log, timing };
    const query = startBlockingQuery({
      ...shared,
      onWake: () => options.onWake('blocking'),
      onBack: (index) => listener.wentBack(index),
    });
    const stream = startEventStream({
      ...shared,
      fromIndex: () => query.index(),
      onWake: () => options.onWake('stream'),
      hear: (line) => listener.hear(line),
      onConnected: report,
    });
    return { query, stream };
  });
  let seen: string | undefined;
  return {
    namespacesSeen: (names) => {
      const now = [...new Set(names)].sort().join(' ');
      const changed = seen !== undefined && seen !== now && namespaces.includes('*');
      seen = now;
      if (changed) for (const { stream } of sources) stream.resubscribe();
    },
    done: Promise.all(sources.flatMap(({ query, stream }) => [query.done, stream.done])).then(
      () => undefined,
    ),
  };
}

const deaf: Listener = {
  hear: () => false,
  connected: () => undefined,
  wentBack: () => undefined,
};

/** Combines several connections: connected if all of them are. */
function connectedReport(
  total: number,
  onConnected: (connected: boolean) => void,
): (connected: boolean) => void {
  let count = 0;
  return (connected) => {
    const before = count === total;
    count += connected ? 1 : -1;
    if ((count === total) !== before) onConnected(count === total);
  };
}
