import type { Settings } from '../../config/types.js';
import { namespacesOf } from '../../observe/catalog/model/keys.js';
import { maxNamespaces, policyLine } from '../model/nomad-answers.js';
import { judgeClock } from '../model/clock.js';
import { judgeVersion } from '../model/versions.js';
import {
  check,
  error,
  type Facts,
  type Finding,
  ok,
  type Right,
  type RightFact,
  warning,
} from '../types.js';

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
    run: ({ settings, rights }) => judgeRight('list-jobs', 'list jobs', settings, rights.jobs),
  }),
  ...readRights(),
  check({
    id: 'nomad-stream',
    group: 'Nomad',
    about: '`read-job`: the event stream, which wakes the connector',
    remedy: 'the right in the ACL policy; with `nomad.namespace: "*"`, for all namespaces',
    needs: ['settings', 'stream'],
    atStart: false,
    run: ({ stream }) => judgeStream(stream),
  }),
];

function readRights() {
  const rows = [
    ['nomad-read-jobs', 'job', 'read jobs', 'the jobs, whose checks HAProxy gets'],
    ['nomad-read-services', 'services', 'read services', 'the services and their instances'],
    ['nomad-read-allocations', 'allocations', 'read allocations', 'the state of the instances'],
  ] as const satisfies readonly (readonly [string, Right, string, string])[];
  return rows.map(([id, right, verb, what]) =>
    check({
      id,
      group: 'Nomad',
      about: `\`read-job\`: ${what}`,
      remedy: 'the right in the ACL policy, for the namespace that the line names',
      needs: ['settings', 'rights'],
      atStart: true,
      run: ({ settings, rights }) => judgeRight('read-job', verb, settings, rights[right]),
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

function judgeRight(
  right: 'list-jobs' | 'read-job',
  verb: string,
  { nomad }: Settings,
  facts: readonly RightFact[],
): Finding {
  const refused = facts.filter(({ status }) => status === 401 || status === 403);
  const failed = facts.filter(({ status }) => status >= 500 || status === 429);
  const names = refused.map(({ namespace }) => namespace);
  if (names.length > 0) {
    // All of them: the policy lacks the right, not a namespace.
    const isAll = names.length === facts.length && namespacesOf(nomad.namespace).includes('*');
    const lines = (isAll ? ['*'] : names.slice(0, 3)).map(policyLine).join(' ');
    const says = `the token may not ${verb} in ${someOf(names)}: it lacks ${right}`;
    return error(says, `in the token's ACL policy: ${lines}`);
  }
  if (failed.length > 0) {
    const [{ namespace, status } = { namespace: '', status: 0 }] = failed;
    return error(`Nomad answers ${status} in ${namespace}`, "look into Nomad's log");
  }
  const more = facts.length === maxNamespaces ? ' (no more were asked)' : '';
  return ok(`may ${verb} in ${someOf(facts.map(({ namespace }) => namespace))}${more}`);
}

function judgeStream(facts: Facts['stream']): readonly Finding[] {
  const bad = facts.filter(({ state }) => state !== 'heard');
  if (bad.length === 0) return [ok('the event stream sends heartbeats')];
  return bad.map(({ namespace, state }) => {
    if (state === 'failed') {
      const says = `the event stream of ${namespace} broke`;
      return error(says, 'let proxies before Nomad pass answers that never end (/v1/event/stream)');
    }
    const says =
      `the event stream of ${namespace} is silent: the token lacks read-job` +
      (namespace === '*' ? ' on "*"' : '');
    const names = namespace === '*' ? ', or name the namespaces in nomad.namespace' : '';
    return error(says, `in the token's ACL policy: ${policyLine(namespace)}${names}`);
  });
}

const maxNamed = 5;

function someOf(names: readonly string[]): string {
  const shown = names.slice(0, maxNamed).join(', ');
  return names.length > maxNamed ? `${shown} and ${names.length - maxNamed} more` : shown;
}
