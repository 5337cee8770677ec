/** The operator: their configuration, what they edit by hand, and what must be left of it. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type Dirs, globalSection, webDefaults } from '../../fixtures/dataplane/config.js';
import { waitFor } from '../../fixtures/process.js';
import type { Stack } from '../../fixtures/stack.js';
import type { OperatorEdit } from './actions.js';

/** Its sections stand in the order in which the Data Plane API writes them. */
export function operatorConfig(dirs: Dirs, port: number): string {
  return `# The operator's own file
${globalSection(dirs)}
${webDefaults}  load-server-state-from-file global

frontend http_front from web
  # the public address
  bind 127.0.0.1:${port} name public
  option idle-close-on-response
  acl operator_path path_beg /operator
  use_backend operator_api if operator_path
  default_backend operator_default

# the api
backend operator_api from web
  http-request return status 200 content-type text/plain string "operator api"

# for all else
backend operator_default from web
  http-request return status 404 content-type text/plain string "operator default"

# joined by services
backend shop0 from web
  balance roundrobin
  option httpchk GET /health

backend shop1 from web
  # kept for reasons
  balance roundrobin
`;
}

/** By section and first word, in their order: the API puts lines of another keyword elsewhere. */
export type Lines = Readonly<Record<string, readonly string[]>>;

/** What the Data Plane API writes at the top. */
const apiComment = /^# (_|Dataplaneapi managed|changing file directly)/;

