import type { HostClaim } from './host-claims.js';

/** Finds the accepted claims that may overlap with another, without comparing with each of them. */
export interface HostIndex {
  readonly add: (claim: HostClaim) => void;
  readonly near: (claim: HostClaim) => readonly HostClaim[];
}

export function hostIndex(): HostIndex {
  const all: HostClaim[] = [];
  /** Prefixes, regular expressions and those without a host. */
  const loose: HostClaim[] = [];
  const byHost = new Map<string, HostClaim[]>();
  const bySuffix = new Map<string, HostClaim[]>();
  const add = (claim: HostClaim): void => {
    all.push(claim);
    if (!isNamed(claim)) return void loose.push(claim);
    push(byHost, claim.host, claim);
    for (const suffix of suffixes(claim.host)) push(bySuffix, suffix, claim);
  };
  const near = (claim: HostClaim): readonly HostClaim[] => {
    if (!isNamed(claim)) return all;
    const above = [claim.host, ...suffixes(claim.host)].flatMap((host) => byHost.get(host) ?? []);
    const below = claim.match === 'wildcard' ? (bySuffix.get(claim.host) ?? []) : [];
    return [...above, ...below, ...loose];
  };
  return { add, near };
}

function isNamed({ match }: HostClaim): boolean {
  return match === 'exact' || match === 'wildcard';
}

/** `a.b.c` -> `b.c`, `c`. */
function suffixes(host: string): readonly string[] {
  const found: string[] = [];
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
    found.push(host.slice(dot + 1));
  }
  return found;
}

function push(map: Map<string, HostClaim[]>, key: string, claim: HostClaim): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [claim]);
  else list.push(claim);
}
