import { expect } from 'chai';
import fc from 'fast-check';

import { formatAddress } from '../../src/haproxy/addresses.js';
import { markOf } from '../../src/haproxy/ownership.js';
import { editServerLines } from '../../src/apply/render/server-line.js';
import type { PlannedSlot } from '../../src/diff/types.js';
import { idOf } from '../diff/given.js';

const file = `# _version=57
# Written by hand, "quoted"   and 'so on' # twice

global
  stats socket /run/haproxy.sock level admin	# a tab

defaults
  mode http

frontend http_front
  bind :80
  http-request set-header X-A "server nomad_web_1 10.0.0.1:80 # no"

backend nomad_web # {"nomad-connector":{"service":"default/web"}}
  mode http
  # server nomad_web_1 was here
  default-server check inter 10s
  server nomad_web_1 127.0.0.1:9 disabled weight 100 # {"nomad-connector":{"service":"default/web"}}
  server nomad_web_2 10.0.0.2:80 enabled weight 100 port 8080 check-sni "a # b"  maxconn 7 # {}

backend other
  server nomad_web_1 10.1.1.1:80 check   port 99

listen nomad_web
  server nomad_web_1 10.2.2.2:80
`;

function planned(given: Partial<PlannedSlot> = {}): PlannedSlot {
  return {
    name: 'nomad_web_1',
    service: 'default/web',
    binding: { id: idOf('a'), createIndex: 100 },
    config: { address: '10.0.0.7', port: 21_344, disabled: false, weight: 20, checkPort: 9000 },
    admin: 'ready',
    ...given,
  };
}

function edit(text: string, ...slots: readonly PlannedSlot[]): string {
  return editServerLines(
    text,
    slots.map((slot) => ({ backend: 'nomad_web', slot })),
  );
}

/** Numbers and texts of the lines that differ. */
function changedLines(before: string, after: string): [number, string][] {
  const old = before.split('\n');
  const lines = after.split('\n');
  expect(lines.length).to.equal(old.length);
  return lines.flatMap((line, at): [number, string][] => (line === old[at] ? [] : [[at, line]]));
}

