/** The simulated Nomad as a process of its own, so that its work is not measured as ours. */

import { setTimeout as delay } from 'node:timers/promises';

import type { ServiceHandle } from '../fixtures/nomad/services.js';
import { startNomadSimulator } from '../fixtures/nomad/simulator.js';
import { enabledTags } from '../fixtures/stack.js';

/** What the parent may ask for. Instances are ports of the one app. */
export type NomadCommand =
  | {
      readonly kind: 'serve';
      readonly names: readonly string[];
      readonly ports: readonly number[];
      /** Of the group; as many as there are ports, if left out. */
      readonly count?: number;
    }
  | { readonly kind: 'add-instance'; readonly name: string; readonly port: number }
  | { readonly kind: 'stop-instance'; readonly name: string; readonly port: number }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'remove-all'; readonly names: readonly string[] }
  /** One instance of each is replaced by one on another port, spread over the time. */
  | {
      readonly kind: 'burst';
      readonly names: readonly string[];
      readonly from: number;
      readonly to: number;
      readonly overMs: number;
    }
  | { readonly kind: 'count-requests' };

export interface NomadReply {
  readonly id: number;
  /** Milliseconds since the epoch at which the change was made, or a count of requests. */
  readonly value?: number;
  readonly error?: string;
}

const second = 1_000_000_000;
const check = { Type: 'http', Path: '/health', Interval: 10 * second, Timeout: 2 * second };

const nomad = await startNomadSimulator();
const handles = new Map<string, ServiceHandle>();

function at(port: number): { address: string; port: number } {
  return { address: '127.0.0.1', port };
}

function handleOf(name: string): ServiceHandle {
  const handle = handles.get(name);
  if (handle === undefined) throw new Error(`no service ${name}`);
  return handle;
}

function allocOn(name: string, port: number): string {
  const { allocs } = handleOf(name);
  const found = allocs.find(({ ID }) =>
    nomad.registrationsOf(ID).some((registration) => registration.Port === port),
  );
  if (found === undefined) throw new Error(`no instance of ${name} on port ${port}`);
  return found.ID;
}

function serve({ names, ports, count = ports.length }: ServeCommand): void {
  for (const name of names) {
    const instances = ports.map(at);
    const service = { name, tags: enabledTags(name), checks: [check], instances, count };
    handles.set(name, nomad.addService({ ...service, shutdownDelayMs: 5000 }));
  }
}

type ServeCommand = Extract<NomadCommand, { kind: 'serve' }>;

async function burst(command: Extract<NomadCommand, { kind: 'burst' }>): Promise<void> {
  const { names, from, to, overMs } = command;
  const start = Date.now();
  for (const [index, name] of names.entries()) {
    const due = start + (index * overMs) / names.length;
    if (due > Date.now()) await delay(due - Date.now());
    handleOf(name).replaceInstance(allocOn(name, from), at(to));
  }
}

async function run(command: NomadCommand): Promise<number> {
  switch (command.kind) {
    case 'serve':
      serve(command);
      break;
    case 'add-instance':
      handleOf(command.name).addInstance(at(command.port));
      break;
    case 'stop-instance':
      nomad.stopAlloc(allocOn(command.name, command.port));
      break;
    case 'remove':
      nomad.removeService(command.name);
      break;
    case 'remove-all':
      for (const name of command.names) nomad.removeService(name);
      break;
    case 'burst':
      await burst(command);
      break;
    case 'count-requests': {
      const count = nomad.requests.count();
      nomad.requests.reset();
      return count;
    }
  }
  return Date.now();
}

process.on('message', ({ id, command }: { id: number; command: NomadCommand }) => {
  run(command).then(
    (value) => process.send?.({ id, value } satisfies NomadReply),
    (error: unknown) => process.send?.({ id, error: String(error) } satisfies NomadReply),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({ id: 0, url: nomad.url });
