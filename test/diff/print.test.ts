import { expect } from 'chai';
import fc from 'fast-check';

import type { DesiredState } from '../../src/desired/types.js';
import { planLines } from '../../src/diff/print/lines.js';
import { plan as makePlan } from '../../src/diff/plan/plan.js';
import { planDocument, printPlan, reloadsOf } from '../../src/diff/print/print.js';
import type { Plan } from '../../src/diff/types.js';
import { inputOf, someWorld } from '../arbitraries/world.js';
import {
  actualState,
  allocations,
  backend,
  catalog,
  checkedSection,
  desiredState,
  endpoint,
  input,
  planFor,
  route,
  withSettings,
} from './given.js';
import { applyToModel, converge, idleSlots } from './model.js';

const web = backend('web', {
  endpoints: [
    endpoint('a', { address: '10.0.0.8', port: 20_333 }),
    endpoint('b', { address: '10.0.0.9', port: 20_100 }),
  ],
});
const before = converge(input(desiredState([web]), actualState()));
const actual = { ...before, configVersion: 57 };

const shop = {
  service: 'default/shop',
  code: 'domain-claimed',
  reason: 'domain x.io belongs to web',
} as const;

/** `a` leaves, `b` weighs less, `api` is new, `shop` is skipped. */
const sample: DesiredState = desiredState(
  [
    backend('api', { endpoints: [endpoint('c', { address: '10.0.0.7', port: 21_344 })] }),
    {
      ...web,
      endpoints: web.endpoints
        .filter(({ address }) => address === '10.0.0.9')
        .map((one) => ({ ...one, weight: 20 })),
    },
  ],
  [],
  { skipped: [shop] },
);
const roomy = withSettings({ slots: { spareMin: 3 } });

function lines(plan: Plan): string[] {
  return printPlan(plan).split('\n');
}

