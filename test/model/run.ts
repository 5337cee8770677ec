/** One list of steps against the shared world, compared with the oracle whenever all is at rest. */

import { expect } from 'chai';

import { reloadsOf } from '../stack/helpers.js';
import type { Action, Routing, Step } from './actions.js';
import {
  type Job,
  type Served,
  type Service,
  type SinceOf,
  backendFor,
  forgotten,
  instancesIn,
  nextServed,
  nothingServed,
  routesOf,
  tagsOf,
} from './oracle.js';
import { type Probe, type Prober, startProber } from './prober.js';
import {
  allRequests,
  checkDisk,
  checkOperator,
  checkTraffic,
  readClaims,
  slotsOf,
} from './verify.js';
import type { ModelWorld } from './world.js';

const largestBatch = 3;

export async function runSteps(world: ModelWorld, steps: readonly Step[]): Promise<void> {
  const run = new Run(world);
  try {
    for (const { action, settle } of steps) {
      await run.perform(action);
      if (settle) await run.compare();
    }
    await run.compare();
    await run.coldStart();
    await run.leaveNothing();
  } finally {
    await run.stopAsking();
  }
}

class Run {
  #served: Served = nothingServed;
  #slots: Readonly<Record<string, number>> = {};
  #batch: Action[] = [];
  #reloads = 0;
  #demand = new Map<string, number>();
  #prober: Prober | undefined;
  readonly #claims = new Map<string, number>();
  #liveBefore = new Map<string, ReadonlySet<string>>();

  constructor(readonly world: ModelWorld) {}

