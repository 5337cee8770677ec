import equal from 'fast-deep-equal';

import { expectConfiguration, expectOk } from '../actual/answers.js';
import { isSectionStep, type StepOf } from '../diff/dispatch.js';
import { effectOf, type KindsOf } from '../diff/steps.js';
import type { TransactionStep } from '../diff/types.js';
import { connectorBackendName } from '../haproxy/names.js';
import { breathe, mapInSlices, runInSlices } from '../shared/slices.js';
import { ConnectorError } from '../shared/errors.js';
import { aborting, type ApplyContext, termOf } from './context.js';
import { type SectionContext, sectionJson } from './render/backend-json.js';
import { backendText } from './render/backend-text.js';
import { editSections, type Sections, sectionsOf } from './render/sections.js';
import { commitStructural, discard, execute, openTransaction } from './transaction.js';

/**
 * On each edit in a transaction the Data Plane API writes the whole file, so N edits beside N
 * backends cost O(N²). From this many backends on, their sections are edited as text.
 */
export const bulkFrom = 20;

type SectionStep = StepOf<KindsOf<'backend' | 'marker'>>;

/**
 * Writes all structural steps as one whole file with a forced reload, for passes that create, change
 * or remove many backends. We edit the sections of our backends in the file's text. Whatever else
 * there is to do, and a section that we can't say, is done by the Data Plane API in a transaction
 * that is never committed (`GET /configuration/raw?transaction_id=`), and its file is what we edit.
 * If another writer commits in between, the write is a conflict (`POST
 * /configuration/raw?version=`). Returns the backends whose sections were edited as text.
 */
export async function commitBulk(
  context: ApplyContext,
  version: number,
  steps: readonly TransactionStep[],
  beforeCommit: () => Promise<void>,
): Promise<readonly string[]> {
  const edited = await edit(context, version, steps);
  if (edited === undefined) {
    await commitStructural(context, version, steps, beforeCommit);
    return [];
  }
  await beforeCommit();
  const response = await context.client.send('POST', '/configuration/raw', {
    text: edited.text,
    query: { force_reload: true, version },
    ...aborting(context),
  });
  expectOk(response, 'commit');
  return edited.backends;
}

interface Edited {
  readonly text: string;
  readonly backends: readonly string[];
}

/** The file with these steps. Undefined if that takes the Data Plane API as many edits as it has. */
async function edit(
  context: ApplyContext,
  version: number,
  steps: readonly TransactionStep[],
): Promise<Edited | undefined> {
  const current = await readText(context, version);
  const textOf = textMaker(context, version);
  await breathe();
  const standing = sectionsOf(current);
  const own = await ownSteps(context, steps, standing, textOf);
  if (own.length < bulkFrom) return undefined;
  const asText: ReadonlySet<TransactionStep> = new Set(own);
  const others = steps.filter((step) => !asText.has(step));
  const base = others.length === 0 ? current : await render(context, version, others);
  await breathe();
  const sections = base === current ? standing : sectionsOf(base);
  const from = fromOf(sections, context);
  // Neither happens in a file as the Data Plane API writes it.
  if (from === undefined || (await ownSteps(context, own, sections, textOf)).length < own.length)
    return undefined;
  const edits = await runInSlices(
    mapInSlices(own, (step) => [nameOf(step, context), textOf(step, from) ?? ''] as const),
  );
  await breathe();
  const text = editSections(base, sections, new Map(edits));
  await breathe();
  return { text, backends: edits.map(([name]) => name) };
}

/** Never a file that is older or newer than the plan. */
async function readText(context: ApplyContext, version: number): Promise<string> {
  const raw = await context.client.get('/configuration/raw', aborting(context));
  const text = expectConfiguration(raw, 'read the configuration');
  if (raw.version === version) return text;
  const message = `the configuration is at v${raw.version ?? '?'}, not v${version}`;
  throw new ConnectorError('haproxy-conflict', message);
}

/** The steps that can be done by editing the text with these sections. */
async function ownSteps(
  context: ApplyContext,
  steps: readonly TransactionStep[],
  sections: Sections,
  textOf: TextOf,
): Promise<readonly SectionStep[]> {
  const misread = new Set(context.misread);
  const from = fromOf(sections, context);
  const isOwn = (step: SectionStep): boolean => {
    const name = nameOf(step, context);
    if (misread.has(name) || !isWhereExpected(step, name, sections)) return false;
    // An edit by the Data Plane API, which is the marker's then, names the defaults sections.
    if (from === undefined && step.kind === 'set-marker') return false;
    return textOf(step, from ?? {}) !== undefined;
  };
  const candidates = steps.filter(isSectionStep);
  const own = await runInSlices(mapInSlices(candidates, isOwn));
  return candidates.filter((_, at) => own[at] === true);
}

function isWhereExpected(step: SectionStep, name: string, { backends }: Sections): boolean {
  const isNew = step.kind === 'set-marker' ? !step.exists : effectOf(step.kind) === 'create';
  return isNew ? !backends.has(name) : backends.get(name) !== undefined;
}

function nameOf(step: SectionStep, { settings }: ApplyContext): string {
  return step.kind === 'set-marker'
    ? connectorBackendName(settings.ownership.prefix)
    : step.backend;
}

/** `''` for a removal; undefined if we can't say it. */
type TextOf = (step: SectionStep, from: SectionContext['from']) => string | undefined;

interface Said {
  readonly from: SectionContext['from'];
  readonly text: string | undefined;
}

/** A step's text is asked for up to three times, and made once for the same defaults. */
function textMaker(context: ApplyContext, version: number): TextOf {
  const { settings } = context;
  const said = new Map<SectionStep, Said>();
  return (step, from) => {
    if (step.kind === 'delete-backend') return '';
    const before = said.get(step);
    if (before !== undefined && equal(before.from, from)) return before.text;
    const say = { generation: version + 1, from, ...termOf(context) };
    const text = backendText(sectionJson(step, say, settings));
    said.set(step, { from, text });
    return text;
  };
}

/** How a section says its defaults; undefined if they have no name and are not the only ones. */
function fromOf(
  { defaults }: Sections,
  { actual }: ApplyContext,
): SectionContext['from'] | undefined {
  if (actual.defaults === undefined) return {};
  if (defaults.includes(actual.defaults)) return { from: actual.defaults };
  return defaults.length === 1 && defaults[0] === '' ? {} : undefined;
}

/** Renders the whole file with these steps. Nothing is committed. */
async function render(
  context: ApplyContext,
  version: number,
  steps: readonly TransactionStep[],
): Promise<string> {
  const tx = await openTransaction(context, version);
  try {
    await execute(tx, steps, context.settings);
    const raw = await context.client.get('/configuration/raw', {
      query: { transaction_id: tx.id },
      ...aborting(context),
    });
    return expectConfiguration(raw, 'read a transaction');
  } finally {
    await discard(context, tx.id);
  }
}
