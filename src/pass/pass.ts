import { servedNamespaces } from '../actual/served-namespaces.js';
import { readIdleSlots } from '../actual/idle.js';
import { requireMapFile } from '../actual/shared-map.js';
import type { DataPlaneReader, DataPlaneWriter } from '../actual/dataplane-client.js';
import { type Degraded, findDegraded } from '../actual/normalise/degraded.js';
import type { ActualReader } from '../actual/reader.js';
import type { ActualState } from '../actual/types.js';
import { apply, repairView } from '../apply/apply.js';
import { reloadAsItIs } from '../apply/reload.js';
import type { ApplyContext } from '../apply/context.js';
import { refreshServerState } from '../apply/state-file.js';
import { deleteDeadTransactions } from '../apply/transaction.js';
import type { Settings } from '../config/types.js';
import { desire } from './desire.js';
import type { DesiredState, Rejection } from '../desired/types.js';
import { plan as makePlan } from '../diff/plan/plan.js';
import { reloadsOf } from '../diff/print/print.js';
import type { Held, Plan, ReloadReason, Step } from '../diff/types.js';
import { asConnectorError, type ConnectorError } from '../shared/errors.js';
import type { CatalogReader } from '../observe/catalog/reader.js';
import type { Catalog } from '../observe/types.js';
import { attempt, type Attempts, isolate } from './isolate.js';
import { candidatesOf, namedIn } from './rejections.js';
import type { RouteFiles } from '../routes/folder.js';
import { cameBackOther, stillUnstable, type Unstable } from './unstable.js';

export type Phase = 'observe' | 'desired' | 'actual' | 'diff' | 'apply';

export interface PassDependencies {
  readonly catalog: CatalogReader;
  readonly actual: ActualReader;
  readonly client: DataPlaneReader;
  /** Absent in a dry run: nothing can then be sent but GET. */
  readonly writer?: DataPlaneWriter;
  readonly settings: Settings;
  /** This process goes on after the pass: a daemon. */
  readonly staysRunning: boolean;
  readonly routeFiles: () => RouteFiles;
  readonly now: () => number;
  readonly timed: <T>(phase: Phase, task: () => T) => T;
}

/** Hints that a process may lose: the next one finds out again. */
export interface PassMemory {
  /** Removals held by the pass before. */
  held?: Held;
  /** By service: what HAProxy refused, until its input changes. */
  rejected: Record<string, Rejection>;
  unstable: Unstable;
  /** What the server state file holds, as far as this process knows. */
  serverState?: string;
  /** Dead transactions of earlier processes were deleted. */
  cleaned: boolean;
  /** The last pass ended in an error: nothing read before may be reused. */
  failed: boolean;
}

export function newMemory(): PassMemory {
  return { rejected: {}, unstable: {}, cleaned: false, failed: false };
}

export interface PassResult {
  readonly catalog: Catalog;
  readonly desired: DesiredState;
  /** What was to be done when the pass began. */
  readonly plan: Plan;
  /** What is left to do at its end; in a dry run the same. */
  readonly rest: Plan;
  readonly steps: readonly Step[];
  readonly reloads: readonly ReloadReason[];
  readonly degraded: readonly Degraded[];
}

/** After a commit comes a read back; what is not as planned by then is the next pass's work. */
const maxRounds = 3;
/** How often a pass looks again because another writer was faster; then it fails, and waits. */
const maxConflicts = 3;

/**
 * One pass: the full catalog, the desired state, HAProxy's state, the difference, and what it takes
 * to make it none. Startup, a missed event, drift and a retry are all just this.
 */
export async function runPass(
  deps: PassDependencies,
  memory: PassMemory,
  signal: AbortSignal,
): Promise<PassResult> {
  const full = memory.failed || memory.held !== undefined;
  memory.failed = true;
  const [catalog, actual] = await Promise.all([
    deps.timed('observe', () => deps.catalog.read({ full, signal })),
    deps.timed('actual', () => readActual(deps, memory, full, signal)),
  ]);
  const hidden = await deps.catalog.hidden(servedNamespaces(actual), signal);
  const pass = new Pass(deps, memory, catalog, hidden, signal);
  const result = await pass.run(actual);
  memory.failed = false;
  if (result.rest.held?.releasable === true) memory.held = result.rest.held;
  else delete memory.held;
  return result;
}

async function readActual(
  deps: PassDependencies,
  memory: PassMemory,
  full: boolean,
  signal: AbortSignal,
): Promise<ActualState> {
  const { writer } = deps;
  try {
    const actual = await deps.actual.read({ full, signal });
    if (writer !== undefined && !memory.cleaned) {
      await deleteDeadTransactions({ client: writer, signal }, actual.configVersion);
      memory.cleaned = true;
    }
    return actual;
  } catch (error) {
    const { code } = asConnectorError(error);
    if (code !== 'haproxy-poisoned' || writer === undefined) throw error;
    await repairView(writer, signal);
    return deps.actual.read({ full: true, signal });
  }
}

class Pass {
  readonly #steps: Step[] = [];
  readonly #reloads: ReloadReason[] = [];
  #conflicts = 0;

  constructor(
    readonly deps: PassDependencies,
    readonly memory: PassMemory,
    readonly catalog: Catalog,
    readonly hidden: readonly string[],
    readonly signal: AbortSignal,
  ) {}

