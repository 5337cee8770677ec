/** Puts fuzzed jobs into the simulated Nomad: as submitted, or past its validation. */

import type { App } from '../../fixtures/apps/app.js';
import { JobRefused } from '../../fixtures/nomad/job-validation.js';
import { canonicalJob } from '../../fixtures/nomad/job-spec.js';
import { putVersion } from '../../fixtures/nomad/job-versions.js';
import type { NomadSimulator } from '../../fixtures/nomad/simulator.js';
import { key } from '../../fixtures/nomad/state.js';
import type { Job, JobSpec, ServiceSpec } from '../../fixtures/nomad/types.js';
import type { FuzzEntry, FuzzInstance, FuzzJob, FuzzService } from './arbitraries.js';

export const victimNamespace = 'ward';

/** Whether Nomad would have taken it. */
export function submit(nomad: NomadSimulator, job: FuzzJob, app: App): boolean {
  addNamespace(nomad, job.namespace);
  const { registered, accepted } = register(nomad, specOf(job));
  for (const instance of job.instances) place(nomad, registered, job, instance, app);
  // Its instances stay on the first version.
  if (job.updated) register(nomad, { ...specOf(job), Meta: { again: 'yes' } });
  return accepted;
}

function addNamespace(nomad: NomadSimulator, name: string): void {
  if (!nomad.state.read.namespaces.has(name)) nomad.createNamespace(name);
}

function register(nomad: NomadSimulator, spec: JobSpec): { registered: Job; accepted: boolean } {
  try {
    return { registered: nomad.registerJob(spec), accepted: true };
  } catch (cause) {
    if (!(cause instanceof JobRefused)) throw cause;
    const wanted = canonicalJob(spec);
    const current = nomad.state.read.jobs.get(key(wanted.Namespace, wanted.ID));
    const put = nomad.state.commit('JobRegistered', (tx) => putVersion(tx, wanted, current));
    return { registered: put, accepted: false };
  }
}

function specOf({ namespace, id, group, portLabel, services, count }: FuzzJob): JobSpec {
  const specs = (ofTask: boolean): ServiceSpec[] =>
    services.filter((one) => one.ofTask === ofTask).map((one) => serviceOf(one, portLabel));
  return {
    ID: id,
    Namespace: namespace,
    TaskGroups: [
      {
        Name: group,
        Count: count,
        Networks: [{ DynamicPorts: [{ Label: portLabel }] }],
        Services: specs(false),
        Tasks: [{ Name: 'main', Services: specs(true) }],
      },
    ],
  };
}

function serviceOf({ name, tags, canaryTags, checks }: FuzzService, label: string): ServiceSpec {
  return {
    Name: name,
    Provider: 'nomad',
    PortLabel: label,
    Tags: tags,
    CanaryTags: canaryTags,
    Checks: checks,
  };
}

function place(
  nomad: NomadSimulator,
  job: Job,
  { group, portLabel }: FuzzJob,
  { address, port, canary, status }: FuzzInstance,
  app: App,
): void {
  const at = address === undefined ? app : { address, port };
  const ports = { [portLabel]: at.port };
  const { ID } = nomad.startAlloc({ job, group, ports, canary, hostIp: at.address });
  const names = nomad.registerInstance(ID).map(({ ServiceName }) => [ServiceName, at] as const);
  nomad.registerInstance(ID, Object.fromEntries(names));
  nomad.setClientStatus(ID, status);
}

/** A registration of no job, or of one that never was. */
export function enter(nomad: NomadSimulator, entry: FuzzEntry, at: number): void {
  addNamespace(nomad, entry.namespace);
  const { namespace: Namespace, name: ServiceName, tags, address: Address, port: Port } = entry;
  nomad.state.commit('ServiceRegistration', (tx) =>
    tx.putService({
      ...{ ServiceName, Namespace, Address, Port, Tags: [...tags] },
      ...{ ID: `${entry.id}${at}`, JobID: entry.job, AllocID: entry.alloc },
      ...{ NodeID: 'node', Datacenter: 'dc1', CreateIndex: tx.index, ModifyIndex: tx.index },
    }),
  );
}

/** All but the victims. */
export function removeAll(nomad: NomadSimulator): void {
  const { jobs, services, allocs, namespaces } = nomad.state.read;
  for (const job of [...jobs.values()]) {
    if (job.Namespace !== victimNamespace) nomad.stopJob(job, { purge: true });
  }
  nomad.state.commit('Removal', (tx) => {
    for (const one of [...services.values()]) {
      if (one.Namespace !== victimNamespace) tx.deleteService(one);
    }
    for (const one of [...allocs.values()]) {
      if (one.Namespace !== victimNamespace) tx.deleteAlloc(one);
    }
    for (const name of [...namespaces.keys()]) {
      if (name !== victimNamespace && name !== 'default') tx.deleteNamespace(name);
    }
  });
}
