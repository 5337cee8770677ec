import { Ajv } from 'ajv';

import { planSchema } from './schema.js';

/** `npm run build` writes the check that this module exports out as code (`scripts/build.ts`). */
export const ajv = new Ajv({ code: { source: true, esm: true } });

const schema = planSchema();

export const checkPlan = ajv.compile({
  ...schema,
  $id: 'plan',
  required: [...(schema['required'] as string[]), 'basis'],
});