  async run(start: ActualState): Promise<PassResult> {
    let actual = start;
    let desired = this.#desire();
    const first = await this.#plan(desired, actual);
    let current = first;
    for (let left = maxRounds; left > 0; left--) {
      if (this.deps.writer === undefined || current.steps.length === 0) break;
      const before = current;
      const refused = Object.keys(this.memory.rejected).length;
      const applied = await this.#applied(this.deps.writer, desired, actual, current);
      actual = await this.deps.timed('actual', () =>
        this.deps.actual.read({ signal: this.signal }),
      );
      desired = this.#desire();
      current = await this.#plan(desired, actual);
      if (applied) {
        const found = cameBackOther(desired, before, current);
        this.memory.unstable = { ...this.memory.unstable, ...found };
      }
      // A conflict is a new read. A culprit is progress: the others are to be served in this pass.
      if (!applied || Object.keys(this.memory.rejected).length > refused) left++;
    }
    if (this.deps.writer !== undefined) {
      const known = this.memory.serverState ?? actual.global.serverState;
      const context = this.#context(this.deps.writer, actual);
      await refreshServerState(context, known, this.deps.staysRunning);
    }
    return {
      catalog: this.catalog,
      desired,
      plan: first,
      rest: current,
      steps: this.#steps,
      reloads: this.#reloads,
      degraded: findDegraded(actual, this.deps.settings.haproxy.frontends),
    };
  }

  #desire(apart: Record<string, Rejection> = {}): DesiredState {
    const { settings, routeFiles, timed } = this.deps;
    const rejected = { ...this.memory.rejected, ...apart };
    const input = { catalog: this.catalog, settings, rejected };
    return timed('desired', () => desire({ ...input, routes: routeFiles() }));
  }

  async #plan(desired: DesiredState, actual: ActualState): Promise<Plan> {
    const { client, settings, timed } = this.deps;
    requireMapFile(actual, settings);
    const now = Math.floor(this.deps.now() / 1000);
    const idle = await timed('actual', () => readIdleSlots(client, actual, now, this.signal));
    const { held } = this.memory;
    return timed('diff', () =>
      makePlan({
        catalog: this.catalog,
        hidden: this.hidden,
        desired,
        actual,
        settings,
        now,
        idle,
        unstable: stillUnstable(this.memory.unstable, desired),
        ...(held === undefined ? {} : { confirms: held }),
      }),
    );
  }

  /** False: another writer was faster, and what it left is to be read and planned for. */
  async #applied(
    client: DataPlaneWriter,
    desired: DesiredState,
    actual: ActualState,
    plan: Plan,
  ): Promise<boolean> {
    try {
      await this.#apply(client, desired, actual, plan);
      return true;
    } catch (error) {
      if (asConnectorError(error).code !== 'haproxy-conflict') throw error;
      if (this.#conflicts++ >= maxConflicts) throw error;
      return false;
    }
  }

  async #apply(
    client: DataPlaneWriter,
    desired: DesiredState,
    actual: ActualState,
    plan: Plan,
  ): Promise<void> {
    try {
      await this.#commit(client, actual, plan);
    } catch (error) {
      const reason = await this.#rejectionOf(client, error);
      const candidates = candidatesOf(desired, plan);
      if (namedIn(candidates, reason.message).length > 0) {
        return isolate(this.#attempts(client), candidates, reason);
      }
      await this.#requireSound(client, reason);
      // Another writer's part, like a port that is in use, may have gone with the roll-back.
      await attempt(this.#attempts(client), candidates, []);
    }
  }

  /** What is refused without our changes too is no service's fault. */
  async #requireSound(client: DataPlaneWriter, refusal: ConnectorError): Promise<void> {
    const actual = await this.deps.actual.read({ full: true, signal: this.signal });
    try {
      await reloadAsItIs(this.#context(client, actual));
    } catch (error) {
      await this.#rejectionOf(client, error);
      throw refusal;
    }
  }

  #context(client: DataPlaneWriter, actual: ActualState): ApplyContext {
    return {
      client,
      actual,
      settings: this.deps.settings,
      signal: this.signal,
      onServerState: (content) => (this.memory.serverState = content),
    };
  }

  async #commit(client: DataPlaneWriter, actual: ActualState, plan: Plan): Promise<void> {
    const context = this.#context(client, actual);
    const result = await this.deps.timed('apply', () => apply(context, plan));
    const done = ({ kind }: Step): boolean => !result.prepared || kind === 'create-map';
    this.#steps.push(...plan.steps.filter(done));
    if (result.prepared) this.deps.actual.forget();
    if (!result.reloaded) return;
    // One reload, however many reasons: the first is the one that counts.
    this.#reloads.push(
      ...reloadsOf(plan)
        .slice(0, 1)
        .map(({ code }) => code),
    );
    await deleteDeadTransactions({ client, signal: this.signal }, actual.configVersion + 1);
  }

  /** A rejected configuration costs only the services that caused it; all else ends the pass. */
  async #rejectionOf(client: DataPlaneWriter, thrown: unknown): Promise<ConnectorError> {
    const error = asConnectorError(thrown);
    this.deps.actual.forget();
    if (error.code === 'haproxy-reload-failed') await repairView(client, this.signal);
    else if (error.code !== 'haproxy-rejected') throw error;
    return error;
  }

  #attempts(client: DataPlaneWriter): Attempts {
    return {
      read: () => this.deps.actual.read({ full: true, signal: this.signal }),
      desire: (apart) => this.#desire(apart),
      plan: (desired, actual) => this.#plan(desired, actual),
      commit: (actual, plan) => this.#commit(client, actual, plan),
      rejectionOf: (error) => this.#rejectionOf(client, error),
      remember: (rejected) => Object.assign(this.memory.rejected, rejected),
    };
  }
}
