import { expect } from 'chai';
import fc from 'fast-check';
import { after, afterEach, before } from 'mocha';

import { startStack, type Stack } from '../../fixtures/stack.js';
import {
  createDataPlaneWriter,
  type DataPlaneResponse,
  type DataPlaneWriter,
} from '../../src/actual/dataplane-client.js';
import { createActualReader } from '../../src/actual/reader.js';
import type { ActualState } from '../../src/actual/types.js';
import { runs } from '../arbitraries/runs.js';

/** What a section may be: ours, a neighbour's, the operator's. */
const mark = (service: string) => `# {"nomad-connector":{"service":"${service}"}}`;
const bodies: Readonly<Record<string, (port: number) => string>> = {
  nomad_a: (port) => `  server nomad_a_1 127.0.0.1:${port} disabled ${mark('default/a')}\n`,
  nomad_b: (port) =>
    `  retries ${(port % 9) + 1}\n  server nomad_b_1 127.0.0.1:${port} ${mark('default/b')}\n`,
  nomad__connector: (port) =>
    `  server nomad__g${port}-0511bc62e748 127.0.0.1:9 disabled # {"nomad-connector":{"service":"connector","nomad":${port}}}\n`,
  edge__connector: (port) =>
    `  server edge__g${port}-0511bc62e748 127.0.0.1:9 disabled # {"nomad-connector":{"service":"connector"}}\n`,
  theirs: (port) => `  server s1 127.0.0.1:${port} weight ${port % 100}\n`,
};

type Ports = Readonly<Record<string, number | undefined>>;

function sectionsOf(ports: Ports): string {
  return Object.entries(ports)
    .flatMap(([name, port]) =>
      port === undefined ? [] : [`\nbackend ${name}\n  mode http\n${bodies[name]?.(port) ?? ''}`],
    )
    .join('');
}

const port = fc.option(fc.integer({ min: 2000, max: 2003 }), { nil: undefined, freq: 3 });
const somePorts: fc.Arbitrary<Ports> = fc.record(
  Object.fromEntries(Object.keys(bodies).map((name) => [name, port])),
);

describe('a read of the backends that changed', function () {
  this.timeout(120_000);
  let stack: Stack;
  let client: DataPlaneWriter;
  /** As the Data Plane API writes the file. */
  let base: string;
  const asked: string[] = [];
  /** Answers of another moment. */
  let replayed: ((path: string) => DataPlaneResponse | undefined) | undefined;

  before(async () => {
    stack = await startStack();
    const [target] = stack.settings.targets;
    if (target === undefined) throw new Error('no target');
    const writer = createDataPlaneWriter(target);
    client = {
      ...writer,
      get: async (path, options) => {
        asked.push(path);
        return replayed?.(path) ?? writer.get(path, options);
      },
    };
    await post(await stack.configuration());
    base = await stack.configuration();
  });
  after(() => stack.close());
  afterEach(() => (replayed = undefined));

  const fullSection = { query: { full_section: true } };

  const post = async (text: string): Promise<void> => {
    const { version = 0 } = await client.get('/configuration/raw');
    const query = { skip_reload: true, version };
    const { status, body } = await client.send('POST', '/configuration/raw', { text, query });
    expect(status, JSON.stringify(body)).to.be.oneOf([200, 201, 202]);
  };

  it('gives the same as one of all', async () => {
    const reader = createActualReader(client, stack.settings);
    await reader.read();
    await fc.assert(
      fc.asyncProperty(somePorts, fc.boolean(), async (ports, changesFront) => {
        const own = changesFront ? base.replace('maxconn 4000', 'maxconn 3999') : base;
        await post(own + sectionsOf(ports));
        const some = await reader.read();
        const all = await createActualReader(client, stack.settings).read();
        expect(plain(some)).to.deep.equal(plain(all));
      }),
      runs(30),
    );
  });

  for (const [when, knowsBefore] of [
    ['in the middle of', true],
    ['before the first of', false],
  ] as const) {
    it(`finds an edit by hand that the Data Plane API had not noticed ${when} its reads`, async () => {
      await post(base + sectionsOf({ nomad_a: 2000, theirs: 2001 }));
      const before = await stack.configuration();
      const edited = before.replace(':2000 ', ':2002 ');
      const reader = createActualReader(client, stack.settings);
      if (knowsBefore) await reader.read();
      // The file as it is at once, and the sections as they were.
      const paths = ['/configuration/backends', '/configuration/backends/nomad_a'];
      const answers = await Promise.all(
        paths.map(async (path) => [path, await client.get(path, fullSection)] as const),
      );
      const raw = await client.get('/configuration/raw');
      const old = new Map([
        ...answers,
        ['/configuration/raw', { ...raw, body: edited, checksum: 'another' }],
      ] as const);
      replayed = (path) => old.get(path);
      expect((await reader.read()).raw).to.equal(edited);
      replayed = undefined;
      // As when it notices: the same text, of the next version.
      await post(edited);
      const [server] = (await reader.read()).backends['nomad_a']?.slots ?? [];
      expect(server?.config.port).to.equal(2002);
    });
  }

  it('asks for those alone', async () => {
    const reader = createActualReader(client, stack.settings);
    await post(base + sectionsOf({ nomad_a: 2000, theirs: 2001 }));
    await reader.read();
    await post(base + sectionsOf({ nomad_a: 2002, theirs: 2001 }));
    asked.length = 0;
    await reader.read();
    expect(asked.filter((path) => path.startsWith('/configuration'))).to.deep.equal([
      '/configuration/raw',
      '/configuration/backends/nomad_a',
    ]);
    asked.length = 0;
    await reader.read({ full: true });
    expect(asked).to.include('/configuration/backends');
  });
});

/** The process doesn't load these texts, and each has a version of its own. */
function plain({ backends, frontends, marker, neighbours, global, defaults }: ActualState) {
  return { backends, frontends, marker, neighbours, global, defaults };
}
