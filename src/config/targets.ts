/**
 * `haproxy.targets`: several HAProxies, each behind a Data Plane API of its own; `haproxy.discover`:
 * where Nomad knows them.
 */

import { isObject, type Json } from '../shared/json.js';
import type { ReadFile } from './file.js';
import { parseDuration, parseHttpUrl } from './formats.js';
import type { Merged, SecretFile } from './merged.js';
import { optional } from './optional.js';
import type { Reader } from './reader.js';
import type { ConfigKey } from './schema.js';
import { secretFrom } from './sources.js';
import type { DiscoverSettings, Settings, TargetSettings } from './types.js';

/** The name of the one target that the `haproxy` keys alone describe. */
export const onlyTarget = 'default';

/** As it stands in the file. What is left out is as the `haproxy` keys say. */
interface GivenTarget {
  readonly name: string;
  readonly address: string;
  readonly username?: string;
  readonly password?: string;
  readonly password_file?: string;
  readonly ca_cert?: string;
  readonly client_cert?: string;
  readonly client_key?: string;
  readonly tls_server_name?: string;
  readonly request_timeout?: string | number;
}

export function givenTargets(value: Json | undefined): readonly GivenTarget[] {
  return (Array.isArray(value) ? value.filter(isObject) : []) as unknown as readonly GivenTarget[];
}

/** As `GivenTarget`. */
interface GivenDiscovery {
  readonly service: string;
  readonly job: string;
  readonly namespace?: string;
  readonly scheme?: DiscoverSettings['scheme'];
}

export function targetsFrom(
  read: Reader,
  { targets, discover }: Readonly<Record<'targets' | 'discover', Json | undefined>>,
): Pick<Settings, 'targets' | 'discover'> {
  const { name, address, ...shared } = sharedSettings(read);
  if (isObject(discover)) {
    const given = discover as unknown as GivenDiscovery;
    return { targets: [], discover: { namespace: 'default', scheme: 'https', ...given, shared } };
  }
  const listed = listedTargets(givenTargets(targets), shared);
  return { targets: listed.length === 0 ? [{ name, address, ...shared }] : listed };
}

function listedTargets(
  given: readonly GivenTarget[],
  shared: DiscoverSettings['shared'],
): readonly TargetSettings[] {
  return given.map((one) => {
    const timeout =
      one.request_timeout === undefined ? undefined : parseDuration(one.request_timeout);
    return {
      ...shared,
      name: one.name,
      address: baseUrl(one.address),
      ...optional({
        username: one.username,
        password: one.password,
        caCert: one.ca_cert,
        clientCert: one.client_cert,
        clientKey: one.client_key,
        tlsServerName: one.tls_server_name,
        requestTimeoutMs: timeout,
      }),
    };
  });
}

/** The single target that the `haproxy` keys describe, and what others take from them. */
function sharedSettings(read: Reader): TargetSettings {
  return {
    name: onlyTarget,
    address: baseUrl(read.text('haproxy.address')),
    username: read.text('haproxy.username'),
    password: read.text('haproxy.password'),
    requestTimeoutMs: read.ms('haproxy.request_timeout'),
    ...optional({
      caCert: read.maybe('haproxy.ca_cert'),
      clientCert: read.maybe('haproxy.client_cert'),
      clientKey: read.maybe('haproxy.client_key'),
      tlsServerName: read.maybe('haproxy.tls_server_name'),
    }),
  };
}

function baseUrl(address: string): string {
  return parseHttpUrl(address)!.replace(/\/v3$/, '');
}

/** With the content of each `password_file` as its password. */
export function withPasswords({ value, name }: Merged, readFile: ReadFile): Json {
  return givenTargets(value).map((one): Json => {
    const { password_file: file, ...rest } = one;
    // Both together are a problem that is told later.
    if (file === undefined || one.password !== undefined) return { ...one };
    const label = labelOf(name, one.name, 'password_file');
    return { ...rest, password: secretFrom('haproxy.password', file, label, readFile) };
  });
}

/** What is valid by itself and not together. */
export function unfitTargets(merged: Merged | undefined): string[] {
  if (merged === undefined) return [];
  const targets = givenTargets(merged.value);
  const pairs = targets.filter(
    (one) => (one.client_cert === undefined) !== (one.client_key === undefined),
  );
  const twice = targets.filter(
    ({ password, password_file }) => password !== undefined && password_file !== undefined,
  );
  return [
    ...repeated(targets.map(({ name }) => name)).map(
      (one) => `${merged.name}: two targets are named ${one}`,
    ),
    ...repeated(targets.map(({ address }) => baseUrl(address))).map(
      (one) => `${merged.name}: two targets have the address ${one}`,
    ),
    ...pairs.map(
      (one) => `${labelOf(merged.name, one.name, 'client_cert')}: set client_key too, or neither`,
    ),
    ...twice.map(
      (one) => `${labelOf(merged.name, one.name, 'password')}: set it or password_file, not both`,
    ),
  ];
}

function repeated(all: readonly string[]): readonly string[] {
  return [...new Set(all.filter((one, index) => all.indexOf(one) !== index))];
}

export function secretFilesOfTargets(merged: Merged | undefined): readonly SecretFile[] {
  const key = 'haproxy.targets' satisfies ConfigKey;
  return givenTargets(merged?.value).flatMap(({ password_file: file, client_key: clientKey }) =>
    [file, clientKey].flatMap((path) =>
      path === undefined || path.includes('-----BEGIN') ? [] : [{ key, path }],
    ),
  );
}

export function holdsPassword(value: Json | undefined): boolean {
  return givenTargets(value).some(({ password }) => password !== undefined);
}

function labelOf(list: string, target: string, key: string): string {
  return `${list}: ${target}: ${key}`;
}
