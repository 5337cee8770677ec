import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import type { Agent } from 'node:https';

import { ConnectorError } from './errors.js';

/** Each file is a path, or the PEM text itself. */
export interface TlsSettings {
  readonly caCert?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly tlsServerName?: string;
  readonly skipVerify?: boolean;
}

/** What became of files that changed. `problem`: they can't be used, and the last ones stay. */
export interface TlsReread {
  readonly peer: string;
  readonly problem?: string;
}

export interface TlsFilesOptions {
  readonly settings: TlsSettings;
  /** Whose files, for messages: `Nomad`. */
  readonly peer: string;
  readonly agents: readonly Agent[];
  readonly onReread?: (reread: TlsReread) => void;
}

export interface TlsFiles {
  /** Before a request. Returns whether the files changed, so that old connections can be dropped. */
  readonly refresh: () => boolean;
}

type Pems = Readonly<Partial<Record<'ca' | 'cert' | 'key', string>>>;

/**
 * Gives agents the TLS files, and again whenever a file changes: certificates are renewed while the
 * connector runs. An agent tells connections apart by their certificates, so a new file means new
 * connections. Files that can't be used, as in the middle of a renewal, change nothing.
 */
export function followTlsFiles({ settings, peer, agents, onReread }: TlsFilesOptions): TlsFiles {
  const { tlsServerName: servername } = settings;
  const files = filesOf(settings);
  let stamp = stampOf(files);
  let applied = give(read(files, peer));
  for (const { options } of agents) {
    Object.assign(options, { rejectUnauthorized: settings.skipVerify !== true });
    if (servername !== undefined) Object.assign(options, { servername });
  }

  function give(pems: Pems): string {
    for (const { options } of agents) Object.assign(options, pems);
    return JSON.stringify(pems);
  }

  function refresh(): boolean {
    const now = stampOf(files);
    if (now === stamp) return false;
    stamp = now;
    try {
      const before = applied;
      applied = give(read(files, peer));
      if (applied === before) return false;
      onReread?.({ peer });
      return true;
    } catch (error) {
      onReread?.({ peer, problem: error instanceof Error ? error.message : 'unknown error' });
      return false;
    }
  }

  return { refresh };
}

type Files = readonly (readonly [name: keyof Pems, value: string])[];

function filesOf({ caCert, clientCert, clientKey }: TlsSettings): Files {
  const all = [
    ['ca', caCert],
    ['cert', clientCert],
    ['key', clientKey],
  ] as const;
  return all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}

function isText(value: string): boolean {
  return value.includes('-----BEGIN');
}

/** Changes with the content of the files. The inode, because files are replaced by renaming. */
function stampOf(files: Files): string {
  return files
    .filter(([, value]) => !isText(value))
    .map(([, path]) => {
      const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
      return stat === undefined ? '-' : `${stat.ino} ${stat.mtimeNs} ${stat.size}`;
    })
    .join();
}

function read(files: Files, peer: string): Pems {
  const pems = Object.fromEntries(files.map(([name, value]) => [name, readPem(value, peer)]));
  for (const [name, path] of files) {
    if (name !== 'key' && !isCertificate(pems[name] ?? '')) {
      throw unusable(peer, path, 'it holds no PEM certificate');
    }
  }
  try {
    createSecureContext(pems);
  } catch (error) {
    const why = (error as { code?: unknown }).code;
    const names = files.filter(([name]) => name !== 'ca').map(([, path]) => path);
    throw unusable(peer, names.join(' and '), typeof why === 'string' ? why : 'unknown error');
  }
  return pems;
}

function readPem(value: string, peer: string): string {
  if (isText(value)) return value;
  try {
    return readFileSync(value, 'utf8');
  } catch {
    throw new ConnectorError('config-invalid', `cannot read ${peer}'s TLS file ${value}`, {
      retryable: false,
    });
  }
}

/** OpenSSL silently skips a CA that is none, and then trusts nothing. */
function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}

function unusable(peer: string, path: string, why: string): ConnectorError {
  const said = isText(path) ? '' : ` ${path}`;
  return new ConnectorError('config-invalid', `cannot use ${peer}'s TLS file${said}: ${why}`, {
    retryable: false,
  });
}
