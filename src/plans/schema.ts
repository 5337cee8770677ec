import { syncPolicies } from '../config/types.js';
import { skipCodes } from '../desired/types.js';
import { planFormatVersion } from '../diff/print/print.js';
import { problemCodes, reloadReasons } from '../diff/types.js';
import type { JsonObject } from '../shared/json.js';

const text = { type: 'string' };
const count = { type: 'integer', minimum: 0 };
const texts = { type: 'array', items: text };

function object(properties: JsonObject, optional: readonly string[] = []): JsonObject {
  const required = Object.keys(properties).filter((key) => !optional.includes(key));
  return { type: 'object', required, properties };
}

function listOf(items: JsonObject): JsonObject {
  return { type: 'array', items };
}

function described(description: string, schema: JsonObject): JsonObject {
  return { description, ...schema };
}

const change = object(
  {
    action: { enum: ['add', 'change', 'remove'] },
    within: described('the object that the subject is part of', text),
    subject: text,
    detail: text,
  },
  ['within', 'detail'],
);

const held = object(
  {
    reason: text,
    instances: texts,
    backends: texts,
    releasable: described('a second full read that agrees can release it', { type: 'boolean' }),
    untrusted: { const: true },
    lasting: object({
      since: described('Unix seconds', count),
      until: described('Unix seconds', count),
      remainingMs: { type: 'number' },
    }),
  },
  ['untrusted', 'lasting'],
);

const digest = { type: 'string', pattern: '^[0-9a-f]{64}$' };

const basis = object(
  {
    target: text,
    scope: described('Nomad region, namespaces and tag prefix', text),
    ownershipPrefix: text,
    syncPolicy: { enum: syncPolicies },
    configChecksum: described("SHA-256 of HAProxy's configuration file", digest),
    stepsDigest: described('SHA-256 of all that the plan would write', digest),
  },
  ['syncPolicy'],
);

/** JSON schema of `--output json` and `--plan-out`. Keys may be added within a format version. */
export function planSchema(): JsonObject {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A plan of haproxy-nomad-connector',
    ...object(
      {
        format_version: { const: planFormatVersion },
        haproxy: described('URL of the Data Plane API', text),
        configVersion: count,
        nomadIndex: count,
        changes: listOf(change),
        skipped: listOf(object({ service: text, code: { enum: skipCodes }, reason: text })),
        held: described('removals that the guard holds', { anyOf: [{ type: 'null' }, held] }),
        kept: described('what `sync.policy` keeps and `sync` would change too', listOf(change)),
        problems: listOf(object({ code: { enum: problemCodes }, message: text })),
        reloads: listOf(object({ reason: text, code: { enum: reloadReasons } })),
        noChanges: { type: 'boolean' },
        basis: described('only in a saved plan: what it was made from', basis),
      },
      ['kept', 'basis'],
    ),
  };
}
