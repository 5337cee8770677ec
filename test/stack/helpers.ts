import type { App } from '../../fixtures/apps/app.js';
import type { NewInstance } from '../../fixtures/nomad/services.js';
import type { NomadSimulator } from '../../fixtures/nomad/simulator.js';
import { type WaitOptions, waitFor } from '../../fixtures/process.js';
import type { Stack } from '../../fixtures/stack.js';

/** An instance of a simulated service, answered by the app. */
export function at({ address, port }: App): NewInstance {
  return { address, port };
}

export function until(condition: () => unknown, options: WaitOptions = {}): Promise<unknown> {
  return waitFor(condition.toString(), condition, options);
}

/** The allocation whose registration is the app's. */
export function allocOf(nomad: NomadSimulator, { port }: App): string {
  const found = [...nomad.state.read.services.values()].find(({ Port }) => Port === port);
  if (found === undefined) throw new Error(`nothing is registered on port ${port}`);
  return found.AllocID;
}

/** Ports of the backend's servers that take traffic, in the process. */
export async function servingPorts(stack: Stack, backend: string): Promise<number[]> {
  return (await stack.loadedServers(backend))
    .filter(({ admin, up }) => admin === 'ready' && up)
    .map(({ port }) => port)
    .sort();
}

/** And on disk: those that a cold start would give traffic to. */
export async function enabledPorts(stack: Stack, backend: string): Promise<number[]> {
  return (await serverLines(stack, backend))
    .filter((line) => !/\bdisabled\b/.test(line))
    .map((line) => Number(/:(\d+) /.exec(line)?.[1]))
    .sort();
}

export async function serverLines(stack: Stack, backend: string): Promise<string[]> {
  const lines = (await stack.configuration()).split('\n').map((line) => line.trim());
  return lines.filter((line) => line.startsWith(`server ${backend}_`));
}

/** How often HAProxy has reloaded since its start, by its own count: in the middle of one nobody answers. */
export async function reloadsOf({ dp }: Pick<Stack, 'dp'>): Promise<number> {
  const { count } = await waitFor('the number of reloads', async () => {
    const text = await dp.haproxy.masterCommand('show proc');
    const found = /^\d+\s+master\s+(\d+)/m.exec(text)?.[1];
    return found === undefined ? undefined : { count: Number(found) };
  });
  return count;
}
