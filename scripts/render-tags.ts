/** Writes docs/tags.md from the table of tags. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { renderTagReference } from '../src/desired/reference.js';

writeFileSync(join(import.meta.dirname, '..', 'docs', 'tags.md'), renderTagReference());
