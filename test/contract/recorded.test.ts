import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { expect } from 'chai';

import type { Answer } from '../../fixtures/dataplane/client.js';
import { backend, slot, upload, useStack } from './stack.js';

/** What is kept of an answer: nothing in it differs from run to run. */
interface Recorded {
  readonly request: string;
  readonly status: number;
  readonly reloadId: boolean;
  readonly checksum: boolean;
  /** Of the body, or of the first element of a list. */
  readonly keys: readonly string[];
}

/** {v} is the current version, {t} the transaction that was opened last. */
const requests: readonly (readonly [string, string, unknown?])[] = [
  ['GET', '/configuration/version'],
  ['GET', '/configuration/raw'],
  ['GET', '/configuration/raw?transaction_id=gone'],
  ['GET', '/configuration/global'],
  ['GET', '/configuration/defaults'],
  ['GET', '/configuration/frontends?full_section=true'],
  ['GET', '/configuration/frontends/http_front/binds'],
  ['GET', '/configuration/frontends/http_front/acls'],
  ['GET', '/configuration/frontends/http_front/acls/5'],
  ['GET', '/configuration/frontends/none/acls'],
  ['GET', '/configuration/frontends/http_front/backend_switching_rules'],
  ['GET', '/configuration/frontends/none/backend_switching_rules'],
  ['GET', '/configuration/backends/none'],
  ['GET', '/configuration/backends/none/servers'],
  ['GET', '/configuration/backends/operator_api/http_request_rules'],
  ['GET', '/configuration/backends/operator_api/http_checks'],
  ['POST', '/transactions'],
  ['POST', '/transactions?version={v}'],
  ['GET', '/transactions'],
  ['GET', '/transactions/{t}'],
  ['GET', '/transactions?status=outdated'],
  ['POST', '/configuration/backends?full_section=true&transaction_id={t}', backend('one')],
  ['POST', '/configuration/backends?full_section=true&transaction_id={t}', backend('one')],
  ['POST', '/configuration/backends?transaction_id={t}', backend('one')],
  ['POST', '/configuration/backends?transaction_id={t}', 'not json'],
  ['POST', '/configuration/backends?transaction_id={t}&force_reload=true', backend('two')],
  ['PUT', '/configuration/backends/one?full_section=true&transaction_id={t}', backend('one')],
  ['PUT', '/configuration/backends/none?full_section=true&transaction_id={t}', backend('none')],
  ['PUT', '/transactions/{t}?force_reload=true'],
  ['PUT', '/transactions/{t}?force_reload=true'],
  ['GET', '/configuration/backends/one?full_section=true'],
  ['GET', '/configuration/backends/one/servers'],
  ['GET', '/configuration/backends/one/servers/none'],
  ['POST', '/configuration/backends/one/servers', slot('one_3')],
  ['PUT', '/configuration/backends/one/servers/none?version={v}', slot('none')],
  ['PUT', '/configuration/backends/one/servers/one_1?version={v}', slot('one_1', { port: 10 })],
  ['POST', '/configuration/frontends/http_front/acls/9?version={v}', { acl_name: 'a' }],
  ['DELETE', '/configuration/backends/none?version={v}'],
  ['DELETE', '/configuration/backends/one?version={v}&transaction_id=x'],
  ['POST', '/configuration/raw?version={v}&skip_reload=true', 'no line end'],
  ['POST', '/configuration/raw?version={v}&skip_reload=true', 'nonsense\n'],
  ['GET', '/runtime/info'],
  ['GET', '/runtime/backends/one/servers'],
  ['GET', '/runtime/backends/one/servers/one_1'],
  ['GET', '/runtime/backends/one/servers/none'],
  ['GET', '/runtime/backends/none/servers'],
  ['GET', '/runtime/backends/none/servers/none'],
  ['PUT', '/runtime/backends/one/servers/none', { admin_state: 'ready' }],
  ['PUT', '/runtime/backends/one/servers/one_1', { admin_state: 'nonsense' }],
  ['POST', '/runtime/backends/none/servers', { name: 'a', address: '127.0.0.1' }],
  ['DELETE', '/runtime/backends/one/servers/none'],
  ['GET', '/stats/native?type=server&parent=one'],
  ['GET', '/stats/native?name=one'],
  ['GET', '/runtime/maps'],
  ['GET', '/runtime/maps/none.map'],
  ['GET', '/runtime/maps/none.map/entries'],
  ['POST', '/storage/maps', upload('a b\n', 'r.map')],
  ['POST', '/storage/maps', upload('a b\n', 'r.map')],
  ['GET', '/storage/maps'],
  ['PUT', '/storage/maps/none.map?skip_reload=true', 'a b\n'],
  ['DELETE', '/storage/maps/none.map'],
  ['DELETE', '/storage/maps/r.map'],
  ['POST', '/storage/general', upload('x', 'r.txt')],
  ['PUT', '/storage/general/r.txt?skip_reload=true', upload('y', 'r.txt')],
  ['PUT', '/storage/general/r.txt?force_reload=true', upload('y', 'r.txt')],
  ['PUT', '/storage/general/r.txt', upload('y', 'r.txt')],
  ['DELETE', '/storage/general/r.txt'],
  ['GET', '/reloads/nonsense'],
  ['GET', '/none'],
  ['DELETE', '/configuration/backends/one?version={v}&force_reload=true'],
];

const file = resolve(import.meta.dirname, '..', '..', 'fixtures', 'recorded', 'dataplane-3.2.json');

describe('data plane: recorded answers', () => {
  const stack = useStack();

  /** RECORD_DATAPLANE=1 with DATAPLANEAPI_BIN records anew; a stand-in is never recorded. */
  it('match those of the real daemon', async function () {
    const seen = await ask();
    if (stack.dp.isReal) {
      if (process.env['RECORD_DATAPLANE'] === undefined) this.skip();
      await mkdir(join(file, '..'), { recursive: true });
      return writeFile(file, `[\n${seen.map((each) => JSON.stringify(each)).join(',\n')}\n]\n`);
    }
    const recorded = JSON.parse(await readFile(file, 'utf8')) as Recorded[];
    expect(seen.map(essence)).to.deep.equal(recorded.map(essence));
    for (const [i, { request, keys }] of recorded.entries()) {
      // A newer daemon says more, never less.
      expect(seen[i]?.keys, request).to.include.members([...keys]);
    }
  });

  async function ask(): Promise<Recorded[]> {
    const seen: Recorded[] = [];
    let transaction = '';
    for (const [method, template, body] of requests) {
      const version = template.includes('{v}') ? await stack.version() : 0;
      const path = template.replace('{v}', String(version)).replace('{t}', transaction);
      const answer = await stack.ask(method, path, body);
      if (answer.status === 201 && template.startsWith('/transactions')) {
        transaction = (answer.body as { id: string }).id;
      }
      seen.push(record(`${method} ${template}`, answer));
    }
    return seen;
  }
});

function record(request: string, answer: Answer): Recorded {
  return {
    request,
    status: answer.status,
    reloadId: answer.headers.has('reload-id'),
    checksum: answer.headers.has('configuration-checksum'),
    keys: keysOf(answer.body),
  };
}

function keysOf(body: unknown): string[] {
  const value: unknown = Array.isArray(body) ? body[0] : body;
  return typeof value === 'object' && value !== null ? Object.keys(value).sort() : [];
}

function essence({ request, status, reloadId, checksum }: Recorded): string {
  return `${request} -> ${status}${reloadId ? ' reload' : ''}${checksum ? ' checksum' : ''}`;
}
