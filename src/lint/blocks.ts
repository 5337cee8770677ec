import { serviceLabel } from '../haproxy/names.js';
import { type Declared, Declarations } from '../observe/catalog/model/declarations.js';
import { toJobSpec } from '../observe/catalog/model/spec.js';
import { hasVariables } from '../observe/catalog/model/variables.js';
import { type Json, type JsonObject, objectsOf, textAt } from '../shared/json.js';
import type { JobFile } from './types.js';

/** A service block as the job has it. */
export interface RawBlock {
  readonly from: JobFile;
  readonly group: JsonObject;
  /** Of a task-level service. */
  readonly task?: JsonObject;
  readonly service: JsonObject;
}

/** One that the connector reads: of Nomad's provider, with a name that is known before it runs. */
export interface Block extends RawBlock, Declared {
  /** `namespace/service`. */
  readonly label: string;
}

export function rawBlocksOf(from: JobFile): readonly RawBlock[] {
  return objectsOf(from.raw['TaskGroups']).flatMap((group): RawBlock[] => [
    ...objectsOf(group['Services']).map((service) => ({ from, group, service })),
    ...objectsOf(group['Tasks']).flatMap((task) =>
      objectsOf(task['Services']).map((service) => ({ from, group, task, service })),
    ),
  ]);
}

/** Throws `nomad-untrusted` for a job whose variables resolve to too much. */
export function blocksOf(from: JobFile, prefix: string): readonly Block[] {
  const spec = toJobSpec(from.job);
  // In the order of the spec's blocks, which are those of Nomad's provider.
  const raw = rawBlocksOf(from).filter(({ service }) => isNomads(service));
  const named = raw.filter((_, at) => !hasVariables(spec.blocks[at]?.name ?? ''));
  const declared = new Declarations(prefix).of([spec], new Map());
  return declared.map((one, at): Block => {
    const { namespace, name } = one;
    const label = serviceLabel({ source: 'nomad', namespace, name });
    return { ...named[at]!, ...one, label };
  });
}

export function isNomads(service: JsonObject): boolean {
  return service['Provider'] === 'nomad';
}

export function textsAt(object: JsonObject, key: string): readonly string[] {
  const value = object[key];
  if (!Array.isArray(value)) return [];
  return (value as Json[]).filter((one) => typeof one === 'string');
}

export function groupName({ group }: Pick<RawBlock, 'group'>): string {
  return textAt(group, 'Name');
}
