import type { World } from './world.js';

/** Asks for all hosts, one after the other, until it is told to stop; gives what was not a 200. */
export function startLoad(
  world: World,
  hosts: readonly string[],
): { stop(): Promise<{ readonly asked: number; readonly lost: readonly string[] }> } {
  const lost: string[] = [];
  let [asked, done] = [0, false];
  const running = (async () => {
    while (!done) {
      for (const host of hosts) {
        asked += 1;
        const status = await world.ask(host).then(
          (reply) => reply.status,
          (error: Error) => error.message,
        );
        if (status !== 200) lost.push(`${host}: ${status}`);
      }
    }
  })();
  return {
    stop: async () => {
      done = true;
      await running;
      return { asked, lost };
    },
  };
}
