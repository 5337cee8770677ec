import { _, Ajv } from 'ajv';

import { formatChecks } from './format-checks.js';
import { configSchema } from './schema.js';

/** `npm run build` writes the check that this module exports out as code (`scripts/build.ts`). */
export const ajv = new Ajv({
  ...{ allErrors: true, verbose: true, allowUnionTypes: true },
  formats: formatChecks,
  code: { source: true, esm: true, formats: _`require("./format-checks.js").formatChecks` },
});
ajv.addVocabulary(['expected', 'env', 'flag', 'secret', 'emptyIsValue']);

export const checkConfig = ajv.compile({ $id: 'config', ...configSchema });
