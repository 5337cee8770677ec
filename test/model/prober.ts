/** Asks for what is served while things change: whoever keeps an instance throughout must not notice. */

import { setTimeout as delay } from 'node:timers/promises';

import type { Answer, Stack } from '../../fixtures/stack.js';

export interface Target {
  readonly host: string;
  readonly path: string;
}

export interface Probe extends Target {
  readonly answer: Answer | { readonly error: string };
}

export interface Prober {
  /** All that was asked, once the last one is answered. */
  stop(): Promise<readonly Probe[]>;
}

/** Slow enough to leave the processor to the others. */
const pauseMs = 4;

export function startProber(stack: Stack, targets: readonly Target[]): Prober {
  const probes: Probe[] = [];
  let stopped = targets.length === 0;
  const asking = (async () => {
    while (!stopped) {
      for (const target of targets) {
        probes.push({ ...target, answer: await ask(stack, target) });
        await delay(pauseMs);
        if (stopped) return;
      }
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await asking;
      return probes;
    },
  };
}

async function ask(stack: Stack, { host, path }: Target): Promise<Probe['answer']> {
  try {
    return await stack.request(host, path);
  } catch (cause) {
    return { error: String(cause) };
  }
}
