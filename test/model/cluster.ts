/** The jobs of the model, and what the simulated Nomad and its clients do with them. */

import type { App } from '../../fixtures/apps/app.js';
import type { NomadSimulator } from '../../fixtures/nomad/simulator.js';
import type { CheckSpec, GroupSpec, JobSpec } from '../../fixtures/nomad/types.js';
import type { CanaryKind, CrashKind, NewModelService, Routing } from './actions.js';
import type { Instance, Job, Service, Tags } from './oracle.js';

export class ModelCluster {
  readonly #jobs = new Map<string, Job>();
  readonly #free: App[] = [];
  #made = 0;
  #ages = 0;

  constructor(
    readonly nomad: NomadSimulator,
    readonly newApp: (name: string) => Promise<App>,
  ) {}

  /** Of jobs that run. */
  get services(): Service[] {
    return this.jobs.flatMap(({ services }) => services);
  }

  get jobs(): Job[] {
    return [...this.#jobs.values()].filter(({ stopped }) => !stopped);
  }

  job(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  async register(id: string, specs: readonly NewModelService[]): Promise<void> {
    const job: Job = { id, age: this.#ages++, version: 0, stopped: false, services: [] };
    this.#jobs.set(id, job);
    job.services = specs.map(({ count, ...declared }, at) => {
      return { name: `${id}-s${at}`, job, declared, count, instances: [] };
    });
    this.#submit(job);
    for (const service of job.services) await this.#fill(service);
  }

  /** A stopped one, as it was; it is as old as before. */
  async rerun(job: Job): Promise<void> {
    job.stopped = false;
    this.#submit(job);
    for (const service of job.services) await this.#fill(service);
  }

  stop(job: Job, purge: boolean): void {
    this.nomad.stopJob(job.id, { purge });
    for (const service of job.services) this.#forget(service.instances);
    for (const service of job.services) service.instances = [];
    job.stopped = true;
    if (purge) this.#jobs.delete(job.id);
  }

  /** A rolling update that is left after so many instances. */
  async deploy(service: Service, replaced: number, routing: Routing | undefined): Promise<void> {
    this.#giveUpCanaries(service);
    // A new object each time: by it a version's instances are told from older ones.
    const typo = routing === undefined ? service.declared.typo : undefined;
    service.declared = { ...service.declared, ...routing, typo };
    this.#submit(service.job);
    const outdated = service.instances.filter(({ tags }) => tags !== service.declared);
    for (const old of outdated.slice(0, replaced)) await this.#replace(service, old);
    await this.#fill(service);
  }

  async canary(service: Service, count: number, how: CanaryKind): Promise<void> {
    this.#giveUpCanaries(service);
    service.declared = { ...service.declared, canary: how };
    this.#submit(service.job);
    for (let at = 0; at < count; at++) await this.#place(service, how);
  }

  /** The canaries become ordinary, and so many of the old ones leave; the others are replaced. */
  async promote(service: Service): Promise<void> {
    const canaries = service.instances.filter(({ canary }) => canary !== 'no');
    if (canaries.length === 0) return;
    this.nomad.promote(service.job.id);
    for (const { instances } of service.job.services) {
      for (const one of instances) one.canary = 'no';
    }
    const old = service.instances.filter((one) => !canaries.includes(one));
    const surplus = Math.max(0, service.instances.length - service.count);
    for (const one of old.slice(0, surplus)) this.#end(service, one);
    for (const one of old.slice(surplus)) await this.#replace(service, one);
  }

  async scale(service: Service, count: number): Promise<void> {
    this.#giveUpCanaries(service);
    service.count = count;
    this.#submit(service.job);
    const oldestFirst = [...service.instances].sort((a, b) => a.version - b.version);
    for (const one of oldestFirst.slice(0, Math.max(0, oldestFirst.length - count))) {
      this.#end(service, one);
    }
    await this.#fill(service);
  }

  async crash(service: Service, which: number, how: CrashKind): Promise<void> {
    const one = service.instances[which % Math.max(1, service.instances.length)];
    if (one === undefined) return;
    if (how === 'restarted') return this.nomad.restartAlloc(one.alloc);
    const { tags, version, canary } = one;
    const again = { tags, version, canary };
    if (how === 'replacedFirst') {
      await this.#place(service, canary, again);
      return this.#fail(service, one);
    }
    this.#fail(service, one, how === 'failed');
    await this.#place(service, canary, again, how === 'sameAddress' ? one.app : undefined);
  }

  /** In place: tags alone are changed, and so the instances stay. */
  retag(service: Service, change: Partial<Tags>): void {
    this.#giveUpCanaries(service);
    const before = service.declared;
    service.declared = { ...before, ...change };
    const job = this.#submit(service.job);
    for (const one of service.instances) this.#inPlace(one, service, job);
  }

  #submit(job: Job): ReturnType<NomadSimulator['registerJob']> {
    const registered = this.nomad.registerJob(specOf(job));
    job.version = registered.Version;
    // Groups that did not change go on as instances of the new version.
    for (const service of job.services) {
      for (const one of service.instances) {
        if (one.tags === service.declared) this.#inPlace(one, service, registered);
      }
    }
    return registered;
  }

  #inPlace(
    one: Instance,
    { declared, name }: Service,
    job: ReturnType<NomadSimulator['registerJob']>,
  ): void {
    const alloc = { ...this.nomad.alloc(one.alloc), Job: job };
    this.nomad.state.commit('PlanResult', (tx) => tx.putAlloc(alloc));
    if (one.tags !== declared) {
      const { address, port } = one.app;
      this.nomad.registerInstance(one.alloc, { [name]: { address, port } });
    }
    one.tags = declared;
    one.version = job.Version;
  }

  async #fill(service: Service): Promise<void> {
    while (service.instances.length < service.count) await this.#place(service, 'no');
    const surplus = service.instances.filter(({ canary }) => canary === 'no').slice(service.count);
    for (const one of surplus) this.#end(service, one);
  }

