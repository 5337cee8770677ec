import { ConnectorError } from '../../shared/errors.js';
import { sectionLine } from './server-line.js';

/** The text of the named backends' sections. */
export function sectionsOf(text: string, names: ReadonlySet<string>): string[] {
  const found: string[][] = [];
  let current: string[] | undefined;
  for (const line of text.split('\n')) {
    const [, kind, name = ''] = sectionLine.exec(line) ?? [];
    if (kind !== undefined) {
      current = kind === 'backend' && names.has(name) ? [] : undefined;
      if (current !== undefined) found.push(current);
    }
    current?.push(line);
  }
  if (found.length !== names.size) {
    const message = `${found.length} of ${names.size} new backends are in the transaction's file`;
    throw new ConnectorError('internal', message);
  }
  return found.map(trimmed);
}

/** An unindented comment belongs to the next section. */
function trimmed(lines: readonly string[]): string {
  const end = lines.findLastIndex((line) => line.trim() !== '' && !line.startsWith('#'));
  return lines.slice(0, end + 1).join('\n');
}

export function appendSections(text: string, sections: readonly string[]): string {
  return `${text.trimEnd()}\n\n${sections.map((section) => `${section}\n`).join('\n')}`;
}
