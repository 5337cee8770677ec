import { createHash } from 'node:crypto';

/** A service's source: a Nomad namespace or a route file. */
export interface ServiceId {
  readonly source: 'nomad' | 'file';
  readonly namespace: string;
  readonly name: string;
}

const safeName = /^[A-Za-z0-9][A-Za-z0-9.-]*$/;
const safeNamespace = /^[A-Za-z0-9][A-Za-z0-9-]*$/;
/** Used instead of a namespace. Nomad's namespaces contain no dot. */
const files = 'route.file';
const unsafeCharacter = /[^A-Za-z0-9.-]/g;
const maxLength = 100;

/**
 * The backend's name and the prefix of its slots. Unique per service:
 * - a name of safe characters holds no `_`, or one after its namespace;
 * - any other name ends in a hash of the original and holds two or more.
 */
export function backendName(prefix: string, service: ServiceId): string {
  const parts = nameParts(service);
  const plain = parts.join('_');
  const safe = isSafe(service) && plain.length <= maxLength;
  return prefix + (safe ? plain : hashedName(service, parts));
}

function isSafe({ source, namespace, name }: ServiceId): boolean {
  return safeName.test(name) && (source === 'file' || safeNamespace.test(namespace));
}

function nameParts({ source, namespace, name }: ServiceId): string[] {
  if (source === 'file') return [files, name];
  return namespace === 'default' ? [name] : [namespace, name];
}

function hashedName({ source }: ServiceId, parts: readonly string[]): string {
  const readable = parts.map((part) => part.replace(unsafeCharacter, '_')).join('_');
  return `${readable.slice(0, maxLength)}_h${shortHash(JSON.stringify([source, ...parts]))}`;
}

/** Our dummy backend, which shows which configuration HAProxy has loaded. */
export function connectorBackendName(prefix: string): string {
  return `${prefix}_connector`;
}

/** For people, and as a key: `namespace/service`. */
export function serviceLabel({ source, namespace, name }: ServiceId): string {
  return source === 'file' ? `file:${name}` : `${namespace}/${name}`;
}

/** What a label was made of. */
export function idOfLabel(label: string): ServiceId {
  if (label.startsWith('file:')) return { source: 'file', namespace: '', name: label.slice(5) };
  const at = Math.max(0, label.indexOf('/'));
  return { source: 'nomad', namespace: label.slice(0, at), name: label.slice(at + 1) };
}

/** A marker's label is none. */
export function isServiceLabel(label: string): boolean {
  return label.startsWith('file:') || label.indexOf('/') > 0;
}

/** 8 hex digits. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
