import type { Settings } from '../../config/types.js';
import { isObject, textAt } from '../../shared/json.js';
import type { Lack, TokenFact } from '../types.js';

/** More are not asked about one by one. */
export const maxNamespaces = 20;

export const policyLine = (namespace: string): string =>
  `namespace "${namespace}" { capabilities = ["list-jobs", "read-job"] }`;

export function tokenLack({ nomad }: Settings, isSet: boolean): Lack {
  const { tokenFile } = nomad;
  const where = tokenFile === undefined ? 'the token' : `the token in ${tokenFile}`;
  const says = isSet
    ? `Nomad refuses ${where} (403): it doesn't exist, or it has expired`
    : 'Nomad refuses requests without a token (403)';
  const fix =
    'nomad acl policy apply connector deploy/nomad-policy.hcl; nomad acl token create ' +
    '-policy=connector; write its secret into the file that nomad.token_file names';
  return { says, fix, short: 'Nomad refuses the token' };
}

export function namespacesLack(status: number): Lack {
  const says = `Nomad answered /v1/namespaces with ${status}`;
  return { says, fix: "look into Nomad's log", short: 'the namespaces are unknown' };
}

export function noLeader(at: string, status: number): Lack {
  return {
    says: `Nomad at ${at}: no leader answers (HTTP ${status})`,
    fix: 'bring the servers back: nomad server members shows them',
    short: 'Nomad has no leader',
  };
}

/**
 * `GET /v1/acl/token/self`. Nomad 2.0.5 answers with the accessor `acls-disabled` where ACLs are off,
 * earlier ones with 400.
 */
export function tokenKind(status: number, body: unknown): TokenFact {
  if (status === 400) return { kind: 'acls-off' };
  if (status !== 200 || !isObject(body)) return { kind: 'unknown' };
  const accessor = textAt(body, 'AccessorID');
  if (accessor === 'acls-disabled') return { kind: 'acls-off' };
  if (accessor === 'anonymous') return { kind: 'anonymous' };
  const expires = Date.parse(textAt(body, 'ExpirationTime'));
  return {
    kind: textAt(body, 'Type') === 'management' ? 'management' : 'client',
    ...(Number.isNaN(expires) || expires <= 0 ? {} : { expiresAt: expires }),
  };
}
