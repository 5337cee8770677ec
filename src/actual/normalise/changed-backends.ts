import { sectionWords } from '../../haproxy/section-words.js';

/** Between two texts of one configuration. */
export interface ChangedBackends {
  /** Names of backends that are new, or whose text is another. */
  readonly changed: readonly string[];
  readonly gone: readonly string[];
}

/**
 * Which backends differ. Undefined if anything else does, or if the text can't tell: a condition
 * (`.if`), or a second section of the same name.
 */
export function changedBackends(before: string, after: string): ChangedBackends | undefined {
  const old = sectionsIn(before);
  const now = sectionsIn(after);
  if (old === undefined || now === undefined || old.others !== now.others) return undefined;
  return {
    changed: [...now.backends.keys()].filter(
      (name) => old.backends.get(name) !== now.backends.get(name),
    ),
    gone: [...old.backends.keys()].filter((name) => !now.backends.has(name)),
  };
}

interface Divided {
  /** Text by name. */
  readonly backends: ReadonlyMap<string, string>;
  /** All that belongs to no backend. */
  readonly others: string;
}

const header = new RegExp(
  `^[^\\S\\n]*(${[...sectionWords].join('|')})(?![^\\s#])(?:[^\\S\\n]+([^\\s#]+))?`,
  'gm',
);
const condition = /^[^\S\n]*\./m;
/** These change with each write. */
const stamps = /^# _(?:version|md5hash)=.*\n/gm;

function sectionsIn(text: string): Divided | undefined {
  if (condition.test(text)) return undefined;
  const backends = new Map<string, string>();
  const headers = [...text.matchAll(header)];
  const starts = headers.map(({ index }) => startOf(text, index));
  const others = [text.slice(0, starts[0])];
  // A backend that names no defaults section has the last one before it.
  let defaults = 0;
  for (const [at, [, keyword, name = '']] of headers.entries()) {
    const section = text.slice(starts[at], starts[at + 1]).trim();
    if (keyword === 'defaults') defaults++;
    if (keyword !== 'backend') others.push(section);
    else if (backends.has(name)) return undefined;
    else backends.set(name, `${defaults} ${section}`);
  }
  return { backends, others: others.join('\n').replace(stamps, '') };
}

/** Comments and blank lines before a header are its section's. */
function startOf(text: string, headerAt: number): number {
  let start = headerAt;
  for (;;) {
    if (start === 0) return 0;
    const line = text.lastIndexOf('\n', start - 2) + 1;
    if (!/^[^\S\n]*(?:#|$)/.test(text.slice(line, start - 1))) return start;
    start = line;
  }
}
