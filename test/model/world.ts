/** One stack that all runs share: the connector, its faults and restarts, and when it is at rest. */

import { writeFile } from 'node:fs/promises';

import { waitFor } from '../../fixtures/process.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import { type Stack, startStack } from '../../fixtures/stack.js';
import type { Picture } from '../../src/pass/picture.js';
import type { FaultKind, Restarted } from './actions.js';
import { ModelCluster } from './cluster.js';
import { Operator, operatorConfig } from './operator.js';

export class ModelWorld {
  #connector: Connector;

  private constructor(
    readonly stack: Stack,
    readonly operator: Operator,
    readonly cluster: ModelCluster,
  ) {
    this.#connector = this.#startConnector();
  }

  static async start(): Promise<ModelWorld> {
    const stack = await startStack({ haproxyConfig: operatorConfig, heartbeatMs: 1000 });
    const base = await stack.configuration();
    const cluster = new ModelCluster(stack.nomad, (name) => stack.app(name));
    const world = new ModelWorld(stack, new Operator(stack, base), cluster);
    await world.settle();
    return world;
  }

  get connector(): Connector {
    return this.#connector;
  }

  /** Asks often: what is in motion would be looked at once a second. */
  async settle(): Promise<Picture> {
    const asking = setInterval(() => this.#connector.wake(), 60);
    try {
      const picture = await this.#connector.waitSettled();
      this.stack.proxy.onRequest(undefined);
      return picture;
    } finally {
      clearInterval(asking);
    }
  }

  async fault(what: FaultKind, nth: number): Promise<void> {
    const { nomad } = this.stack;
    switch (what) {
      case 'nomad500':
        return this.#nomadFails();
      case 'tornRead':
        nomad.faults.tornReads = 1;
        return;
      case 'streamCut':
        nomad.closeStreams('cut');
        return;
      default:
        this.#dataPlaneFails(what, nth);
    }
  }

  async restart(what: Restarted): Promise<void> {
    const { dp } = this.stack;
    switch (what) {
      case 'connector':
        await this.stopConnector();
        return this.startConnector();
      case 'dataPlane':
        await dp.killDataPlane();
        return dp.startDataPlane();
      case 'reload':
        return this.operator.reload();
      case 'otherWriter':
        return this.operator.otherWriter();
      case 'haproxy':
        return this.#restartHaproxy();
      case 'haproxyOnBase':
        this.operator.back();
        return this.#restartHaproxy(this.operator.base);
    }
  }

  startConnector(): void {
    this.#connector = this.#startConnector();
  }

  async stopConnector(): Promise<void> {
    await this.#connector.stop();
  }

  close(): Promise<void> {
    return this.stack.close();
  }

  #startConnector(): Connector {
    return this.stack.connector({
      graceMs: 0,
      settings: (all) => ({
        ...all,
        haproxy: { ...all.haproxy, drainTimeoutMs: 1000 },
        // Else an edit of a map's file alone is noticed after minutes.
        sync: { ...all.sync, fullReadIntervalMs: 1 },
      }),
    });
  }

  /** The data plane with it, as in one container. */
  async #restartHaproxy(config?: string): Promise<void> {
    const { dp } = this.stack;
    await Promise.all([dp.killDataPlane(), dp.stopHaproxy('SIGTERM')]);
    if (config !== undefined) await writeFile(dp.dirs.config, config);
    await dp.startHaproxy();
    await dp.startDataPlane();
  }

  async #nomadFails(): Promise<void> {
    const { nomad } = this.stack;
    const before = this.#connector.failures.length;
    nomad.faults.http500 = true;
    this.#connector.wake();
    await waitFor('a failed pass', () => this.#connector.failures.length > before);
    nomad.faults.http500 = false;
  }

  /** The nth write from now, once. */
  #dataPlaneFails(what: 'refused' | 'cut' | 'lostAnswer', nth: number): void {
    let left = nth;
    this.stack.proxy.onRequest(({ method }) => {
      if (method === 'GET' || left-- !== 0) return undefined;
      if (what === 'refused') {
        return { answer: { status: 500, body: { code: 500, message: 'a fault' } } };
      }
      return what === 'cut' ? 'cut' : 'cut-answer';
    });
  }
}