describe('server lines: the file is edited, never written again', () => {
  it("changes one slot's line, and nothing else", () => {
    expect(changedLines(file, edit(file, planned()))).to.deep.equal([
      [
        17,
        '  server nomad_web_1 10.0.0.7:21344 enabled weight 20 port 9000 ' +
          `# {"nomad-connector":{"service":"default/web","id":"${idOf('a')}","index":100}}`,
      ],
    ]);
  });

  it('leaves other parameters of the line where they stand, quotes and all', () => {
    const [[, line] = [0, '']] = changedLines(file, edit(file, planned({ name: 'nomad_web_2' })));
    expect(line).to.contain('enabled weight 20 port 9000 check-sni "a # b" maxconn 7 # {"nomad');
  });

  it('takes a check port away that is no longer wanted', () => {
    const { checkPort: _, ...config } = planned().config;
    const [[, line] = [0, '']] = changedLines(
      file,
      edit(file, planned({ name: 'nomad_web_2', config })),
    );
    expect(line).not.to.contain('port 8080');
  });

  it('a free slot has no instance in its metadata, and is disabled', () => {
    const { binding: _, ...free } = planned();
    const config = { address: '127.0.0.1', port: 9, disabled: true, weight: 100 };
    const [[, line] = [0, '']] = changedLines(
      file,
      edit(file, { ...free, name: 'nomad_web_2', config, admin: 'maint' }),
    );
    expect(
      line.startsWith('  server nomad_web_2 127.0.0.1:9 disabled weight 100 check-sni'),
    ).to.equal(true);
    expect(line.endsWith('# {"nomad-connector":{"service":"default/web"}}')).to.equal(true);
  });

  it('writes IPv6 addresses in brackets', () => {
    const config = { ...planned().config, address: '2001:db8::1' };
    expect(edit(file, planned({ config }))).to.contain('server nomad_web_1 [2001:db8::1]:21344 ');
    expect(formatAddress('::1', 80)).to.equal('[::1]:80');
    expect(formatAddress('10.0.0.1', 80)).to.equal('10.0.0.1:80');
  });

  it('refuses a file in which a slot is missing', () => {
    expect(() => edit(file, planned({ name: 'nomad_web_3' }))).to.throw(
      'no server line for nomad_web nomad_web_3',
    );
  });

  it('two edits at once', () => {
    const after = edit(file, planned(), planned({ name: 'nomad_web_2' }));
    expect(changedLines(file, after).map(([at]) => at)).to.deep.equal([17, 18]);
  });

  describe('laws, over files of many shapes', () => {
    const comment = fc.stringMatching(/^ {0,3}# [ -~]{0,20}$/);
    const quoted = fc
      .stringMatching(/^[ !#-[\]-~]{0,15}$/)
      .map((text) => `  http-request set-header X-A "${text}"`);
    const plain = fc.constantFrom(
      '',
      '  ',
      '\t',
      '  mode http',
      '  option redispatch 1',
      '  default-server check inter 10s',
      '  server-template srv 1-3 10.0.0.1:80',
      '  use-server nomad_web_1 if TRUE',
    );
    const theirServer = fc
      .tuple(fc.constantFrom('s1', 'web_1', 'nomad_web_10', 'nomad_webx_1'), fc.nat(9))
      .map(([name, number]) => `  server ${name} 10.0.0.${number}:80  check  # ${number}`);
    const ourServer = fc
      .tuple(fc.constantFrom(1, 2, 3), fc.constantFrom('', ' check', ' port 80', ' # {"a":1}'))
      .map(([number, more]) => `  server nomad_web_${number} 10.0.0.1:80${more}`);
    const body = fc.array(fc.oneof(comment, quoted, plain, theirServer), { maxLength: 4 });
    const head = fc.constantFrom(
      ...['global', 'defaults', 'frontend f', 'backend nomad_web2', 'backend other # mine'],
      ...['listen nomad_web', 'peers p', 'backend  x', 'resolvers r', 'cache c'],
    );
    const otherSection = fc
      .tuple(head, body, fc.array(ourServer, { maxLength: 2 }), body)
      .map(([first, before, servers, after]) => [first, ...before, ...servers, ...after]);
    const ourSection = fc
      .tuple(
        fc.constantFrom('backend nomad_web', 'backend nomad_web # {"m":1}'),
        body,
        body,
        ourServer,
      )
      .map(([first, before, after, line]) => [
        ...[first, ...before],
        line.replace(/nomad_web_\d/, 'nomad_web_1'),
        ...after,
      ]);
    const someFile = fc
      .tuple(
        fc.array(otherSection, { maxLength: 3 }),
        ourSection,
        fc.array(otherSection, { maxLength: 3 }),
      )
      .map(([before, own, after]) => ({
        text: [...before.flat(), ...own, ...after.flat(), ''].join('\n'),
        from: before.flat().length,
        to: before.flat().length + own.length,
      }));
    const someSlot = fc
      .record(
        {
          address: fc.oneof(fc.ipV4(), fc.ipV6()),
          port: fc.integer({ min: 1, max: 65_535 }),
          disabled: fc.boolean(),
          weight: fc.nat(256),
          checkPort: fc.integer({ min: 1, max: 65_535 }),
        },
        { noNullPrototype: true, requiredKeys: ['address', 'port', 'disabled', 'weight'] },
      )
      .map((config) => planned({ config }));

    it('one line changes, in our backend; every other is the same to the byte', () => {
      fc.assert(
        fc.property(someFile, someSlot, ({ text, from, to }, slot) => {
          const changed = changedLines(text, edit(text, slot));
          expect(changed.length).to.be.lessThanOrEqual(1);
          for (const [at, line] of changed) {
            expect(at).to.be.within(from, to - 1);
            expect(line).to.match(/^\s+server nomad_web_1 /);
          }
        }),
      );
    });

    it('the same edit again changes nothing', () => {
      fc.assert(
        fc.property(someFile, someSlot, ({ text }, slot) => {
          const once = edit(text, slot);
          expect(edit(once, slot)).to.equal(once);
        }),
      );
    });

    it('what was written last is what stands there', () => {
      fc.assert(
        fc.property(someFile, someSlot, someSlot, ({ text }, first, second) => {
          expect(edit(edit(text, first), second)).to.equal(edit(text, second));
        }),
      );
    });

    it('the metadata is JSON on one line, whatever the id', () => {
      fc.assert(
        fc.property(someFile, fc.string({ unit: 'binary' }), ({ text }, id) => {
          const slot = planned({ binding: { id, createIndex: 1, drainingSince: 2 } });
          const [[, line] = [0, '']] = changedLines(text, edit(text, slot));
          const json: unknown = JSON.parse(line.slice(line.indexOf(' # ') + 3));
          const { service, binding } = slot;
          expect(json).to.deep.equal(markOf({ service, ...(binding && { binding }) }));
        }),
      );
    });
  });
});
