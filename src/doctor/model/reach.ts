import type { Lack } from '../types.js';

/** Who is asked, and the names of the settings about it. */
export interface Whom {
  readonly name: 'Nomad' | 'the Data Plane API';
  readonly section: 'nomad' | 'haproxy';
  /** Base URL, or the path of a socket. */
  readonly at: string;
  readonly timeoutMs: number;
}

/** Our own code for a request without an answer in time. */
export const lateCode = 'LATE';

/**
 * Tells the ways in which a connection fails apart by the error's code (Node's `errno` and TLS codes;
 * https://nodejs.org/api/errors.html, https://nodejs.org/api/tls.html).
 */
export function unreachable(whom: Whom, code: string): Lack {
  const { name, at } = whom;
  const [what, fix] = causeOf(whom, code);
  return { says: `${name} at ${at}: ${what} (${code})`, fix, short: `${name} can't be reached` };
}

function causeOf(whom: Whom, code: string): readonly [what: string, fix: string] {
  const { name, section, at, timeoutMs } = whom;
  const address = `${section}.address`;
  const host = hostOf(at);
  if (/^(ENOTFOUND|EAI_)/.test(code)) {
    const name = URL.canParse(at) ? new URL(at).hostname : at;
    return [`DNS has no address for ${name}`, `set ${address} to a host name that resolves here`];
  }
  if (code === 'ECONNREFUSED') {
    return ['nothing listens there', `start ${name}, or set ${address} to where it listens`];
  }
  if (code === lateCode || code === 'ETIMEDOUT') {
    const late = `no answer in ${timeoutMs / 1000} s`;
    return [late, `let a firewall pass this host to ${host}, or raise ${section}.request_timeout`];
  }
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') {
    return [`there is no route to ${host}`, `set ${address} to an address that this host reaches`];
  }
  if (code === 'ENOENT' || code === 'EACCES') {
    const what = code === 'ENOENT' ? 'there is no such socket' : 'the socket may not be opened';
    return [what, `set ${address} (or NOMAD_UNIX_ADDR) to a socket that this user may open`];
  }
  return tlsCauseOf(whom, code) ?? [`the connection broke`, `look into the log of ${name}`];
}

function tlsCauseOf({ section, at }: Whom, code: string) {
  if (/EXPIRED/.test(code)) {
    return ['TLS: its certificate has expired', 'renew the certificate of that host'] as const;
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const what = `TLS: its certificate isn't for ${hostOf(at)}`;
    return [what, `set ${section}.tls_server_name to the name in the certificate`] as const;
  }
  if (/SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|CERT_UNTRUSTED/.test(code)) {
    const what = "TLS: its certificate isn't signed by an authority that is known here";
    return [what, `set ${section}.ca_cert to the file of the authority's certificate`] as const;
  }
  if (/ALERT.*CERT|HANDSHAKE_FAILURE/.test(code)) {
    const what = 'TLS: it wants a certificate of the connector';
    return [what, `set ${section}.client_cert and ${section}.client_key`] as const;
  }
  if (/WRONG_VERSION|EPROTO|SSL_PACKET/.test(code)) {
    return ['TLS: it speaks plain http', `set ${section}.address to an http:// URL`] as const;
  }
  if (/SSL|TLS|CERT/.test(code)) {
    return ['TLS failed', `correct ${section}.ca_cert and ${section}.tls_server_name`] as const;
  }
  return undefined;
}

/** A TLS port that got plain HTTP: Go's servers answer 400 and say so. */
export function wantsHttps(status: number, text: string): boolean {
  return status === 400 && /https server|plain http request/i.test(text);
}

export function httpsLack({ name, section, at }: Whom): Lack {
  return {
    says: `${name} at ${at}: TLS: it speaks https only`,
    fix: `set ${section}.address to ${at.replace(/^http:/, 'https:')}`,
    short: `${name} can't be reached`,
  };
}

function hostOf(at: string): string {
  return URL.canParse(at) ? new URL(at).host : at;
}
