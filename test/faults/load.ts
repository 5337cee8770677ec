import { setTimeout as pause } from 'node:timers/promises';

import { domainOf, type Stack } from '../../fixtures/stack.js';

/** A light load on a service that no fault concerns. */
export interface LightLoad {
  readonly sent: number;
  /** What was lost while HAProxy should have answered; forgets it. */
  takeLost(): string[];
  /** HAProxy itself is away, as the fault wants it: what is lost meanwhile is the fault's cost. */
  expectDown(down: boolean): void;
  stop(): Promise<void>;
}

export function startLightLoad(stack: Stack, service: string): LightLoad {
  let lost: string[] = [];
  let sent = 0;
  let stopped = false;
  /** Odd while HAProxy is away. */
  let outages = 0;
  async function run(): Promise<void> {
    while (!stopped) {
      const before = outages;
      const what = await stack
        .request(domainOf(service))
        .then(({ status, body }) => (status === 200 ? undefined : `${status} ${body.slice(0, 40)}`))
        .catch((error: unknown) => String(error));
      sent += 1;
      const isExcused = before % 2 === 1 || before !== outages;
      if (what !== undefined && !isExcused) lost.push(what);
      await pause(10);
    }
  }
  const running = run();
  return {
    get sent() {
      return sent;
    },
    takeLost: () => lost.splice(0),
    expectDown: (down) => {
      if ((outages % 2 === 1) !== down) outages += 1;
    },
    stop: async () => {
      stopped = true;
      await running;
      lost = [];
    },
  };
}
