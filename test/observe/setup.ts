/** A reader against a simulated Nomad, and the settings that it needs. */

import { startNomadSimulator, type NomadSimulator } from '../../fixtures/nomad/simulator.js';
import type { NomadSettings } from '../../src/config/types.js';
import { ConnectorError } from '../../src/shared/errors.js';
import type { Lookup } from '../../src/observe/catalog/addresses.js';
import { createCatalogReader, type CatalogReader } from '../../src/observe/catalog/reader.js';
import { createNomadClient, type NomadClient } from '../../src/observe/nomad/client.js';
import type { StatusClass } from '../../src/shared/status-class.js';
import type { Catalog, CatalogInstance, CatalogService } from '../../src/observe/types.js';

export const enabled = 'haproxy.enable=true';

export interface Observer {
  readonly nomad: NomadSimulator;
  readonly client: NomadClient;
  readonly reader: CatalogReader;
  readonly responses: StatusClass[];
  read(full?: boolean): Promise<Catalog>;
  close(): Promise<void>;
}

export interface ObserverOptions {
  readonly settings?: Partial<NomadSettings>;
  readonly lookup?: Lookup;
  readonly now?: () => number;
  readonly eventLateMs?: number;
}

export async function startObserver(options: ObserverOptions = {}): Promise<Observer> {
  const nomad = await startNomadSimulator({ heartbeatMs: 30 });
  const responses: StatusClass[] = [];
  const settings = settingsFor(nomad.url, options.settings);
  const limits = { answerBytes: 10_000_000, objectBytes: 65_536 };
  const client = createNomadClient({
    settings,
    limits,
    onResponse: (status) => responses.push(status),
  });
  const reader = createCatalogReader({
    client,
    namespace: settings.namespace,
    tagPrefix: 'haproxy',
    ...(options.now === undefined ? {} : { now: options.now }),
    ...(options.eventLateMs === undefined ? {} : { eventLateMs: options.eventLateMs }),
    ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
  });
  return {
    nomad,
    client,
    reader,
    responses,
    read: (full = false) => reader.read({ full, signal: new AbortController().signal }),
    close: async () => {
      client.close();
      await nomad.close();
    },
  };
}

export function settingsFor(address: string, more: Partial<NomadSettings> = {}): NomadSettings {
  return { address, namespace: '*', skipVerify: false, requestTimeoutMs: 2000, ...more };
}

export function serviceOf(catalog: Catalog, name: string, namespace = 'default'): CatalogService {
  const found = catalog.services.find(
    (service) => service.name === name && service.namespace === namespace,
  );
  if (found === undefined) throw new Error(`no service ${namespace}/${name} in the catalog`);
  return found;
}

export function onlyInstance(catalog: Catalog, name: string): CatalogInstance {
  const [instance, ...others] = serviceOf(catalog, name).instances;
  if (instance === undefined || others.length > 0) throw new Error(`not one instance of ${name}`);
  return instance;
}

export function checkPaths(service: CatalogService): readonly (string | undefined)[] {
  return service.instances.map(({ spec }) =>
    spec.status === 'known' ? spec.checks[0]?.path : spec.status,
  );
}

/** The error that it ends in; another kind of error, or none, fails the test. */
export async function failure(promise: Promise<unknown>): Promise<ConnectorError> {
  const error: unknown = await promise.then(
    () => new Error('nothing failed'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof ConnectorError) return error;
  throw error;
}
