import { Agent, request } from 'node:http';

export interface LoadResult {
  readonly sent: number;
  readonly failed: number;
  /** What was answered, and how often; failures by their reason. */
  readonly answers: Readonly<Record<string, number>>;
}

export interface Load {
  /** Sends no more, and waits for the answers that are on their way. */
  stop(): Promise<LoadResult>;
}

/** A request of either kind each time: 200 a second. */
const usualIntervalMs = 10;

/**
 * Open-loop load: requests are sent by the clock, whether earlier ones were answered or not. Half of
 * them are GETs on connections of their own, half are POSTs on kept-alive connections.
 */
export function startLoad(port: number, host: string, intervalMs = usualIntervalMs): Load {
  const kept = new Agent({ keepAlive: true, maxSockets: 8, scheduling: 'fifo' });
  const answers: Record<string, number> = {};
  const pending = new Set<Promise<void>>();
  let [sent, failed] = [0, 0];

  function send(method: 'GET' | 'POST', agent: Agent | false): void {
    sent += 1;
    const one = ask({ port, host, method, agent }).then(({ ok, text }) => {
      if (!ok) failed += 1;
      answers[text] = (answers[text] ?? 0) + 1;
      pending.delete(one);
    });
    pending.add(one);
  }

  const begin = performance.now();
  let ticks = 0;
  const timer = setInterval(() => {
    // A late tick makes up for those that it missed.
    for (; ticks * intervalMs <= performance.now() - begin; ticks++) {
      send('GET', false);
      send('POST', kept);
    }
  }, intervalMs);

  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(pending);
      kept.destroy();
      return { sent, failed, answers };
    },
  };
}

/** `v1 120x, v2 80x` */
export function tally({ answers }: LoadResult): string {
  return Object.entries(answers)
    .map(([text, count]) => `${text} ${count}x`)
    .join(', ');
}

interface Asked {
  readonly port: number;
  readonly host: string;
  readonly method: 'GET' | 'POST';
  readonly agent: Agent | false;
}

function ask({ port, host, method, agent }: Asked): Promise<{ ok: boolean; text: string }> {
  return new Promise((resolve) => {
    const failed = (error: Error): void => resolve({ ok: false, text: error.message });
    // The app takes its time, so that requests are in flight at every moment.
    const target = { host: '127.0.0.1', port, path: '/?ms=20', method, headers: { host }, agent };
    const sent = request(target, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (text: string) => (body += text));
      answer.on('end', () => {
        const ok = answer.statusCode === 200;
        resolve({ ok, text: ok ? body : `HTTP ${answer.statusCode}` });
      });
      answer.on('error', failed);
    });
    sent.setTimeout(10_000, () => sent.destroy(new Error('no answer in 10 s')));
    sent.on('error', failed);
    sent.end(method === 'POST' ? 'x'.repeat(1000) : undefined);
  });
}
