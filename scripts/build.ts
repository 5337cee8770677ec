/**
 * `npm run build`: the program and its packages as a few files with source maps in `dist`. What only
 * one command needs is in a file of its own, loaded when that command runs. Without this, loading
 * 380 modules and compiling the JSON schemas is most of a start (docs/performance.md).
 */

import { copyFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { Ajv, ValidateFunction } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { type Metafile, type Plugin, build as bundle } from 'esbuild';

import { assetFiles } from '../src/server/status/assets.js';
import { licencesOf } from './licences.js';

const root = resolve(import.meta.dirname, '..');

/** Gives what is in which file. */
export async function build(folder: string, entry = 'src/main.ts'): Promise<Metafile> {
  await rm(folder, { recursive: true, force: true });
  const { metafile } = await bundle({
    absWorkingDir: root,
    entryPoints: [entry],
    outdir: folder,
    // All files in one folder: `src/version.ts` counts on it.
    chunkNames: '[name]-[hash]',
    // Names stay, for stack traces. The code is held in memory as it is, comments included, and V8 (in
    // Node 20) gives each object of a literal that begins with a spread a hidden class of its own:
    // 200 bytes. Minified, such a literal is a plain one where what it spreads is a literal too.
    ...{ minifySyntax: true, minifyWhitespace: true },
    ...{ bundle: true, splitting: true, format: 'esm', platform: 'node', target: 'node20' },
    // The sources themselves aren't needed for a file's name and line, and cost time at a start.
    ...{ sourcemap: true, sourcesContent: false, metafile: true, logLevel: 'warning' },
    // Packages in CommonJS require Node's modules.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    plugins: [compiledSchemas],
  });
  for (const file of assetFiles) {
    await copyFile(join(root, 'src/server/status', file), join(folder, file));
  }
  const licences = await licencesOf(root, Object.keys(metafile.inputs));
  await writeFile(join(folder, 'THIRD-PARTY-LICENCES.txt'), licences);
  return metafile;
}

/** A `*.ajv.ts` exports `ajv` and checks; in their place goes the code that ajv makes of them. */
const compiledSchemas: Plugin = {
  name: 'compiled schemas',
  setup: (bundling) => {
    bundling.onLoad({ filter: /\.ajv\.ts$/ }, async ({ path }) => {
      const { ajv, ...checks } = (await import(pathToFileURL(path).href)) as SchemaModule;
      const ids = Object.entries(checks).map(([name, { schema }]) => [name, idOf(schema)]);
      const contents = standalone.default(ajv, Object.fromEntries(ids) as Record<string, string>);
      return { contents, loader: 'js', resolveDir: dirname(path) };
    });
  },
};

type SchemaModule = { readonly ajv: Ajv } & Readonly<Record<string, ValidateFunction>>;

function idOf(schema: ValidateFunction['schema']): string | undefined {
  return typeof schema === 'object' ? (schema as { readonly $id?: string }).$id : undefined;
}

if (process.argv[1] === import.meta.filename) await build(resolve(root, 'dist'));
