import type { Settings } from '../../config/types.js';
import { namespacesOf } from '../../config/namespaces.js';
import { error, type Facts, type Finding, type Lack, ok, type Right, rights } from '../types.js';
import { maxNamespaces, policyLine } from './nomad-answers.js';

/** Measured with Nomad 2.0.5: test/observe/policy.process.test.ts, test/stack/doctor.test.ts. */
const needed: Readonly<Record<Right, readonly [right: string, verb: string]>> = {
  jobs: ['list-jobs', 'list jobs'],
  job: ['read-job', 'read jobs'],
  services: ['read-job', 'read services'],
  allocations: ['read-job', 'read allocations'],
};

/** What Nomad answered to a request that needs the right, in each namespace. */
export function judgeRight({ nomad }: Settings, all: Facts['rights'], about: Right): Finding {
  const facts = all[about];
  const [right, verb] = needed[about];
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

/** Why no pass can be tried: the first of them. */
export function rightsLack(settings: Settings, all: Facts['rights']): Lack | undefined {
  const found = rights.map((right) => judgeRight(settings, all, right));
  const lacking = found.find((one) => one.level !== 'ok');
  if (lacking === undefined) return undefined;
  return { says: lacking.says, fix: lacking.fix, short: 'the token lacks rights' };
}

export function mayRead({ services }: Facts['rights']): boolean {
  return services.some(({ status }) => status === 200);
}

const maxNamed = 5;

export function someOf(names: readonly string[]): string {
  const shown = names.slice(0, maxNamed).join(', ');
  return names.length > maxNamed ? `${shown} and ${names.length - maxNamed} more` : shown;
}