  async #replace(service: Service, old: Instance): Promise<void> {
    await this.#place(service, 'no');
    this.#end(service, old);
  }

  async #place(
    service: Service,
    canary: Instance['canary'],
    like: Pick<Instance, 'tags' | 'version'> = {
      tags: service.declared,
      version: service.job.version,
    },
    given?: App,
  ): Promise<void> {
    const app = given ?? (await this.#takeApp());
    if (given !== undefined) this.#free.splice(this.#free.indexOf(given), 1);
    const { ID } = this.nomad.startAlloc({
      job: service.job.id,
      group: service.name,
      ports: { http: app.port },
      version: like.version,
      canary: canary !== 'no',
    });
    const { address, port } = app;
    this.nomad.registerInstance(ID, { [service.name]: { address, port } });
    this.nomad.setClientStatus(ID, 'running');
    this.nomad.setHealthy(ID, true);
    const { tags, version } = like;
    service.instances.push({ app, alloc: ID, tags, version, canary });
  }

  #end(service: Service, one: Instance): void {
    this.nomad.stopAlloc(one.alloc);
    this.#remove(service, one);
  }

  #fail(service: Service, one: Instance, deregisterLast = false): void {
    if (!deregisterLast) this.nomad.deregisterInstance(one.alloc);
    this.nomad.setClientStatus(one.alloc, 'failed');
    if (deregisterLast) this.nomad.deregisterInstance(one.alloc);
    this.nomad.setDesiredStatus(one.alloc, 'stop');
    this.#remove(service, one);
  }

  #giveUpCanaries({ job }: Service): void {
    for (const service of job.services) {
      for (const one of [...service.instances]) {
        if (one.canary !== 'no') this.#end(service, one);
      }
    }
  }

  #remove(service: Service, one: Instance): void {
    service.instances = service.instances.filter((other) => other !== one);
    this.#forget([one]);
  }

  /** They go on listening: whoever still sends them something is found out by the answer. */
  #forget(instances: readonly Instance[]): void {
    for (const { app } of instances) {
      const isUsed = this.services.some(({ instances: all }) => all.some((one) => one.app === app));
      if (!isUsed && !this.#free.includes(app)) this.#free.push(app);
    }
  }

  async #takeApp(): Promise<App> {
    const enough = this.#free.length > 4 ? this.#free.shift() : undefined;
    return enough ?? this.newApp(`app${this.#made++}`);
  }
}

function specOf(job: Job): JobSpec {
  return { ID: job.id, Type: 'service', TaskGroups: job.services.map(groupOf) };
}

function groupOf({ name, declared, count }: Service): GroupSpec {
  return {
    Name: name,
    Count: count,
    Networks: [{ DynamicPorts: [{ Label: 'http' }] }],
    Services: [
      {
        Name: name,
        Provider: 'nomad',
        PortLabel: 'http',
        Tags: tagList(declared),
        CanaryTags: declared.canary === 'untagged' ? ['canary'] : [],
        Checks: checksOf(declared),
      },
    ],
  };
}

function checksOf({ check }: Tags): CheckSpec[] {
  const times = { Interval: 1e9, Timeout: 1e9 };
  if (check === 'none') return [];
  return [
    check === 'http' ? { Type: 'http', Path: '/health', ...times } : { Type: 'tcp', ...times },
  ];
}

function tagList(tags: Tags): string[] {
  const all = [
    'enable=true',
    ...tags.domains.map((domain) => `domain=${domain}`),
    ...(tags.path === undefined ? [] : [`path=${tags.path}`]),
    ...(tags.check === 'none' ? ['check.disabled=true'] : ['check.interval=100ms']),
    ...(tags.custom === undefined ? [] : ['backend=custom', `backend.name=${tags.custom}`]),
    ...(tags.canary === 'weightless' ? ['canary.weight=0'] : []),
  ];
  if (tags.typo === undefined) return all.map((tag) => `haproxy.${tag}`);
  const [key = ''] = tags.typo.split('=');
  const others = all.filter((tag) => !tag.startsWith(`${key}=`));
  return [...others, tags.typo].map((tag) => `haproxy.${tag}`);
}
