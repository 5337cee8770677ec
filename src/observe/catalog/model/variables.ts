/**
 * `${...}` in service names and tags. Nomad's client resolves them when it registers an instance,
 * while a job spec has them raw. Known here: variables the spec fixes for all allocations (static),
 * and those in an allocation's list entry. `${meta.x}` and `${attr.x}` belong to the node and stay
 * unresolved, like all others.
 */

import { MalformedAnswer } from '../../nomad/errors.js';

export type Variables = Readonly<Record<string, string>>;

const reference = /\$\{([A-Za-z0-9_.-]+)\}/g;

export function resolveVariables(text: string, variables: Variables): string {
  return resolveWithin({ left: Infinity }, text, variables);
}

/** How many characters the values may have in all. A few bytes of text can ask for any number. */
export interface ResolveBudget {
  left: number;
}

export function resolveWithin(budget: ResolveBudget, text: string, variables: Variables): string {
  return text.replace(reference, (whole, name: string) => {
    if (!Object.hasOwn(variables, name)) return whole;
    const value = variables[name] ?? whole;
    budget.left -= value.length;
    if (budget.left < 0) throw new MalformedAnswer('the values of its variables are too long');
    return value;
  });
}

export function hasVariables(text: string): boolean {
  return text.search(reference) >= 0;
}

/** Whether the text could be the template with its remaining variables resolved. */
export function couldBe(template: string, text: string): boolean {
  const [first = '', ...others] = template.split(/\$\{[A-Za-z0-9_.-]+\}/);
  const last = others.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  // Each literal at its first place: a later one leaves less for those that follow.
  let at = first.length;
  for (const literal of others) {
    const found = text.indexOf(literal, at);
    if (found < 0) return false;
    at = found + literal.length;
  }
  return at + last.length <= text.length;
}

interface SpecScope {
  readonly job: { readonly ID: string; readonly Name: string; readonly Namespace: string };
  readonly region: string;
  readonly group: string;
  /** Known for task-level services only. */
  readonly task?: string;
  /** From widest to narrowest: job, group, task. */
  readonly metas: readonly (Variables | null | undefined)[];
  readonly env?: Variables | null | undefined;
}

export function staticVariables(scope: SpecScope): Variables {
  const meta: Variables = Object.assign({}, ...scope.metas.map((part) => part ?? {})) as Variables;
  return {
    ...resolvedEnv(scope.env),
    ...metaVariables(meta),
    NOMAD_JOB_ID: scope.job.ID,
    NOMAD_JOB_NAME: scope.job.Name,
    NOMAD_GROUP_NAME: scope.group,
    NOMAD_NAMESPACE: scope.job.Namespace,
    NOMAD_REGION: scope.region,
    ...(scope.task === undefined ? {} : { NOMAD_TASK_NAME: scope.task }),
  };
}

interface AllocationNames {
  readonly id: string;
  /** `job.group[index]`. */
  readonly name: string;
  readonly nodeId?: string;
  readonly nodeName?: string;
}

export function allocationVariables(alloc: AllocationNames): Variables {
  const index = /\[(\d+)\]$/.exec(alloc.name)?.[1];
  return {
    NOMAD_ALLOC_ID: alloc.id,
    NOMAD_SHORT_ALLOC_ID: alloc.id.slice(0, 8),
    NOMAD_ALLOC_NAME: alloc.name,
    ...(index === undefined ? {} : { NOMAD_ALLOC_INDEX: index }),
    ...(alloc.nodeId === undefined ? {} : { 'node.unique.id': alloc.nodeId }),
    ...(alloc.nodeName === undefined ? {} : { 'node.unique.name': alloc.nodeName }),
  };
}

/** Each key as written and in upper case, with invalid characters replaced by `_`. */
function metaVariables(meta: Variables): Variables {
  const entries = Object.entries(meta).flatMap(([key, value]) =>
    [key, key.toUpperCase()].map((name) => [
      `NOMAD_META_${name.replace(/[^A-Za-z0-9_.]/g, '_')}`,
      value,
    ]),
  );
  return Object.fromEntries(entries) as Variables;
}

/** A value that contains a variable is resolved on the node, not here. */
function resolvedEnv(env: Variables | null | undefined): Variables {
  return Object.fromEntries(Object.entries(env ?? {}).filter(([, value]) => !value.includes('${')));
}
