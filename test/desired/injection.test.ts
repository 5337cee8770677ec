import { expect } from 'chai';
import fc from 'fast-check';

import type { Json } from '../../src/shared/json.js';
import { runs } from '../arbitraries/runs.js';
import { acceptedTagList, tagList } from './arbitraries.js';
import { checkSpec, desired, enabled, instance, service } from './given.js';

/** A word that haproxy.cfg reads as itself: plain, or quoted with nothing that means something. */
const word = /^(?:[A-Za-z0-9_.:;,=/@+*?&()|~^<>{}!-]+|'[ !#&-&(-[\]-~]*'|"[ !#&-[\]-~]*")$/;

const asked = String.raw`\{ req\.fhdr\([A-Za-z0-9_-]+\) -m (?:found|str [A-Za-z0-9][A-Za-z0-9._~-]*) \}`;
const condition = [
  'METH_GET|nomad_allowed',
  String.raw`\{ ssl_fc \}|\{ sc_(?:http_req|conn)_rate\(2\) gt \d+ \}`,
  String.raw`\{ var\(txn\.nomad_canary\) -m found \}`,
  `${asked}(?: !${asked})?`,
].join('|');

/** What the section itself writes, with no more than a path, an address or a number from a tag. */
const made: Readonly<Record<string, RegExp>> = {
  cond_test: new RegExp(`^(?:${condition})$`),
  target_server: /^%\[(?:var|str)\([A-Za-z0-9_.:-]+\)(?:,map\(<canaries>\))?\]$/,
  retry_on: /^conn-failure empty-response$/,
  path_match: /^\^\(\?:(?:[A-Za-z0-9_~/|-]|\\\.)+\)\(\?:\/\|\$\)\(\.\*\)$/,
  path_fmt: /^\/\\1$/,
  value: /^[0-9a-f.:/]+(?: [0-9a-f.:/]+)*$/,
  uri: /^\/[A-Za-z0-9._~!&()*+,;=:@?%/-]*$/,
};

/** One line: no control, format or bidirectional characters, and no space but U+0020. */
const oneLine = /^(?: |[^\p{Cc}\p{Cf}\p{Cs}\p{Z}\p{Default_Ignorable_Code_Point}\u2800])+$/u;

function strings(value: Json | undefined, key = ''): [string, string][] {
  if (typeof value === 'string') return [[key, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    strings(inner, Array.isArray(value) ? key : name),
  );
}

describe("values can't become configuration", () => {
  it('from tags, whatever they hold', () => {
    fc.assert(
      fc.property(fc.oneof(tagList, acceptedTagList), (tags) => {
        const state = desired([
          service('web', { instances: [instance({ tags: enabled(...tags) })] }),
        ]);
        for (const { name, section, serverFields } of state.backends) {
          expect(name).to.match(/^[A-Za-z0-9_.:-]+$/);
          for (const [key, text] of strings({ section, serverFields })) {
            expect(text, `${key} of ${JSON.stringify(tags)}`).to.match(made[key] ?? word);
          }
        }
        for (const { host, path = '', frontends } of state.routes) {
          expect(host).to.match(/^(?:[a-z0-9._^$|*+?()[\]{},:-]|\\[.dw])*$/);
          expect(path).to.match(/^[A-Za-z0-9._~/-]*$/);
          for (const frontend of frontends) expect(frontend).to.match(/^[A-Za-z0-9_.:-]+$/);
        }
        for (const { reason } of state.skipped) expect(reason).to.match(oneLine);
        for (const { message } of state.warnings) expect(message).to.match(oneLine);
      }),
      runs(1000),
    );
  });

  it('from checks of job specs, whatever they hold', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 10 }),
      fc.constantFrom('/ok', 'a b', "it's", '"', '%[src]', '\n  server x', '$HOME', 'a\\'),
    );
    const spec = fc.record({
      type: fc.constantFrom('http', 'HTTP', 'grpc', 'tcp', 'script', 'x'),
      name: text,
      path: text,
      method: text,
      grpcService: text,
      headers: fc.dictionary(text, fc.array(text, { maxLength: 2 }), { noNullPrototype: true }),
    });
    fc.assert(
      fc.property(spec, ({ type, ...given }) => {
        const instances = [instance({ checks: [checkSpec(type, given)] })];
        const state = desired([service('web', { instances })]);
        for (const [key, value] of strings({ section: state.backends[0]?.section })) {
          expect(value, key).to.match(made[key] ?? word);
        }
        for (const { message } of state.warnings) expect(message).to.match(oneLine);
      }),
      runs(1000),
    );
  });
});
