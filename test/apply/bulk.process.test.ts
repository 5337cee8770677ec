import { expect } from 'chai';
import fc from 'fast-check';
import { after, before } from 'mocha';

import { startStack, type Stack } from '../../fixtures/stack.js';
import { createDataPlaneWriter, type DataPlaneWriter } from '../../src/actual/dataplane-client.js';
import { type ActualReader, createActualReader } from '../../src/actual/reader.js';
import { bulkFrom, commitBulk } from '../../src/apply/bulk.js';
import type { ApplyContext } from '../../src/apply/context.js';
import { commitStructural } from '../../src/apply/transaction.js';
import { withCanaryMap } from '../../src/desired/canary.js';
import type { PlannedSlot, TransactionStep } from '../../src/diff/types.js';
import { type JsonObject, textAt } from '../../src/shared/json.js';
import { acceptedTagList } from '../desired/arbitraries.js';
import { desired, enabled, instance, service } from '../desired/given.js';

const runs = 2 * Number(process.env['PROPERTY_RUNS'] ?? 1);
const firstSeed = Number(process.env['FC_SEED'] ?? 1);

interface State {
  readonly backends: readonly JsonObject[];
  readonly frontends: readonly JsonObject[];
}

/** ADR 0009: what the Data Plane API writes, and what we write as text. */
describe('many backends at once', function () {
  this.timeout(120_000);
  let stack: Stack;
  let client: DataPlaneWriter;
  let reader: ActualReader;

  before(async () => {
    stack = await startStack();
    const [target] = stack.settings.targets;
    if (target === undefined) throw new Error('no target');
    client = createDataPlaneWriter(target);
    reader = createActualReader(client, stack.settings);
  });
  after(() => stack.close());

  const context = async (): Promise<ApplyContext> => ({
    client,
    settings: stack.settings,
    actual: await reader.read({ full: true }),
  });

  const post = async (text: string): Promise<void> => {
    const { version = 0 } = await client.get('/configuration/raw');
    const query = { force_reload: true, version };
    const { status, body } = await client.send('POST', '/configuration/raw', { text, query });
    expect(status, JSON.stringify(body)).to.be.oneOf([200, 201, 202]);
  };

  const commit = async (
    steps: readonly TransactionStep[],
    how: typeof commitBulk | typeof commitStructural,
  ): Promise<readonly string[]> => {
    const here = await context();
    const asText = await how(here, here.actual.configVersion, steps, async () => {});
    return asText ?? [];
  };

  const state = async (): Promise<State> => {
    const read = async (kind: string): Promise<JsonObject[]> => {
      const query = { full_section: true };
      const { body } = await client.get(`/configuration/${kind}`, { query });
      return (body as JsonObject[]).map(withoutGeneration).sort(byName);
    };
    return { backends: await read('backends'), frontends: await read('frontends') };
  };

  it('are the same whether they are edited in a transaction or as text', async () => {
    const start = await stack.configuration();
    for (let run = 0; run < runs; run++) {
      const given = scenario(firstSeed + run);
      await post(start);
      await commit(given.before, commitStructural);
      const standing = await stack.configuration();
      await commit(given.steps, commitStructural);
      const edited = await state();

      await post(standing);
      const asText = await commit(given.steps, commitBulk);
      expect(asText.length, `seed ${firstSeed + run}`).to.be.at.least(bulkFrom);
      expect(await state(), `seed ${firstSeed + run}`).to.deep.equal(edited);

      // Whatever the Data Plane API writes next leaves them as they are.
      await commit([theirs], commitStructural);
      const { backends } = await state();
      expect(
        backends.filter(({ name }) => name !== theirs.backend),
        `seed ${firstSeed + run}`,
      ).to.deep.equal(edited.backends);
    }
  });
});

function withoutGeneration(section: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(section).replace(/_g\d+-/g, '_g-')) as JsonObject;
}

function byName(a: JsonObject, b: JsonObject): number {
  return textAt(a, 'name') < textAt(b, 'name') ? -1 : 1;
}

const theirs = {
  kind: 'create-backend',
  route: 'transaction',
  reload: 'new-backend',
  reason: 'another',
  backend: 'nomad_another',
  service: 'default/another',
  section: { mode: 'http' },
  slots: [],
  summary: '',
} as const;

/** Backends that stand, and steps that change, remove and create some. */
function scenario(seed: number) {
  const lists = fc.sample(acceptedTagList, { seed, numRuns: 70 });
  const { backends } = desired(
    lists.map((tags, at) =>
      service(`s${at}`, { instances: [instance({ tags: enabled(...tags) })] }),
    ),
  );
  const sections = backends
    .filter(({ kind }) => kind === 'dynamic')
    .map(({ name, section }) => ({ name, section: withCanaryMap(section, '/dev/null') }));
  const third = Math.floor(sections.length / 3);
  const [standing, fresh] = [sections.slice(0, 2 * third), sections.slice(2 * third)];
  const [changed, removed] = [standing.slice(0, third), standing.slice(third)];
  const facts = { route: 'transaction', reason: '', summary: '' } as const;
  const write = (name: string, section: JsonObject, count: number) => ({
    ...{ ...facts, backend: name, service: `default/${name}`, section },
    slots: Array.from({ length: count }, (_, at) => slot(name, at + 1)),
  });
  const create = (name: string, section: JsonObject, count: number): TransactionStep => ({
    ...write(name, section, count),
    ...{ kind: 'create-backend', reload: 'new-backend' },
  });
  const rule = { name: 'operator_api', cond: 'if', cond_test: '{ path /new }' };
  const before: TransactionStep[] = standing.map(({ name, section }) => create(name, section, 2));
  const steps: TransactionStep[] = [
    ...changed.map(({ name }, at): TransactionStep => {
      const section = changed[(at + 1) % changed.length]?.section ?? {};
      const more = { kind: 'replace-backend', reload: 'changed-backend' } as const;
      return { ...write(name, section, 1 + (at % 4)), ...more, before: [], changes: ['any'] };
    }),
    ...fresh.map(({ name, section }, at) => create(name, section, at % 3)),
    ...removed.map(({ name: backend }): TransactionStep => {
      const more = { kind: 'delete-backend', reload: 'removed-backend' } as const;
      return { ...facts, ...more, backend, service: '', before: [] };
    }),
    ...(seed % 2 === 0 ? [] : [insertion(rule)]),
    { ...facts, kind: 'set-marker', reload: 'generation', hash: 'a1b2c3d4e5f6', exists: false },
  ];
  return { before, steps };
}

function insertion(rule: JsonObject): TransactionStep {
  return {
    ...{ kind: 'insert-rule', route: 'transaction', reload: 'routing-rules', reason: '' },
    ...{ frontend: 'http_front', list: 'backend_switching_rules', index: 0, rule },
  };
}

function slot(backend: string, number: number): PlannedSlot {
  const service = `default/${backend}`;
  const name = `${backend}_${number}`;
  const free = { address: '127.0.0.1', port: 9, disabled: true, weight: 100 };
  if (number % 2 === 0) return { name, service, config: free, admin: 'maint' };
  const config = { address: '::1', port: 80 + number, disabled: false, weight: number };
  const binding = { id: `_nomad-task-${name}`, createIndex: number, job: 'a job "<&>"' };
  return {
    ...{ name, service, binding, admin: 'ready' },
    config: number % 3 === 0 ? { ...config, checkPort: 9000 } : config,
  };
}
