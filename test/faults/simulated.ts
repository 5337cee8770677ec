/** The platform of the simulator: apps in this process. */

import type { App } from '../../fixtures/apps/app.js';
import type { ServiceHandle } from '../../fixtures/nomad/services.js';
import { startStack, type StackOptions } from '../../fixtures/stack.js';
import { updateInPlace } from '../deploys/stack.js';
import { allocOf, at } from '../stack/helpers.js';
import type { Late, Platform } from './platform.js';

export async function startSimulated(options: StackOptions): Promise<Platform> {
  const stack = await startStack({ ...options, nomad: 'simulator', heartbeatMs: 1000 });
  const { nomad } = stack;
  const web = await Promise.all(['a', 'b'].map((name) => stack.app(name)));
  const spare = await Promise.all(['c', 'd'].map((name) => stack.app(name)));
  stack.serve('web', web);
  let service: ServiceHandle | undefined;
  let tags: readonly string[] = [];
  /** Oldest first. */
  let running: readonly App[] = [];

  function serve(wanted: Late): void {
    if (service === undefined) {
      running = spare.slice(0, wanted.count);
      service = stack.serve('late', running, { tags: wanted.tags });
    } else if (tags !== wanted.tags) {
      updateInPlace(stack, service, wanted.tags);
    }
    ({ tags } = wanted);
    for (const app of spare.slice(running.length, wanted.count)) {
      service.addInstance(at(app));
      running = [...running, app];
    }
    for (const app of running.slice(0, running.length - wanted.count)) {
      nomad.stopAlloc(allocOf(nomad, app));
      running = running.filter((one) => one !== app);
    }
  }

  return {
    stack,
    web: web.map(({ name }) => name),
    get late() {
      return running.map(({ name }) => name);
    },
    set: (late) => {
      if (late !== undefined) serve(late);
      else {
        nomad.removeService('late');
        [service, running] = [undefined, []];
      }
      return Promise.resolve();
    },
    nudge: () => {
      nomad.state.commit('ServiceRegistration', (tx) => tx.touch('services'));
      return Promise.resolve();
    },
    waitRest: () => Promise.resolve(),
    patienceMs: 8000,
    kill: () => nomad.stop(),
    recover: () => nomad.start(),
    stall: (ms) => {
      nomad.faults.hang = true;
      setTimeout(() => (nomad.faults.hang = false), ms);
    },
    restart: async () => {
      await nomad.stop();
      await nomad.start();
    },
  };
}
