import type { Settings } from '../../config/types.js';
import { namespacesOf } from '../../config/namespaces.js';
import { judgeDiscovered } from '../model/discovered.js';
import { policyLine } from '../model/nomad-answers.js';
import { judgeRight, mayRead, someOf } from '../model/rights.js';
import { judgeLock } from '../model/lock.js';
import { judgeClock } from '../model/clock.js';
import { judgeVersion } from '../model/versions.js';
import { check, error, type Facts, type Finding, ok, type Right, warning } from '../types.js';

export const nomadChecks = [
  check({
    id: 'nomad-reach',
    group: 'Nomad',
    about: 'Nomad answers: DNS, connection, TLS, a leader',
    remedy: '`nomad.address`, `nomad.ca_cert`, as the line says',
    needs: ['nomad'],
    atStart: false,
    run: ({ nomad: { at } }) => ok(`${at} answers`),
  }),
  check({
    id: 'nomad-version',
    group: 'Nomad',
    about:
      'the version is one that was tested. It can be told only with `agent { policy = "read" }`',
    remedy: 'a tested version',
    needs: ['nomadVersion'],
    atStart: true,
    run: ({ nomadVersion: { version } }) =>
      version === undefined
        ? ok('not told to this token, which needs no right to know it (agent:read)')
        : judgeVersion('nomad', version),
  }),
  check({
    id: 'nomad-clock',
    group: 'Nomad',
    about: "its clock and this host's differ by at most 5 s",
    remedy: 'chrony or systemd-timesyncd on both hosts',
    needs: ['nomad'],
    atStart: true,
    run: ({ nomad: { aheadMs } }) => judgeClock('Nomad', aheadMs),
  }),
  check({
    id: 'nomad-token',
    group: 'Nomad',
    about: 'Nomad knows the token, which is no management token and is not about to expire',
    remedy: '`nomad.token_file`, with a token of `deploy/nomad-policy.hcl`',
    needs: ['settings', 'token'],
    atStart: true,
    run: ({ settings, token }, now) => judgeToken(settings, token, now),
  }),
  check({
    id: 'nomad-namespaces',
    group: 'Nomad',
    about: 'the namespaces of `nomad.namespace` exist, and the token may see them',
    remedy: '`nomad.namespace`, or a `namespace` block in the ACL policy',
    needs: ['settings', 'namespaces'],
    atStart: true,
    run: ({ settings, namespaces }) => judgeNamespaces(settings, namespaces),
  }),
  check({
    id: 'nomad-list-jobs',
    group: 'Nomad',
    about: '`list-jobs`: the list of jobs',
    remedy: 'the right in the ACL policy, for the namespace that the line names',
    needs: ['settings', 'rights'],
    atStart: true,
    run: ({ settings, rights }) => judgeRight(settings, rights, 'jobs'),
  }),
  ...readRights(),
  check({
    id: 'nomad-stream',
    group: 'Nomad',
    about: '`read-job`: the event stream, which wakes the connector',
    remedy: 'the right in the ACL policy; with `nomad.namespace: "*"`, for all namespaces',
    needs: ['rights', 'stream'],
    atStart: false,
    run: ({ rights, stream }) => judgeStream(stream, mayRead(rights)),
  }),
  check({
    id: 'haproxy-discover',
    group: 'Nomad',
    about: '`haproxy.discover` finds HAProxies, and nothing else is registered as that service',
    remedy: '`haproxy.discover`, the job of the HAProxies, or who else registers that service',
    needs: ['settings', 'discovered'],
    atStart: false,
    run: ({ settings, discovered: { judged } }) => judgeDiscovered(judged, settings.rollout),
  }),
  check({
    id: 'nomad-lock',
    group: 'Nomad',
    about: '`leader.lock_path`: `read` and `write` on the variable, which holds nothing else',
    remedy: 'the `variables` block that the line names; a path of its own',
    needs: ['lock'],
    atStart: false,
    run: ({ lock }) => judgeLock(lock),
  }),
];

function readRights() {
  const rows = [
    ['nomad-read-jobs', 'job', 'the jobs, whose checks HAProxy gets'],
    ['nomad-read-services', 'services', 'the services and their instances'],
    ['nomad-read-allocations', 'allocations', 'the state of the instances'],
  ] as const satisfies readonly (readonly [string, Right, string])[];
  return rows.map(([id, right, what]) =>
    check({
      id,
      group: 'Nomad',
      about: `\`read-job\`: ${what}`,
      remedy: 'the right in the ACL policy, for the namespace that the line names',
      needs: ['settings', 'rights'],
      atStart: true,
      run: ({ settings, rights }) => judgeRight(settings, rights, right),
    }),
  );
}

const soonMs = 24 * 3_600_000;

function judgeToken({ nomad }: Settings, token: Facts['token'], now: number): Finding {
  const isRenewed = nomad.tokenFile !== undefined;
  const { kind, expiresAt } = token;
  if (expiresAt !== undefined && !isRenewed && expiresAt - now < soonMs) {
    const says = `the token expires at ${new Date(expiresAt).toISOString()}, and nothing renews it`;
    return warning(
      says,
      'set nomad.token_file to a file that is renewed, as of a workload identity',
    );
  }
  switch (kind) {
    case 'acls-off':
      return ok('Nomad has no ACLs, so that no token is needed');
    case 'management':
      return warning(
        'the token is a management token: who reads it owns the cluster',
        'nomad acl policy apply connector deploy/nomad-policy.hcl; nomad acl token create -policy=connector',
      );
    case 'anonymous':
      return nomad.token === undefined && !isRenewed
        ? ok('no token is set, and the anonymous policy applies')
        : warning(
            'the token is empty, so that the anonymous policy applies',
            `write a token into ${nomad.tokenFile ?? 'nomad.token_file'}`,
          );
    case 'client':
      return ok('Nomad knows the token');
    case 'unknown':
      return ok("Nomad doesn't say whose token it is");
  }
}

function judgeNamespaces({ nomad }: Settings, shown: readonly string[]): Finding {
  const named = namespacesOf(nomad.namespace);
  if (shown.length === 0) {
    return error(
      'Nomad shows no namespace to the token',
      `in the token's ACL policy: ${policyLine(named[0] ?? '*')}`,
    );
  }
  if (named.includes('*')) return ok(`all that the token may see: ${someOf(shown)}`);
  const missing = named.filter((name) => !shown.includes(name));
  if (missing.length === 0) return ok(someOf(named));
  const [first = ''] = missing;
  return error(
    `namespace ${someOf(missing)} doesn't exist, or the token may not see it`,
    `set nomad.namespace to one of ${someOf(shown)}, or in the token's ACL policy: ${policyLine(first)}`,
  );
}

function judgeStream(facts: Facts['stream'], mayRead: boolean): readonly Finding[] {
  const bad = facts.filter(({ state }) => state !== 'heard');
  if (bad.length === 0) return [ok('the event stream sends heartbeats')];
  return bad.map(({ namespace, state }) => {
    if (state === 'failed') {
      const says = `the event stream of ${namespace} broke`;
      return error(says, 'let proxies before Nomad pass answers that never end (/v1/event/stream)');
    }
    const line = `in the token's ACL policy: ${policyLine(namespace)}`;
    const says = `the event stream of ${namespace} is silent: the token lacks read-job`;
    if (namespace !== '*' || !mayRead) return error(says, line);
    // It is woken by blocking queries alone.
    const slower = `${says} on "*", so that changes are noticed later`;
    return warning(slower, `${line}; or name one namespace in nomad.namespace`);
  });
}
