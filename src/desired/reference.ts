import { type TagRow, tagNames, tagRows } from './vocabulary.js';

type Row = TagRow<unknown, boolean>;

const rows: readonly Row[] = tagNames.map((name) => tagRows[name]);

const groups: readonly (readonly [title: string, belongs: (key: string) => boolean])[] = [
  ['The service', (key) => /^(?:enable|backend.*|mode)$/.test(key)],
  ['Routes', (key) => /^(?:domain.*|path.*|frontend)$/.test(key)],
  ['Health checks', (key) => key.startsWith('check.')],
  ['Traffic', () => true],
];

/** docs/tags.md, from the table of tags. */
export function renderTagReference(): string {
  const left = new Set(rows);
  const sections = groups.map(([title, belongs]) => {
    const members = [...left].filter(({ key }) => belongs(key));
    for (const member of members) left.delete(member);
    return `## ${title}\n\n${table(members)}`;
  });
  return `${[intro, ...sections, notes].join('\n\n')}\n`;
}

const intro = `# Tags

<!-- Made from the table in src/desired/vocabulary.ts by npm run docs:tags. -->

What a job's author writes in the \`tags\` of a Nomad service. Keys ignore case. The prefix \`haproxy\` is a setting. A value in a form that is not allowed skips the service, with a message that names job, service, tag and allowed form; an unknown key is a warning with the nearest known name.

Tags beat the job spec, which beats the connector's settings, which beat its defaults. The tags of the newest instance speak for the service, canaries last; those of its declaration where there is no instance. Rows marked (1) are read from each instance's own tags.

(+) may be given more than once. (1) of each instance. (c) means something in a \`custom\` backend too; the others are ignored there with a warning. (h) only in http mode. (n) only on Nomad services; the others may stand in files of the routes folder too, without the prefix (for editors: [the JSON schema of such a file](route-file.schema.json)).`;

const notes = `## Several checks, several versions

A backend has one kind of check. Of several checks in a job spec the first http check counts; without one the first grpc check; else the first tcp check. Nomad's own provider knows http and tcp checks only, so a gRPC service says \`haproxy.check.type=grpc\`. Script and other checks are tested by TCP, with a warning.

Each instance is checked as its own job version says. While versions with different paths or hosts live side by side, each is asked on its own; where they differ in more than that, all are tested by TCP until one version is left.

## Domains

An exact domain is a whole host name. A wildcard \`*.example.com\` matches every name below example.com and not example.com itself; in map mode up to four labels below. A prefix \`api.\` matches every host that begins so. A regular expression is matched against the host in lower case, without its port.

Whoever sends a request chooses the host that an expression is tried on, and PCRE2 tries every way in which it could match. A host of 4,000 characters against \`^.*.*.*x$\` took so long that HAProxy's watchdog ended the process (HAProxy 3.0.11, PCRE2 10.46). So expressions are never tried on a host of more than 253 characters, which no host name has, and they hold at most three repetitions (\`*\`, \`+\`, \`{n,}\`, \`{n,m}\`) and no repeated group with a repetition or a choice in it, unless one sign divides its rounds, as in \`([a-z0-9-]+\\.)+\`. What is left costs milliseconds with the worst host, and microseconds with others.

Two services can't have one domain: the older job keeps it, and the other is reported. A file of the routes folder beats both.`;

function table(members: readonly Row[]): string {
  const cells = members.map((row) => [
    `\`haproxy.${row.key}\``,
    marks(row),
    text(row.grammar.form),
    text(row.fallback),
    text(row.becomes),
  ]);
  const all = [['Tag', '', 'Allowed', 'Without it', 'Meaning'], ...cells];
  const widths = (all[0] ?? []).map((_, column) =>
    Math.max(3, ...all.map((line) => (line[column] ?? '').length)),
  );
  const lines = all.map((line) => format(line, widths));
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}

function format(line: readonly string[], widths: readonly number[]): string {
  return `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
}

function marks({ many, custom, perInstance, httpOnly, inFiles }: Row): string {
  const set: readonly (readonly [boolean, string])[] = [
    [many, '+'],
    [perInstance, '1'],
    [custom, 'c'],
    [httpOnly, 'h'],
    [!inFiles, 'n'],
  ];
  return set.flatMap(([holds, mark]) => (holds ? [`(${mark})`] : [])).join(' ');
}

/** As Markdown, outside of code. */
function text(cell: string): string {
  return cell
    .split('`')
    .map((part, index) => (index % 2 === 1 ? `\`${part}\`` : part.replace(/[|*_\\]/g, '\\$&')))
    .join('');
}
