import type { MergedValues, SecretFile } from './merged.js';
import { type ConfigKey, defaultPassword } from './schema.js';
import type { Layer } from './sources.js';
import { holdsPassword, secretFilesOfTargets } from './targets.js';
import type { DiscoverSettings, Settings, TargetSettings } from './types.js';

/** Settings that work, and that a careful operator wouldn't choose unknowingly. */
export interface Hazard {
  /** A static text; values go into the fields. */
  readonly message: HazardMessage;
  readonly fields: Readonly<Record<string, string>>;
}

export type HazardMessage =
  | 'plain http to another host'
  | 'the default password is in use'
  | 'the certificate is not verified'
  | 'TLS settings have no effect'
  | 'others can access a secret file';

/** The mode bits of a file; undefined if there is none. */
export type ModeOf = (path: string) => number | undefined;

export function hazardsOf(
  settings: Settings,
  files: readonly SecretFile[],
  modeOf: ModeOf,
): readonly Hazard[] {
  const { nomad, targets, discover } = settings;
  const overNetwork = nomad.unixSocket === undefined;
  return [
    ...(overNetwork ? plainHttp('nomad.address', nomad.address) : []),
    ...targets.flatMap(({ address }) => plainHttp('haproxy.address', address)),
    ...(discover === undefined ? [] : discovering(discover)),
    ...targets.flatMap(knownPassword),
    ...unverified(nomad),
    ...(overNetwork ? idleTls('nomad', nomad) : []),
    ...targets.flatMap((target) => idleTls('haproxy', target)),
    ...files.flatMap((file) => open(file, modeOf(file.path))),
  ];
}

const onTheWay = 'credentials and answers can be read and changed on the way; use https';

function plainHttp(key: ConfigKey, address: string): Hazard[] {
  const { protocol, hostname } = new URL(address);
  if (protocol !== 'http:' || isThisHost(hostname)) return [];
  const fields = { key, host: hostname, detail: onTheWay };
  return [{ message: 'plain http to another host', fields }];
}

/** As URLs have them: `127.0.0.1` for every way to write it, IPv6 in brackets. */
function isThisHost(hostname: string): boolean {
  const bare = hostname.replace(/\.$/, '');
  return (
    bare === 'localhost' ||
    bare.endsWith('.localhost') ||
    /^127(\.\d+){3}$/.test(bare) ||
    bare === '[::1]' ||
    /^\[::ffff:7f[0-9a-f]{2}:[0-9a-f]+\]$/.test(bare)
  );
}

/** Before any is found. Theirs are other hosts mostly. */
function discovering({ scheme, shared }: DiscoverSettings): Hazard[] {
  const hazards = knownPassword(shared);
  if (scheme === 'https') return hazards;
  const fields = { key: 'haproxy.discover', host: 'those that are discovered', detail: onTheWay };
  return [...hazards, { message: 'plain http to another host', fields }];
}

type Credentials = Pick<TargetSettings, 'username' | 'password'>;

function knownPassword({ password, username }: Credentials): Hazard[] {
  if (password !== defaultPassword) return [];
  const detail = 'anybody knows it; set haproxy.password_file';
  return [{ message: 'the default password is in use', fields: { username, detail } }];
}

function unverified({ skipVerify, address }: Settings['nomad']): Hazard[] {
  if (!skipVerify || !address.startsWith('https:')) return [];
  return [{ message: 'the certificate is not verified', fields: { key: 'nomad.skip_verify' } }];
}

type TlsKeys = Pick<Settings['nomad'], 'address' | 'caCert' | 'clientCert' | 'tlsServerName'>;

function idleTls(section: 'nomad' | 'haproxy', settings: TlsKeys): Hazard[] {
  const { address, caCert, clientCert, tlsServerName } = settings;
  const isSet = [caCert, clientCert, tlsServerName].some((value) => value !== undefined);
  if (!isSet || !address.startsWith('http:')) return [];
  const detail = `${section}.address is an http URL`;
  return [{ message: 'TLS settings have no effect', fields: { section, detail } }];
}

/** Others may read or write it. */
function open({ key, path }: SecretFile, mode: number | undefined): Hazard[] {
  if (mode === undefined || (mode & 0o066) === 0) return [];
  const shown = (mode & 0o777).toString(8).padStart(4, '0');
  const detail = 'use 0600, or 0400';
  return [
    { message: 'others can access a secret file', fields: { key, path, mode: shown, detail } },
  ];
}

const fileKeys: readonly ConfigKey[] = [
  'nomad.token_file',
  'nomad.client_key',
  'haproxy.password_file',
  'haproxy.client_key',
];
const secretKeys: readonly ConfigKey[] = ['nomad.token', 'haproxy.password'];

/** The files in use that hold secrets; the configuration file too, if a secret is in it. */
export function secretFilesOf(
  merged: MergedValues,
  file: { readonly path: string; readonly layer: Layer } | undefined,
): readonly SecretFile[] {
  const named = fileKeys.flatMap((key): SecretFile[] => {
    const path = merged.get(key)?.value;
    return typeof path === 'string' && !path.includes('-----BEGIN') ? [{ key, path }] : [];
  });
  const ofTargets = secretFilesOfTargets(merged.get('haproxy.targets'));
  const inside =
    secretKeys.find((key) => file?.layer.values.has(key)) ??
    (holdsPassword(file?.layer.values.get('haproxy.targets')) ? 'haproxy.targets' : undefined);
  if (file === undefined || inside === undefined) return [...named, ...ofTargets];
  return [...named, ...ofTargets, { key: inside, path: file.path }];
}
