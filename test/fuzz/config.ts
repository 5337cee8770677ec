/** HAProxy's file: the operator's part, and the only lines that may stand beside it. */

import { type Dirs, globalSection, webDefaults } from '../../fixtures/dataplane/config.js';
import { isVisible } from '../../src/shared/text.js';

export interface ExtraPorts {
  readonly tcp: number;
  readonly other: number;
}

export function operatorConfig({ tcp, other }: ExtraPorts): (dirs: Dirs, port: number) => string {
  return (dirs, port) => `${globalSection(dirs)}
${webDefaults}  load-server-state-from-file global

frontend http_front from web
  bind 127.0.0.1:${port} name public
  option idle-close-on-response
  acl operator_path path_beg /operator
  use_backend operator_api if operator_path
  default_backend operator_default

frontend other_front from web
  bind 127.0.0.1:${other} name other
  default_backend operator_default

frontend tcp_front from web
  mode tcp
  bind 127.0.0.1:${tcp} name tcp
  default_backend tcp_pool

backend operator_api from web
  http-request return status 200 content-type text/plain string "operator api"

backend operator_default from web
  http-request return status 404 content-type text/plain string "operator default"

backend shop from web
  balance roundrobin
  server own 127.0.0.1:1 weight 10

backend tcp_pool from web
  mode tcp
  server own 127.0.0.1:1
`;
}

const keywords = [
  ...['mode', 'balance', 'hash-type', 'option', 'timeout', 'default-server', 'server', 'cookie'],
  ...['http-check', 'http-request', 'http-response', 'tcp-request', 'use-server', 'stick-table'],
  ...[
    'retries',
    'retry-on',
    'load-server-state-from-file',
    'acl',
    'tcp-check',
    'dynamic-cookie-key',
  ],
];

const marker = String.raw`# \{"nomad-connector":\{.*\}\}$`;
const server = new RegExp(
  String.raw`^server nomad_(?:\S+_\d+|_g\d+-\S+) [0-9a-f.:\[\]]+:\d+ .*${marker}`,
);
const lookup = String.raw`\{ [a-z0-9_.(),\-:/]+,map(?:_\w+)?\([\w/.\-]+\.map\),set-var\(txn\.nomad_connector_backend\) -m found \}`;
const sample = String.raw`(?:length [<>]=? ?\d+ )?`;

const inFrontends = [
  /^http-request set-var\(txn\.nomad_connector_path\) path,concat\(,,\/\)( # .*)?$/,
  new RegExp(
    String.raw`^use_backend %\[var\(txn\.nomad_connector_backend\)\] if (?:\{ .{1,80} \} )?${lookup}$`,
  ),
  new RegExp(String.raw`^acl nomad__acl_[0-9a-f]{12} ${sample}[\x21-\x7e]+(?: [\x21-\x7e]+)*$`),
  /^use_backend [A-Za-z0-9_.:-]+ if nomad__acl_[0-9a-f]{12}(?: nomad__acl_[0-9a-f]{12})*$/,
  /^tcp-request inspect-delay \d+\w*$/,
];

interface Section {
  readonly head: string;
  readonly lines: readonly string[];
}

function sectionsOf(text: string): readonly Section[] {
  const sections: { head: string; lines: string[] }[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trim().replace(/ +/g, ' ');
    if (line === '' || /^# (_|Dataplaneapi managed|changing file directly)/.test(line)) continue;
    const last = sections.at(-1);
    if (/^\S/.test(raw) || last === undefined) sections.push({ head: line, lines: [] });
    else last.lines.push(line);
  }
  return sections;
}

/** What stands in the file and is neither the operator's nor like ours, and what is gone. */
export function strangeLines(text: string, base: string): readonly string[] {
  const before = new Map(sectionsOf(base).map(({ head, lines }) => [head, lines]));
  const now = sectionsOf(text);
  const heads = new Set(now.map(({ head }) => head));
  const gone = [...before.keys()].filter((head) => !heads.has(head)).map((head) => `- ${head}`);
  const strange = now.flatMap(({ head, lines }) => {
    const theirs = before.get(head);
    if (theirs === undefined) return strangeInOurs(head, lines);
    return compared(head, lines, theirs);
  });
  // Marks are JSON in a comment, and hold names in any language.
  const bad = text
    .replace(/ # \{"nomad-connector":\{.*$/gm, '')
    .match(/^.*[^\x20-\x7e\n].*$/gm)
    ?.map((line) => JSON.stringify(line));
  const unseen = text.split('\n').filter((line) => !isVisible(line.replaceAll('\t', ' ')));
  return [...gone, ...strange, ...(bad ?? []), ...unseen.map((line) => JSON.stringify(line))];
}

function strangeInOurs(head: string, lines: readonly string[]): string[] {
  // Data Plane API before 3.2 drops the mark of a section.
  const ours = new RegExp(String.raw`^backend nomad_[\w.-]+ from \S+(?:$| ${marker})`);
  if (!ours.test(head)) return [`+ ${head}`];
  return lines
    .filter((line) => !keywords.includes(line.split(' ')[0] ?? '') || !serverIsOurs(line))
    .map((line) => `+ ${head}: ${line}`);
}

function serverIsOurs(line: string): boolean {
  return !line.startsWith('server ') || server.test(line);
}

function compared(head: string, lines: readonly string[], theirs: readonly string[]): string[] {
  const left = [...theirs];
  const strange = lines.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    else if (head.startsWith('frontend ')) return !inFrontends.some((one) => one.test(line));
    else return !(head.startsWith('backend ') && server.test(line));
    return false;
  });
  return [...strange.map((one) => `+ ${head}: ${one}`), ...left.map((one) => `- ${head}: ${one}`)];
}
