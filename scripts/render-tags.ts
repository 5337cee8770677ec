/** Writes what is made of the table of tags: docs/tags.md and docs/route-file.schema.json; and docs/plan.schema.json. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { format, resolveConfig } from 'prettier';

import { renderTagReference } from '../src/desired/reference.js';
import { routeFileSchema } from '../src/desired/route-files.js';
import { planSchema } from '../src/plans/schema.js';

await write('tags.md', renderTagReference());
await write('route-file.schema.json', JSON.stringify(routeFileSchema()));
await write('plan.schema.json', JSON.stringify(planSchema()));

async function write(name: string, text: string): Promise<void> {
  const filepath = join(import.meta.dirname, '..', 'docs', name);
  const style = await resolveConfig(filepath);
  writeFileSync(filepath, await format(text, { ...style, filepath }));
}