  get #services(): Service[] {
    return this.world.cluster.services;
  }

  async perform(action: Action): Promise<void> {
    if (this.#batch.length >= largestBatch || isDelicate(action)) await this.compare();
    if (this.#batch.length === 0) await this.#begin();
    this.#batch.push(action);
    const before = new Map(this.#services.map(({ name, instances }) => [name, new Set(instances)]));
    trace(JSON.stringify(action));
    await this.#do(action);
    for (const { name, instances } of this.#services) {
      const added = instances.filter((one) => before.get(name)?.has(one) !== true).length;
      this.#demand.set(name, (this.#demand.get(name) ?? before.get(name)?.size ?? 0) + added);
    }
    if (isDelicate(action)) await this.compare();
  }

  async compare(): Promise<void> {
    if (this.#batch.length === 0) return;
    const { stack, operator } = this.world;
    trace('settle');
    await this.world.settle();
    trace('compare');
    const probes = (await this.#prober?.stop()) ?? [];
    const before = this.#served;
    const sinceOf = await readClaims(stack);
    this.#checkClaims(sinceOf);
    this.#served = nextServed(this.#services, this.#served, sinceOf);
    if (!this.#batch.some(interrupts)) this.#checkProbes(probes, before);
    await checkTraffic(stack, this.#services, this.#served);
    await checkOperator(stack, operator);
    await checkDisk(stack);
    if (this.#mustNotReload()) expect(await reloadsOf(stack), 'reloads').to.equal(this.#reloads);
    this.#batch = [];
  }

  /** A claim keeps its time, also after its service was away. */
  #checkClaims(sinceOf: SinceOf): void {
    const now = new Map<string, number>();
    for (const service of this.#services) {
      for (const route of routesOf(tagsOf(service))) {
        const since = sinceOf(service.name, route);
        if (since !== undefined) now.set(`${service.name} ${route}`, since);
      }
    }
    for (const [claim, since] of now) {
      const before = this.#claims.get(claim);
      if (before !== undefined) expect(since, `the time of claim ${claim}`).to.equal(before);
    }
    for (const [claim, since] of now) this.#claims.set(claim, since);
  }

  async stopAsking(): Promise<void> {
    await this.#prober?.stop();
  }

  /** HAProxy alone, from disk. */
  async coldStart(): Promise<void> {
    const { stack } = this.world;
    trace('cold start');
    await this.world.stopConnector();
    await stack.dp.stopHaproxy('SIGTERM');
    await stack.dp.startHaproxy();
    await checkTraffic(stack, this.#services, this.#served);
    this.world.startConnector();
  }

  async leaveNothing(): Promise<void> {
    const { cluster, operator, stack } = this.world;
    trace('clean up');
    for (const job of cluster.jobs) cluster.stop(job, true);
    await this.world.settle();
    await operator.cleanUp();
    await this.world.settle();
    await checkOperator(stack, operator);
    expect(await stack.configuration(), 'what is left').not.to.match(/server nomad_\S+_\d+ /);
    await checkTraffic(stack, [], nothingServed);
  }

  async #begin(): Promise<void> {
    const { stack } = this.world;
    this.#reloads = await reloadsOf(stack);
    this.#slots = slotsOf(await stack.configuration());
    this.#demand = new Map();
    const backends = new Set(this.#served.placed.values());
    const live = (backend: string) => this.#allocsIn(backend);
    this.#liveBefore = new Map([...backends].map((backend) => [backend, live(backend)]));
    const targets = allRequests.filter(({ host, path }) => {
      const backend = backendFor(this.#served, host, path);
      return backend !== undefined && live(backend).size > 0;
    });
    this.#prober = startProber(stack, targets);
  }

  /** By allocation: one that follows another on its address is a new one. */
  #allocsIn(backend: string): Set<string> {
    const instances = instancesIn(this.#services, this.#served, backend);
    return new Set(instances.map(({ alloc }) => alloc));
  }

  /** Where the backend stayed and an instance with it, every answer was one of an instance. */
  #checkProbes(probes: readonly Probe[], before: Served): void {
    const failed = probes.filter(({ host, path, answer }) => {
      const backend = backendFor(before, host, path);
      if (backend === undefined || backendFor(this.#served, host, path) !== backend) return false;
      const after = this.#allocsIn(backend);
      if (![...(this.#liveBefore.get(backend) ?? [])].some((alloc) => after.has(alloc)))
        return false;
      return !('status' in answer) || answer.status !== 200 || !answer.body.startsWith('app');
    });
    const what = `of ${probes.length} requests meanwhile: ${JSON.stringify(failed.slice(0, 5))}`;
    expect(failed, what).to.deep.equal([]);
  }

  /** Instances alone changed, and there were slots for all that came, beside those that left. */
  #mustNotReload(): boolean {
    return (
      this.#batch.every(isOfEndpoints) &&
      [...this.#demand].every(([name, needed]) => needed <= (this.#slots[name] ?? 0))
    );
  }

  #wellBackends(): Set<string> {
    const { placed } = this.#served;
    const isBad = (one: Service): boolean => tagsOf(one).typo !== undefined;
    const bad = new Set(this.#services.filter(isBad).map(({ name }) => placed.get(name)));
    return new Set([...placed.values()].filter((backend) => !bad.has(backend)));
  }

  #service(pick: number): Service | undefined {
    return this.#services[pick % Math.max(1, this.#services.length)];
  }

  async #do(action: Action): Promise<void> {
    const { cluster, operator } = this.world;
    switch (action.kind) {
      case 'register':
        return this.#register(action);
      case 'stop':
        return this.#stop(action.pick, action.purge);
      case 'operator':
        return operator.edit(action.edit, action.pick, this.#wellBackends());
      case 'fault':
        return this.world.fault(action.what, action.nth);
      case 'restart':
        await this.world.restart(action.what);
        if (action.what === 'haproxyOnBase') this.#served = forgotten(this.#services, this.#served);
        return;
      default: {
        const service = this.#service(action.pick);
        if (service !== undefined) await this.#change(cluster, service, action);
      }
    }
  }

  async #register({ job: at, services }: Extract<Action, { kind: 'register' }>): Promise<void> {
    const { cluster } = this.world;
    const job = cluster.job(`j${at}`);
    if (job === undefined) return cluster.register(`j${at}`, services);
    if (job.stopped) await cluster.rerun(job);
  }

  #stop(pick: number, purge: boolean): void {
    const { jobs } = this.world.cluster;
    const job: Job | undefined = jobs[pick % Math.max(1, jobs.length)];
    if (job !== undefined) this.world.cluster.stop(job, purge);
  }

  async #change(
    cluster: ModelWorld['cluster'],
    service: Service,
    action: Exclude<Action, { kind: 'register' | 'stop' | 'operator' | 'fault' | 'restart' }>,
  ): Promise<void> {
    const isWell = tagsOf(service).typo === undefined;
    switch (action.kind) {
      case 'deploy':
        return cluster.deploy(service, action.replaced + 1, action.routing);
      case 'canary':
        if (!isWell || service.instances.length === 0) return;
        return cluster.canary(service, action.count, action.how);
      case 'promote':
        return cluster.promote(service);
      case 'scale':
        return cluster.scale(service, action.count);
      case 'crash':
        return cluster.crash(service, action.which, action.how);
      case 'retag':
        return cluster.retag(service, { ...action.routing, check: action.check, typo: undefined });
      case 'claim': {
        const others = this.#services.filter(({ job }) => job !== service.job);
        const other = others[action.from % Math.max(1, others.length)];
        const domain = other && tagsOf(other).domains[0];
        if (domain === undefined) return;
        const routing: Routing = {
          domains: [...new Set([...service.declared.domains, domain])],
          path: other?.declared.path,
        };
        return cluster.retag(service, { ...routing, typo: undefined });
      }
      case 'typo':
        return cluster.retag(service, { typo: typoFor(service, action.typo) });
    }
  }
}

function trace(what: string): void {
  if (process.env['MODEL_TRACE'] !== undefined) console.log(`${Date.now() % 1e6} ${what}`);
}

/** In an operator's backend most tags are ignored, whatever they say. */
function typoFor({ declared }: Service, typo: string): string {
  const known = ['enable=ture', 'backend=costum', 'weight=heavy'];
  return declared.custom === undefined || known.includes(typo) ? typo : 'weight=heavy';
}

/** Where it matters what was served just before, and so whether the connector had seen it. */
function isDelicate(action: Action): boolean {
  switch (action.kind) {
    case 'register':
    case 'retag':
    case 'claim':
    case 'typo':
    case 'operator':
      return true;
    case 'deploy':
      return action.routing !== undefined;
    case 'restart':
      return action.what === 'haproxyOnBase' || action.what === 'otherWriter';
    default:
      return false;
  }
}

/** A request may fail, or end elsewhere, whatever the connector does. */
function interrupts(action: Action): boolean {
  if (action.kind === 'crash') return action.how === 'restarted';
  if (action.kind === 'restart') return action.what.startsWith('haproxy');
  return (
    action.kind === 'operator' && ['dropServer', 'changeEntry', 'dropEntry'].includes(action.edit)
  );
}

function isOfEndpoints(action: Action): boolean {
  switch (action.kind) {
    case 'deploy':
      return action.routing === undefined;
    case 'canary':
    case 'promote':
    case 'scale':
    case 'crash':
      return true;
    default:
      return false;
  }
}