describe('the printed plan', () => {
  it('reads like the sample in the documentation, to the column', () => {
    // As many slots as there are, so that the old backend's size stays.
    const plan = planFor(sample, actual, { settings: roomy });
    expect(printPlan(plan)).to.equal(
      [
        'HAProxy http://127.0.0.1:5555 (config v57, Nomad index 8812)',
        '  + backend nomad_api              default/api',
        '      + server 10.0.0.7:21344      check GET /health every 10s; alloc 00000000, job api',
        '  ~ backend nomad_web              default/web',
        '      ~ server 10.0.0.9:20100      weight 100 -> 20; alloc 00000000, job web',
        '      - server 10.0.0.8:20333      drain, then free its slot; alloc 00000000, job web',
        '  ! service shop skipped: domain x.io belongs to web',
        'Plan: 2 to add, 1 to change, 1 to remove, 1 skipped. Reload: yes (new backend nomad_api).',
        '',
      ].join('\n'),
    );
  });

  it('says no changes when there are none, and nothing else', () => {
    const plan = planFor(desiredState([web]), actual);
    expect(printPlan(plan)).to.equal(
      'HAProxy http://127.0.0.1:5555 (config v57, Nomad index 8812)\nNo changes.\n',
    );
  });

  it('says that nothing reloads where endpoints alone change', () => {
    const one = desiredState([{ ...web, endpoints: web.endpoints.slice(1) }]);
    expect(lines(planFor(one, actual)).at(-2)).to.equal(
      'Plan: 0 to add, 0 to change, 1 to remove. Reload: no.',
    );
  });

  it('names the first reason of a reload, and how many more there are', () => {
    const two = desiredState([backend('api'), backend('db'), web]);
    expect(lines(planFor(two, actual)).at(-2)).to.contain(
      'Reload: yes (new backend nomad_api and ',
    );
  });

  it('says what changes in a backend', () => {
    const section = { ...checkedSection, adv_check: 'httpchk' };
    const changed = desiredState([{ ...web, section }]);
    expect(lines(planFor(changed, actual)).slice(1)).to.deep.equal([
      '  ~ backend nomad_web              default/web: adv_check: none -> httpchk',
      'Plan: 0 to add, 1 to change, 0 to remove. Reload: yes (changed backend nomad_web).',
      '',
    ]);
  });

  it('says what goes with a backend', () => {
    const stopped = allocations({ a: { desiredStatus: 'stop' }, b: { desiredStatus: 'stop' } });
    const plan = planFor(desiredState(), actual, { catalog: catalog({ allocations: stopped }) });
    expect(lines(plan).slice(1)).to.deep.equal([
      '  - backend nomad_web              default/web',
      '      - server 10.0.0.8:20333      alloc 00000000, job web',
      '      - server 10.0.0.9:20100      alloc 00000000, job web',
      'Plan: 0 to add, 0 to change, 3 to remove. Reload: yes (removed backend nomad_web).',
      '',
    ]);
  });

  it('says what the guard holds', () => {
    const text = printPlan(planFor(desiredState(), actual));
    expect(text).to.contain(
      '  ! held: removal of 2 servers and 1 backends: too much would go at once\n' +
        'Plan: 0 to add, 0 to change, 0 to remove, removals held. Reload: no.\n',
    );
  });

  it('an instance that was restarted in place is a change that can be seen', () => {
    const restarted = web.endpoints.map((one) => ({ ...one, createIndex: 130 }));
    const plan = planFor(desiredState([{ ...web, endpoints: restarted }]), actual);
    expect(lines(plan).filter((line) => line.includes('its instance restarted'))).to.have.length(2);
  });

  it('keeps its columns where a name is long', () => {
    const name = 'a-service-with-a-rather-long-name';
    const plan = planFor(
      desiredState([backend(name, { endpoints: [endpoint('a')] }), web]),
      actual,
    );
    expect(lines(plan).slice(1, 3)).to.deep.equal([
      `  + backend nomad_${name}  default/${name}`,
      '      + server 10.0.0.1:20097                        check GET /health every 10s; ' +
        `alloc 00000000, job ${name}`,
    ]);
  });

  it('names the job where it is not the service, and no instance of a route file', () => {
    const [db, file] = [
      backend('db', { endpoints: [endpoint('a', { job: 'postgres' })] }),
      backend('f', { service: 'file:f', endpoints: [endpoint('b', { id: '10.0.0.1:80' })] }),
    ];
    const text = printPlan(planFor(desiredState([db, file, web]), actual));
    expect(text).to.match(/server 10\.0\.0\.1:20097 .* every 10s; alloc 00000000, job postgres\n/);
    expect(text).to.match(/server 10\.0\.0\.1:20098 .* every 10s\n/);
  });

  it('writes IPv6 addresses in brackets', () => {
    const six = [endpoint('a', { address: '2001:db8::1', port: 80 })];
    const plan = planFor(desiredState([backend('api', { endpoints: six }), web]), actual);
    expect(printPlan(plan)).to.contain('+ server [2001:db8::1]:80 ');
  });

  it('names the namespace where it is not the default', () => {
    const plan = planFor(
      desiredState([web], [], { skipped: [{ ...shop, service: 'eu/shop' }] }),
      actual,
    );
    expect(printPlan(plan)).to.contain('  ! service eu/shop skipped: ');
  });

  it('is painted line by line, by sign', () => {
    const painted = printPlan(planFor(sample, actual, { settings: roomy }), (sign, text) => {
      return `<${sign}>${text}`;
    });
    expect(painted.split('\n').map((line) => /^<.>/.exec(line)?.[0] ?? '')).to.deep.equal([
      ...['', '<+>', '<+>', '<~>', '<~>', '<->', '<!>', '', ''],
    ]);
  });

  describe('as JSON', () => {
    it('has the same content, with stable keys', () => {
      const json = planDocument(planFor(sample, actual, { settings: roomy }));
      expect(json).to.deep.equal({
        format_version: 1,
        haproxy: 'http://127.0.0.1:5555',
        configVersion: 57,
        nomadIndex: 8812,
        changes: [
          { action: 'add', subject: 'backend nomad_api', detail: 'default/api' },
          {
            action: 'add',
            within: 'backend nomad_api',
            subject: 'server 10.0.0.7:21344',
            detail: 'check GET /health every 10s; alloc 00000000, job api',
          },
          {
            action: 'change',
            within: 'backend nomad_web',
            subject: 'server 10.0.0.9:20100',
            detail: 'weight 100 -> 20; alloc 00000000, job web',
          },
          {
            action: 'remove',
            within: 'backend nomad_web',
            subject: 'server 10.0.0.8:20333',
            detail: 'drain, then free its slot; alloc 00000000, job web',
          },
        ],
        skipped: [shop],
        held: null,
        problems: [],
        reloads: [{ reason: 'new backend nomad_api', code: 'new-backend' }],
        noChanges: false,
      });
    });

    it('says so where there is nothing to do', () => {
      const json = planDocument(planFor(desiredState([web]), actual));
      expect(json).to.deep.include({ noChanges: true, changes: [], reloads: [] });
    });
  });

  describe('laws', () => {
    const lastLine =
      /^(No changes\.|Plan: (\d+) to add, (\d+) to change, (\d+) to remove(, \d+ skipped)?(, removals held)?\. Reload: (no|yes \(.+\))\.)$/;
    const someplan = someWorld.map(({ desired, actual: state, settings }) =>
      makePlan({ ...inputOf(desired, state, settings), idle: idleSlots(state) }),
    );

    it('the last line is always there, and says whether there is anything to do', () => {
      fc.assert(
        fc.property(someplan, (plan) => {
          const last = lines(plan).at(-2) ?? '';
          expect(last).to.match(lastLine);
          const nothing = plan.steps.length + plan.skipped.length + plan.problems.length === 0;
          expect(last === 'No changes.').to.equal(nothing);
          expect(last.includes('Reload: yes')).to.equal(reloadsOf(plan).length > 0);
        }),
      );
    });

    it('counts what it shows', () => {
      fc.assert(
        fc.property(someplan, (plan) => {
          const found = lastLine.exec(lines(plan).at(-2) ?? '');
          const counted = (sign: string) =>
            planLines(plan).filter((line) => line.sign === sign && line.counts).length;
          if (found?.[1] === 'No changes.') return;
          expect(found?.slice(2, 5).map(Number)).to.deep.equal(['+', '~', '-'].map(counted));
          const json = planDocument(plan);
          const actions = ['add', 'change', 'remove'].map(
            (action) => json.changes.filter((change) => change.action === action).length,
          );
          expect(actions).to.deep.equal(found?.slice(2, 5).map(Number));
        }),
      );
    });

    it('every change of a slot is shown, below its backend', () => {
      fc.assert(
        fc.property(someplan, (plan) => {
          const shown = planLines(plan);
          for (const step of plan.steps) {
            if (step.route !== 'no-reload') continue;
            expect(
              shown.some(({ group, level }) => group === `backend ${step.backend}` && level === 0),
            ).to.equal(true);
          }
          const groups = shown.filter(({ level }) => level === 1).map(({ group }) => group);
          const headings = shown.filter(({ level }) => level === 0).map(({ group }) => group);
          for (const group of groups) expect(headings).to.include(group);
        }),
      );
    });
  });
});

describe('the printed plan of routes', () => {
  it('names a lookup by its map, once for all depths and wherever the file will be', () => {
    const routes = [route('a.x.io', { match: 'wildcard' })];
    const state = actualState();
    const first = planFor(desiredState([web], routes), state);
    const made = applyToModel(state, first);
    for (const plan of [first, planFor(desiredState([web], routes), made)]) {
      const rules = lines(plan).filter((line) => line.includes('rule in frontend'));
      expect(rules.map((line) => line.trim().replace(/ +/g, ' '))).to.deep.equal([
        '+ rule in frontend http_front use_backend by map nomad_wildcard',
      ]);
    }
  });

  it('shows a route once it has a line of its own', () => {
    const plan = planFor(desiredState([web], [route('y.io')]), {
      ...actual,
      ...converge(input(desiredState([web], [route('x.io')]), actualState())),
    });
    const text = printPlan(plan);
    expect(text).to.contain('+ route y.io');
    expect(text).to.contain('- route x.io');
  });
});
