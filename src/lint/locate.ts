import { escapeRegex } from '../shared/escape-regex.js';

/** The lines of a job file, from 1. */
export interface Lines {
  /** Of a tag of this service, written as a string of JSON or HCL; of several, the nearest to it. */
  readonly ofTag: (tag: string, service: Named) => number | undefined;
  readonly ofService: (service: Named) => number | undefined;
  readonly ofGroup: (name: string) => number | undefined;
}

export interface Named {
  readonly name: string;
  readonly tags: readonly string[];
}

/** Undefined where a variable or a heredoc wrote what is looked for. */
export function linesOf(text: string): Lines {
  const lines = text.split('\n');
  const matching = (test: (line: string) => boolean): number[] =>
    lines.flatMap((line, at) => (test(line) ? [at + 1] : []));
  const quoting = (wanted: string): number[] => {
    const quoted = JSON.stringify(wanted);
    return matching((line) => line.includes(quoted));
  };
  const naming = (form: string, name: string): number[] => {
    const named = new RegExp(`${form}\\s*${escapeRegex(JSON.stringify(name))}`);
    return matching((line) => named.test(line));
  };
  const ofService = ({ name, tags }: Named): number | undefined => {
    const found = naming(nameForm, name);
    // Its group and its task may have the same name.
    const own = tags.map(quoting).find((some) => some.length === 1)?.[0];
    return nearest(found, own) ?? naming(blockForm, name)[0];
  };
  return {
    ofService,
    ofTag: (tag, service) => nearest(quoting(tag), ofService(service)),
    ofGroup: (name) => naming('\\bgroup\\s', name)[0] ?? naming(nameForm, name)[0],
  };
}

const nameForm = '(?:"Name"\\s*:|\\bname\\s*=)';
const blockForm = '\\b(?:job|group|task)\\s';

function nearest(lines: readonly number[], to: number | undefined): number | undefined {
  if (to === undefined) return lines[0];
  return [...lines].sort((a, b) => Math.abs(a - to) - Math.abs(b - to) || a - b)[0];
}
