import { readdirSync, readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

export interface Page {
  /** Relative to the root of the repository. */
  readonly path: string;
  readonly text: string;
}

export interface Block {
  readonly page: string;
  /** Of the opening fence. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** README.md and the pages of docs; decisions tell what was, so they are left out. */
export const pages: readonly Page[] = [
  'README.md',
  ...readdirSync(new URL('docs/', root))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].map((path) => ({ path, text: readFileSync(new URL(path, root), 'utf8') }));

const fencedBlocks: readonly Block[] = pages.flatMap(({ path, text }) => {
  const fenced = /^([ ]*)```(\w*)\n([^]*?)^\1```$/gm;
  return [...text.matchAll(fenced)].map(({ 1: indent = '', 2: language = '', 3: body, index }) => ({
    page: path,
    line: text.slice(0, index).split('\n').length,
    language,
    text: (body ?? '').replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
});

/** Files that a block of commands writes, as `cat > connector.yaml <<'END'`, by their extension. */
function filesIn(block: Block): readonly Block[] {
  const written = /^cat > \S*\.(cfg|yaml) <<'END'\n([^]*?)^END$/gm;
  return [...block.text.matchAll(written)].map(([, extension, text = '']) => ({
    ...block,
    language: extension === 'cfg' ? 'haproxy' : 'yaml',
    text,
  }));
}

/** Fenced blocks, with the indentation of their fence removed, and the files that they write. */
export const blocks = fencedBlocks.flatMap((block) => [block, ...filesIn(block)]);

export function nameOf({ page, line }: Block): string {
  return `${page}:${line}`;
}
