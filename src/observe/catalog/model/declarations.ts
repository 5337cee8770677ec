/** The services live jobs declare, with or without running instances. */

import { compareText } from '../../../shared/compare.js';
import { Memo, memoLast } from '../../../shared/memo.js';
import { declaredChecks } from './checks.js';
import { keyOf } from './keys.js';
import type { WireJobStub } from '../../nomad/answers/shapes.js';
import type { JobSpec, ServiceBlock } from './spec.js';
import { optsIn, splitTag } from './tags.js';
import type { ServiceDeclaration } from '../../types.js';
import { hasVariables } from './variables.js';

export interface Declared {
  readonly namespace: string;
  readonly name: string;
  readonly declaration: ServiceDeclaration;
  readonly block: ServiceBlock;
}

/** By `namespace name job`: the tags an instance of that job last had. */
export type LastTags = ReadonlyMap<string, readonly string[]>;

/**
 * Whether a job's spec declares live services. Stopped jobs don't. Parents of periodic or
 * dispatched jobs never run. A dead batch job has finished, but a service job also counts as dead
 * when scaled to zero. Nomad's own jobs (`_core`) aren't listed.
 */
export function declaresServices(job: WireJobStub): boolean {
  if (job.Stop || job.Periodic || job.ParameterizedJob || job.Type.startsWith('_')) return false;
  const finite = job.Type === 'batch' || job.Type === 'sysbatch';
  return !(finite && job.Status === 'dead');
}

/** The declarations of consecutive reads. Those of a spec stay the same objects while it does. */
export class Declarations {
  readonly #prefix: string;
  readonly #bySpec = new Memo<readonly Declared[]>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  readonly of = memoLast((specs: readonly JobSpec[], lastTags: LastTags): readonly Declared[] => {
    this.#bySpec.begin();
    return specs
      .flatMap((spec) => this.#ofSpec(spec, lastTags))
      .sort((a, b) => compareText(a.declaration.jobId, b.declaration.jobId));
  });

  #ofSpec(spec: JobSpec, lastTags: LastTags): readonly Declared[] {
    // A name that only resolves at run time is taken from the catalog.
    const blocks = spec.blocks.filter(({ name }) => !hasVariables(name));
    const seen = blocks.map(({ name }) => lastTags.get(tagsKey(spec.namespace, name, spec.id)));
    return this.#bySpec.get(keyOf(spec.namespace, spec.id), [spec, ...seen], () =>
      blocks.map((block, at) => toDeclared(spec, block, this.#prefix, seen[at])),
    );
  }
}

/** Key of `LastTags`. */
export function tagsKey(namespace: string, name: string, job: string): string {
  return keyOf(keyOf(namespace, name), job);
}

/** Keys of services that opted in by a tag of an instance or a declaration. */
export function optedIn(
  names: readonly { namespace: string; name: string; tags: readonly string[] }[],
  declared: readonly Declared[],
  prefix: string,
): ReadonlySet<string> {
  const byTag = names.filter(({ tags }) => optsIn(tags, prefix));
  const bySpec = declared.filter(({ declaration }) => optsIn(declaration.tags, prefix));
  return new Set([...byTag, ...bySpec].map(({ namespace, name }) => keyOf(namespace, name)));
}

function toDeclared(
  spec: JobSpec,
  block: ServiceBlock,
  prefix: string,
  seen: readonly string[] | undefined,
): Declared {
  const { namespace } = spec;
  const { name } = block;
  return {
    namespace,
    name,
    block,
    declaration: {
      jobId: spec.id,
      jobCreateIndex: spec.createIndex,
      group: block.group,
      count: block.count,
      ...(block.max === undefined ? {} : { max: block.max }),
      tags: declaredTags(block.tags, prefix, seen),
      checks: declaredChecks(block),
    },
  };
}

/** Tags that only resolve at run time: as an instance last had them, otherwise dropped. */
function declaredTags(
  tags: readonly string[],
  prefix: string,
  seen: readonly string[] | undefined,
): readonly string[] {
  const open = tags.filter((tag) => hasVariables(tag));
  if (seen !== undefined && open.some((tag) => splitTag(prefix, tag) !== undefined)) return seen;
  return tags.filter((tag) => !open.includes(tag));
}
