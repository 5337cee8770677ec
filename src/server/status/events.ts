import type { Answer } from '../http.js';
import type { StatusSource } from './source.js';

export interface Events {
  /** A stream of server-sent events until the signal; undefined if there are too many already. */
  readonly open: (signal: AbortSignal) => Answer | undefined;
  readonly close: () => void;
}

export interface EventsOptions {
  readonly source: Pick<StatusSource, 'version' | 'watch' | 'current'>;
  readonly maxClients?: number;
  readonly heartbeatMs?: number;
}

/** A quarter of the connections, so that probes and scrapes always find room. */
const mostClients = 16;
/** Below the idle timeouts of usual proxies. */
const defaultHeartbeatMs = 15_000;

/**
 * Tells browsers that there is something new, never what: they read the page again. So a slow reader
 * misses events, but nothing piles up for it.
 */
export function createEvents(options: EventsOptions): Events {
  const { source, maxClients = mostClients, heartbeatMs = defaultHeartbeatMs } = options;
  const closing = new AbortController();
  const clients = new Set<AbortSignal>();

  async function* stream(gone: AbortSignal): AsyncGenerator<string> {
    const signal = AbortSignal.any([gone, closing.signal]);
    let sent = source.version();
    yield `retry: 3000\n\n${eventOf(source)}`;
    while (!signal.aborted) {
      // Something may have changed while the reader took its time.
      const isNews = sent !== source.version() || (await nextPass(source, heartbeatMs, signal));
      if (signal.aborted) return;
      sent = source.version();
      // A comment keeps proxies from closing the connection.
      yield isNews ? eventOf(source) : ':\n\n';
    }
  }

  return {
    open: (gone) => {
      if (clients.size >= maxClients || closing.signal.aborted) return undefined;
      clients.add(gone);
      gone.addEventListener('abort', () => clients.delete(gone), { once: true });
      // Else the server would wait for the next request on it when it closes.
      const headers = { connection: 'close' };
      return { status: 200, type: 'text/event-stream', body: stream(gone), headers };
    },
    close: () => closing.abort(),
  };
}

/** `version` is that of the page; `at`: ends of the targets' last passes, Unix milliseconds. */
function eventOf(source: EventsOptions['source']): string {
  const at = source.current().targets.map(({ picture }) => picture?.times.endedAt ?? null);
  return `event: pass\ndata: ${JSON.stringify({ version: source.version(), at })}\n\n`;
}

/** Whether there was a pass before the time was up. */
function nextPass(
  { watch }: EventsOptions['source'],
  ms: number,
  signal: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (isNews: boolean) => () => {
      clearTimeout(timer);
      unwatch();
      signal.removeEventListener('abort', over);
      resolve(isNews);
    };
    const over = done(false);
    const timer = setTimeout(over, ms);
    const unwatch = watch(done(true));
    signal.addEventListener('abort', over, { once: true });
  });
}
