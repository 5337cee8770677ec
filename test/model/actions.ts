/** What may happen, as plain data: numbers pick among what there is by then, so any list of them can run. */

import fc from 'fast-check';

export const domains = [
  'h0.test',
  'h1.test',
  'h2.test',
  'h3.test',
  '*.w0.test',
  '*.w1.test',
  'a.w0.test',
] as const;
export const paths = ['/api', '/api/v2'] as const;
export const customBackends = ['shop0', 'shop1'] as const;

/** Each makes a service one that is skipped, whatever else its tags say. */
export const typos = [
  'maxconn=1k',
  'backend=costum',
  'check.type=htpp',
  'enable=ture',
  'load-balance=robin',
  'timeout.server=soon',
  'cookie=a b',
  'weight=heavy',
] as const;

export interface Routing {
  readonly domains: readonly string[];
  readonly path: string | undefined;
}

export interface NewModelService extends Routing {
  readonly check: 'http' | 'tcp' | 'none';
  readonly custom: string | undefined;
  readonly count: number;
  readonly typo: string | undefined;
}

export type Action =
  | {
      readonly kind: 'register';
      readonly job: number;
      readonly services: readonly NewModelService[];
    }
  | {
      readonly kind: 'deploy';
      readonly pick: number;
      readonly replaced: number;
      readonly routing: Routing | undefined;
    }
  | {
      readonly kind: 'canary';
      readonly pick: number;
      readonly count: number;
      readonly how: CanaryKind;
    }
  | { readonly kind: 'promote'; readonly pick: number }
  | { readonly kind: 'scale'; readonly pick: number; readonly count: number }
  | { readonly kind: 'stop'; readonly pick: number; readonly purge: boolean }
  | {
      readonly kind: 'crash';
      readonly pick: number;
      readonly which: number;
      readonly how: CrashKind;
    }
  | {
      readonly kind: 'retag';
      readonly pick: number;
      readonly routing: Routing;
      readonly check: NewModelService['check'];
    }
  | { readonly kind: 'claim'; readonly pick: number; readonly from: number }
  | { readonly kind: 'typo'; readonly pick: number; readonly typo: string }
  | { readonly kind: 'operator'; readonly edit: OperatorEdit; readonly pick: number }
  | { readonly kind: 'fault'; readonly what: FaultKind; readonly nth: number }
  | { readonly kind: 'restart'; readonly what: Restarted };

export type CanaryKind = 'plain' | 'weightless' | 'untagged';
export type CrashKind = 'failed' | 'replacedFirst' | 'sameAddress' | 'restarted';
export type OperatorEdit =
  'addBackend' | 'addRule' | 'addComment' | 'remove' | 'dropServer' | 'changeEntry' | 'dropEntry';
export type FaultKind = 'refused' | 'cut' | 'lostAnswer' | 'nomad500' | 'tornRead' | 'streamCut';
export type Restarted =
  'connector' | 'dataPlane' | 'reload' | 'otherWriter' | 'haproxy' | 'haproxyOnBase';

export interface Step {
  readonly action: Action;
  /** Waits for the connector and compares; else the next action follows at once. */
  readonly settle: boolean;
}

const pick = fc.nat(63);
const routing = fc.record({
  domains: fc.uniqueArray(fc.constantFrom(...domains), { minLength: 1, maxLength: 2 }),
  path: fc.option(fc.constantFrom(...paths), { nil: undefined, freq: 2 }),
});
const check = fc.constantFrom('http', 'tcp', 'none');
const service = fc
  .tuple(
    routing,
    fc.record({
      check,
      custom: fc.option(fc.constantFrom(...customBackends), { nil: undefined, freq: 1 }),
      count: fc.integer({ min: 0, max: 3 }),
      typo: fc.option(fc.constantFrom(...typos), { nil: undefined, freq: 1 }),
    }),
    fc.nat(3),
  )
  .map(([routes, rest, rare]): NewModelService => ({
    ...routes,
    ...rest,
    custom: rare === 0 ? rest.custom : undefined,
    typo: rare === 1 ? rest.typo : undefined,
  }));

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: of('register', {
      job: fc.nat(3),
      services: fc.array(service, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 4,
    arbitrary: of('deploy', {
      pick,
      replaced: fc.nat(3),
      routing: fc.option(routing, { nil: undefined, freq: 1 }),
    }),
  },
  {
    weight: 2,
    arbitrary: of('canary', {
      pick,
      count: fc.integer({ min: 1, max: 2 }),
      how: fc.constantFrom('plain', 'weightless', 'untagged'),
    }),
  },
  { weight: 2, arbitrary: of('promote', { pick }) },
  { weight: 4, arbitrary: of('scale', { pick, count: fc.integer({ min: 0, max: 6 }) }) },
  { weight: 2, arbitrary: of('stop', { pick, purge: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: of('crash', {
      pick,
      which: fc.nat(5),
      how: fc.constantFrom('failed', 'replacedFirst', 'sameAddress', 'restarted'),
    }),
  },
  { weight: 3, arbitrary: of('retag', { pick, routing, check }) },
  { weight: 2, arbitrary: of('claim', { pick, from: pick }) },
  { weight: 3, arbitrary: of('typo', { pick, typo: fc.constantFrom(...typos) }) },
  {
    weight: 4,
    arbitrary: of('operator', {
      edit: fc.constantFrom(
        'addBackend',
        'addRule',
        'addComment',
        'remove',
        'dropServer',
        'changeEntry',
        'dropEntry',
      ),
      pick,
    }),
  },
  {
    weight: 3,
    arbitrary: of('fault', {
      what: fc.constantFrom('refused', 'cut', 'lostAnswer', 'nomad500', 'tornRead', 'streamCut'),
      nth: fc.nat(6),
    }),
  },
  {
    weight: 4,
    arbitrary: of('restart', {
      what: fc.constantFrom(
        'connector',
        'dataPlane',
        'reload',
        'otherWriter',
        'haproxy',
        'haproxyOnBase',
      ),
    }),
  },
) as fc.Arbitrary<Action>;

function of(kind: Action['kind'], fields: Readonly<Record<string, fc.Arbitrary<unknown>>>) {
  return fc.record({ kind: fc.constant(kind), ...fields }, { noNullPrototype: true });
}

const step: fc.Arbitrary<Step> = fc.record(
  {
    action,
    settle: fc.oneof(
      { weight: 1, arbitrary: fc.constant(true) },
      { weight: 1, arbitrary: fc.constant(false) },
    ),
  },
  { noNullPrototype: true },
);

const job = fc.array(service, { minLength: 1, maxLength: 3 });

/** Begins with two jobs, so that there is something to change and to contest. */
export const steps: fc.Arbitrary<readonly Step[]> = fc
  .tuple(job, job, fc.array(step, { minLength: 4, maxLength: 10, size: 'max' }))
  .map(([first, second, others]) => [
    { action: { kind: 'register', job: 0, services: first }, settle: false } as const,
    { action: { kind: 'register', job: 1, services: second }, settle: true } as const,
    ...others,
  ]);
