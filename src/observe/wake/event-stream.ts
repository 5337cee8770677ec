/**
 * Nomad's event stream as a source of wakes. It loses events silently, and a refused token gets a
 * 200 and then nothing. So the first line must arrive soon and lines must keep coming. Every
 * connection triggers a wake, because events may have been missed before it.
 */

import { asConnectorError, ConnectorError } from '../../shared/errors.js';
import { createBackoff } from '../../shared/backoff.js';
import { scopeOf, type Scope } from '../../shared/concurrent.js';
import { createLineReader } from '../nomad/answers/heartbeat.js';
import type { NomadClient } from '../nomad/client.js';
import type { Listener, ObserveLog, WakeTiming } from './types.js';

export interface EventStreamOptions {
  readonly client: NomadClient;
  readonly namespace: string;
  /** Index to start from; 0 if unknown. */
  readonly fromIndex: () => number;
  readonly onWake: () => void;
  readonly hear: Listener['hear'];
  readonly onConnected: (connected: boolean) => void;
  readonly signal: AbortSignal;
  readonly log: ObserveLog;
  readonly timing: WakeTiming;
}

export interface EventStream {
  /** Subscribes again, because `namespace=*` is only expanded on subscription. */
  resubscribe(): void;
  /** Resolves after the abort, once everything has ended. */
  readonly done: Promise<void>;
}

export function startEventStream(options: EventStreamOptions): EventStream {
  const { signal, timing } = options;
  let connection: Scope | undefined;
  let renewed = false;
  const run = async (): Promise<void> => {
    const backoff = createBackoff(timing.backoffMinMs, timing.backoffMaxMs);
    while (!signal.aborted) {
      const startedAt = Date.now();
      connection = scopeOf(signal);
      renewed = false;
      await listen(options, connection);
      if (Date.now() - startedAt >= timing.stableMs) backoff.reset();
      if (!renewed) await backoff.wait(signal);
    }
  };
  const resubscribe = (): void => {
    renewed = true;
    connection?.abort();
  };
  return { resubscribe, done: run() };
}

/** Runs one connection until it ends, goes silent or is aborted. */
async function listen(options: EventStreamOptions, scope: Scope): Promise<void> {
  const { log, namespace, onConnected } = options;
  const watchdog = createWatchdog(scope);
  let connected = false;
  try {
    watchdog.feed(options.timing.firstByteMs);
    await follow(options, scope, watchdog, () => onConnected((connected = true)));
    log.info('event stream ended', { namespace });
  } catch (error) {
    const failure = watchdog.bitten() ? silence(connected) : asConnectorError(error);
    // Stopped or resubscribing, not failed.
    if (watchdog.bitten() || !scope.signal.aborted) {
      const { code, message } = failure;
      log.warn('event stream failed', { namespace, errorCode: code, error: message });
    }
  } finally {
    watchdog.stop();
    scope.abort();
    scope.done();
    if (connected) onConnected(false);
  }
}

async function follow(
  options: EventStreamOptions,
  scope: Scope,
  watchdog: Watchdog,
  onFirstLine: () => void,
): Promise<void> {
  const index = options.fromIndex();
  const stream = await options.client.stream('/v1/event/stream', {
    query: {
      topic: ['Service', 'Allocation', 'Job'],
      namespace: options.namespace,
      ...(index > 0 ? { index } : {}),
    },
    signal: scope.signal,
  });
  const lines = createLineReader(options.hear);
  let connected = false;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    const found = lines.push(chunk);
    if (found.length > 0 || connected) watchdog.feed(options.timing.silenceMs);
    if (found.length === 0) continue;
    if (!connected) onFirstLine();
    if (!connected || found.includes('event')) options.onWake();
    connected = true;
  }
}

interface Watchdog {
  /** Aborts the scope if it isn't reset in time. */
  feed(ms: number): void;
  bitten(): boolean;
  stop(): void;
}

function createWatchdog(scope: Scope): Watchdog {
  let timer: NodeJS.Timeout | undefined;
  let bitten = false;
  const bite = (): void => {
    bitten = true;
    scope.abort();
  };
  return {
    feed: (ms) => {
      clearTimeout(timer);
      timer = setTimeout(bite, ms);
    },
    bitten: () => bitten,
    stop: () => clearTimeout(timer),
  };
}

function silence(connected: boolean): ConnectorError {
  const hint = connected ? '' : ': the token may lack read-job';
  return new ConnectorError('nomad-unreachable', `the event stream was silent${hint}`);
}
