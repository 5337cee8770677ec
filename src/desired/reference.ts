import { type TagRow, tagNames, tagRows } from './vocabulary.js';

type Row = TagRow<unknown, boolean>;

const rows: readonly Row[] = tagNames.map((name) => tagRows[name]);

const groups: readonly (readonly [title: string, belongs: (key: string) => boolean])[] = [
  ['The service', (key) => /^(?:enable|backend.*|mode)$/.test(key)],
  ['Routes', (key) => /^(?:domain.*|path.*|frontend)$/.test(key)],
  ['Health checks', (key) => key.startsWith('check.')],
  ['Traffic', () => true],
];

/** Renders docs/tags.md from the table of tags. */
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

Tags go in the \`tags\` of a Nomad service. Keys are case-insensitive. The prefix \`haproxy\` can be changed with the setting \`tags.prefix\`. An invalid value skips the service, with a message that names the job, the service, the tag and the allowed form. An unknown key is a warning that suggests the closest known key.

Precedence: tags, then the job spec, then the connector's settings, then defaults. Service-level tags are taken from the newest instance; a canary's tags are used only if there is nothing else. A service without instances uses the tags in its job spec.

Marks in the tables:

- (+) may be given more than once.
- (1) is read from each instance's own tags.
- (c) also works in a \`custom\` backend. Other tags are ignored there with a warning.
- (h) works in http mode only.
- (n) works on Nomad services only. All other tags can also be used in route files, without the prefix ([JSON schema for editors](route-file.schema.json)).`;

const notes = `## Several checks, several versions

A backend has one type of check. If a job spec has several, the first http check is used, otherwise the first grpc check, otherwise the first tcp check. Nomad's own provider supports only http and tcp checks, so a gRPC service needs \`haproxy.check.type=grpc\`. Script checks and unknown types become a TCP check, with a warning.

Each instance is checked as its own job version specifies. While versions that differ only in path or host run side by side, each gets its own request. If they differ in anything else, all are checked by TCP until one version is left.

## Domains

An exact domain matches a whole host name. A wildcard \`*.example.com\` matches every name below example.com but not example.com itself; in map mode, up to four labels below. A prefix \`api.\` matches every host that starts with it. A regular expression is matched against the lowercase host without its port.

Two services can't share a domain. The older job keeps it and the other is reported. A route file takes precedence over both.

### Limits of regular expressions

The client chooses the host that an expression is matched against, and PCRE2 backtracks. So each expression has a bound, computed for the worst host of 253 characters, and so have all together ([limits](configuration.md#limits)). Longer hosts are never matched.

Refused:

- three repetitions that can match the same characters, like \`^.*a.*a.*b$\`. Instead of \`.+\`, name what doesn't end it: \`^[^-]+-[^-]+-[^.]+\\.x\\.io$\`.
- two of them without \`^\` at the beginning: \`a.+b.+c\`. With \`^\`, it is accepted.
- a repeated group that can match in several ways: \`^(a+)+$\`, \`^(a|b)*c$\`. Instead, \`^[ab]*c$\`.
- many optional parts or alternatives in a row: twenty times \`a?\` or \`(a|b)\`.
- counted groups, back references, look around and flags: \`(ab){2}\`, \`(a)\\1\`, \`(?=a)\`, \`(?i)a\`. Hosts are in lower case.

These are cheap: \`^[a-z0-9-]+\\.example\\.com$\`, \`^(www|api)\\.example\\.(com|org)$\`, \`^pr-\\d+\\.[a-z]+\\.example\\.com$\`, \`^([a-z0-9-]+\\.)+example\\.com$\`, \`^.+\\.example\\.com$\`. Without \`^\`, the same expression costs up to 253 times as much.`;

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

/** Escapes Markdown outside of code. */
function text(cell: string): string {
  return cell
    .split('`')
    .map((part, index) => (index % 2 === 1 ? `\`${part}\`` : part.replace(/[|*_\\]/g, '\\$&')))
    .join('');
}