/** All that isn't the connector's, of a file or of the model's own record of one. */
export function operatorLines(text: string): Lines {
  const all: Record<string, string[]> = {};
  let section = 'top';
  for (const raw of text.split('\n')) {
    const line = raw.trim().replace(/\s+/g, ' ');
    if (/^(global|defaults|frontend|backend|listen)\b/.test(line)) section = line;
    if (line === '' || apiComment.test(line)) continue;
    if (/nomad_|nomad\w*\.map/.test(line)) continue;
    const [word = ''] = line.split(' ');
    if (/^backend nomad_/.test(section) && word !== '#') continue;
    // A comment before a section stands at the end of the one before it, which may be ours.
    const where = word === '#' ? 'comments' : `${section}: ${word}`;
    (all[where] ??= []).push(line);
  }
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export class Operator {
  /** What they have written by now, as text. */
  text: string;
  #made = 0;
  #added: number[] = [];

  constructor(
    readonly stack: Stack,
    readonly base: string,
  ) {
    this.text = base;
  }

  /**
   * Edits the file and has HAProxy load it. Entries of the map are spoilt for those backends alone:
   * what a service with bad tags had is known from its entries only.
   */
  async edit(edit: OperatorEdit, pick: number, backends: ReadonlySet<string>): Promise<void> {
    switch (edit) {
      case 'addBackend':
      case 'addRule':
      case 'addComment':
        return this.#add(edit);
      case 'remove':
        return this.#remove(pick);
      case 'dropServer':
        return this.#dropServer(pick);
      case 'changeEntry':
      case 'dropEntry':
        return this.#mapEntry(edit, pick, backends);
    }
  }

  /** As another program does: one backend through the data plane, with a reload. */
  async otherWriter(): Promise<void> {
    const name = `other${this.#made++}`;
    const root = '/v3/services/haproxy/configuration';
    await waitFor(`backend ${name} of another writer`, async () => {
      const { body: version } = await this.stack.dp.send('GET', `${root}/version`);
      const path = `${root}/backends?version=${version as number}&force_reload=true`;
      const { status } = await this.stack.dp.send('POST', path, {
        name,
        mode: 'http',
        from: 'web',
      });
      return status < 300 || status === 409;
    });
    this.text += `\nbackend ${name} from web\n  mode http\n`;
  }

  /** Their file as it was at first, which is all that HAProxy has then. */
  back(): void {
    this.text = this.base;
    this.#added = [];
  }

  /** Takes all of their own additions away. */
  async cleanUp(): Promise<void> {
    await this.#editFile((text) =>
      text
        .split(/^(?=(?:#|backend|frontend|defaults|global)\b)/m)
        .map((section) =>
          /^backend (extra|other)\d/.test(section) ? commentsOf(section) : section,
        )
        .join('')
        .replace(/^.*\bextra\d.*\n/gm, ''),
    );
    this.back();
  }

  async reload(): Promise<void> {
    await this.stack.dp.haproxy.masterCommand('reload');
    await waitFor('the new worker', () => this.stack.dp.haproxy.workerPid().catch(() => undefined));
  }

  async #add(edit: 'addBackend' | 'addRule' | 'addComment'): Promise<void> {
    const n = this.#made++;
    await this.#both((text) => {
      if (edit === 'addComment') {
        return text.replace(/^( *)bind /m, `$1# extra${n} remark\n$1bind `);
      }
      const backend = `\nbackend extra${n} from web\n  http-request return status 200 content-type text/plain string "extra ${n}"\n`;
      if (edit === 'addBackend') return text + backend;
      return text.replace(
        /^( *)use_backend operator_api if operator_path$/m,
        `$1use_backend operator_api if operator_path\n$1use_backend operator_api if { path_beg /extra${n} }`,
      );
    });
    this.#added.push(n);
  }

  async #remove(pick: number): Promise<void> {
    const n = this.#added[pick % Math.max(1, this.#added.length)];
    if (n === undefined) return;
    this.#added = this.#added.filter((other) => other !== n);
    // The API may have put the next section's comment at its end.
    const section = new RegExp(`^backend extra${n} from web\\n(?: +[^# ].*\\n)*`, 'm');
    const line = new RegExp(`^.*\\bextra${n}\\b.*\\n`, 'gm');
    await this.#both((text) => text.replace(section, '').replace(line, ''));
  }

  async #both(edit: (text: string) => string): Promise<void> {
    const next = edit(this.text);
    await this.#editFile(edit);
    this.text = next;
  }

  async #editFile(edit: (text: string) => string): Promise<void> {
    const before = await this.stack.configuration();
    if (edit(before) === before) return;
    await this.stack.editConfiguration(edit);
    await this.reload();
  }

  /** Of the connector's: it must come back. */
  async #dropServer(pick: number): Promise<void> {
    const lines = (await this.stack.configuration()).split('\n');
    const ours = lines.filter((line) => /^\s*server nomad_/.test(line));
    const line = ours[pick % Math.max(1, ours.length)];
    if (line === undefined) return;
    await this.#editFile((text) => text.replace(`${line}\n`, ''));
  }

  /** In the process and the file. */
  async #mapEntry(
    edit: 'changeEntry' | 'dropEntry',
    pick: number,
    backends: ReadonlySet<string>,
  ): Promise<void> {
    const { maps } = this.stack.dp.dirs;
    const names = (await readdir(maps)).sort();
    const entries = await Promise.all(
      names.map(async (name) => {
        const text = await readFile(join(maps, name), 'utf8');
        const keys = text.split('\n').filter((line) => /^\S+ \S/.test(line) && line[0] !== '#');
        return keys.map((line) => {
          const [key = '', backend = ''] = line.split(' ');
          return { name, key, backend };
        });
      }),
    );
    const all = entries.flat().filter(({ backend }) => backends.has(backend));
    const entry = all[pick % Math.max(1, all.length)];
    if (entry === undefined) return;
    const path = `/v3/services/haproxy/runtime/maps/${entry.name}/entries/${encodeURIComponent(entry.key)}?force_sync=true`;
    const { send } = this.stack.dp;
    if (edit === 'dropEntry') await send('DELETE', path);
    else await send('PUT', path, { value: 'operator_api' });
  }
}

function commentsOf(section: string): string {
  const lines = section.split('\n').filter((line) => /^\s*#/.test(line));
  return lines.map((line) => `${line}\n`).join('');
}
