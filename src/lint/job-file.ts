import { oneJob } from '../observe/nomad/answers/shapes.ajv.js';
import type { WireJob } from '../observe/nomad/answers/shapes.js';
import { isObject, type Json, type JsonObject, objectsOf, textAt } from '../shared/json.js';
import type { BadFile, JobFile } from './types.js';

/** HCL is for Nomad to parse. */
export function isHcl(file: string, text: string): boolean {
  if (/\.(hcl|nomad)$/.test(file)) return true;
  return !/^\s*[{[]/.test(text);
}

export interface Source {
  readonly file: string;
  readonly text: string;
}

/**
 * A job in JSON: as Nomad's API takes it (`{"Job": {...}}`), as `nomad job run -output` or `nomad job
 * inspect` print it, or alone. `namespace` is for a job that names none.
 */
export function jobFromText(source: Source, namespace: string): JobFile | BadFile {
  try {
    return jobFromJson(source, JSON.parse(source.text) as Json, namespace);
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message.split('\n')[0] : 'unreadable';
    return { ...source, code: 'not-a-job', message: `it is not JSON: ${why}` };
  }
}

export function jobFromJson(source: Source, content: Json, namespace: string): JobFile | BadFile {
  const raw = isObject(content) && isObject(content['Job']) ? content['Job'] : content;
  if (!isObject(raw) || textAt(raw, 'ID') === '') {
    const message = 'it holds no Nomad job: expected an object with ID and TaskGroups';
    return { ...source, code: 'not-a-job', message };
  }
  const job = filledIn(raw, namespace);
  if (oneJob(job)) return { ...source, raw, job: job as unknown as WireJob };
  const [error] = oneJob.errors ?? [];
  const where = `${error?.instancePath ?? ''} ${error?.message ?? ''}`.trim();
  return { ...source, code: 'not-a-job', message: `it is not a Nomad job: ${where}` };
}

/** A job that was never submitted lacks what Nomad adds. */
function filledIn(raw: JsonObject, namespace: string): JsonObject {
  const number = (key: string): Json => (typeof raw[key] === 'number' ? raw[key] : 0);
  return {
    ...raw,
    Name: textAt(raw, 'Name') || textAt(raw, 'ID'),
    Namespace: textAt(raw, 'Namespace') || namespace,
    Version: number('Version'),
    CreateIndex: number('CreateIndex'),
    JobModifyIndex: number('JobModifyIndex'),
    TaskGroups: objectsOf(raw['TaskGroups']).map(withCount),
  };
}

/** Nomad's default is the least that the group may be scaled to. */
function withCount(group: JsonObject): JsonObject {
  if (typeof group['Count'] === 'number' || !isObject(group['Scaling'])) return group;
  const least = group['Scaling']['Min'];
  return typeof least === 'number' && least > 0 ? { ...group, Count: least } : group;
}
