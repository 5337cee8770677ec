import { expect } from 'chai';

import { plan } from '../../src/diff/plan/plan.js';
import type { Skipped } from '../../src/desired/types.js';
import {
  actualBackend,
  actualState,
  allocations,
  backend,
  catalog,
  checkedSection,
  customBackend,
  desiredState,
  drainingSlot,
  endpoint,
  frontend,
  idOf,
  input,
  kindsOf,
  operatorBackend,
  planFor,
  route,
  slot,
  stepsOf,
  withSettings,
} from './given.js';
import { applyToModel, converge } from './model.js';

const web = (number: number) => `nomad_web_${number}`;
const served = [slot(web(1), { binding: 'a' }), slot(web(2)), slot(web(3))];
const skippedWeb: Skipped = {
  service: 'default/web',
  code: 'invalid-tag',
  reason: 'tag haproxy.cookie is invalid',
  backend: 'nomad_web',
};

describe('backends: what is made, written, kept and removed', () => {
  it('S1: a service that is there at the start gets its backend, servers and route', () => {
    const desired = desiredState(
      [backend('web', { endpoints: [endpoint('a')] })],
      [route('web.example.com')],
    );
    const after = converge(input(desired, actualState()));
    expect(after.backends['nomad_web']?.slots[0]?.binding?.id).to.equal(idOf('a'));
    expect(after.maps['nomad_exact']?.entries).to.deep.equal({ 'web.example.com': 'nomad_web' });
    expect(after.frontends['http_front']?.rules).to.have.length(1);
  });

  it('S3: a backend that is there already still gets its servers, and its route', () => {
    const desired = desiredState(
      [backend('web', { endpoints: [endpoint('a')] })],
      [route('web.example.com')],
    );
    const whole = converge(input(desired, actualState()));
    const bare = { ...whole, frontends: { http_front: frontend('http_front') } };
    expect(converge(input(desired, bare)).frontends).to.deep.equal(whole.frontends);
    const emptied = {
      ...whole,
      maps: { nomad_exact: { file: '/maps/nomad_exact.map', entries: {} } },
    };
    expect(converge(input(desired, emptied)).maps).to.deep.equal(whole.maps);
  });

  it('S10: a changed check is written to the backend that is there', () => {
    const section = { ...checkedSection, adv_check: 'httpchk' };
    const desired = desiredState([backend('web', { section, endpoints: [endpoint('a')] })]);
    const actual = actualState([actualBackend('web', { slots: served })]);
    const [step] = stepsOf(planFor(desired, actual), 'replace-backend');
    expect(step).to.deep.include({ section, changes: ['adv_check: none -> httpchk'] });
    expect(step?.slots[0]?.binding?.id).to.equal(idOf('a'));
  });

  it('S18: while the job spec is unreadable the backend keeps the check that it has', () => {
    const live = { ...checkedSection, adv_check: 'httpchk', httpchk_params: { uri: '/health' } };
    const fallback = {
      ...checkedSection,
      adv_check: 'tcp-check',
      balance: { algorithm: 'source' },
    };
    const wanted = backend('web', {
      section: fallback,
      keepCheck: true,
      endpoints: [endpoint('a')],
    });
    const actual = actualState([actualBackend('web', { section: live, slots: served })]);
    const [step] = stepsOf(planFor(desiredState([wanted]), actual), 'replace-backend');
    expect(step?.section).to.deep.equal({ ...live, balance: { algorithm: 'source' } });
  });

  it('S18: so do servers in a custom backend', () => {
    const fields = { check: 'enabled', inter: 2000 };
    const wanted = customBackend('web', { keepCheck: true, endpoints: [endpoint('a')] });
    const slots = served.map((one) => ({ ...one, fields }));
    const actual = actualState([operatorBackend('pool', slots)]);
    expect(stepsOf(planFor(desiredState([wanted]), actual), 'replace-server')).to.deep.equal([]);
  });

  it('S18: but no check at all is none to keep: a gate would wait for it for ever', () => {
    const { default_server: _, ...unchecked } = checkedSection;
    const wanted = backend('web', { keepCheck: true, endpoints: [endpoint('a')] });
    const actual = actualState([actualBackend('web', { section: unchecked, slots: served })]);
    const [step] = stepsOf(planFor(desiredState([wanted]), actual), 'replace-backend');
    expect(step?.section).to.deep.equal(wanted.section);
    const pooled = customBackend('web', { keepCheck: true, endpoints: [endpoint('a')] });
    const slots = served.map((one) => ({ ...one, fields: {} }));
    const pool = actualState([operatorBackend('pool', slots)]);
    const [server] = stepsOf(planFor(desiredState([pooled]), pool), 'replace-server');
    expect(server?.fields).to.deep.equal(pooled.serverFields);
  });

  it('S4: the route stays as long as one instance does', () => {
    const endpoints = [endpoint('a'), endpoint('b')];
    const routes = [route('web.example.com')];
    const both = desiredState([backend('web', { endpoints })], routes);
    const actual = converge(input(both, actualState()));
    const one = desiredState([backend('web', { endpoints: endpoints.slice(1) })], routes);
    expect(kindsOf(planFor(one, actual))).to.deep.equal(['drain-slot']);
  });

  it('a service without instances keeps its backend and route', () => {
    const routes = [route('web.example.com')];
    const actual = converge(input(desiredState([backend('web')], routes), actualState()));
    expect(actual.backends['nomad_web']?.slots).to.have.length(2);
    expect(actual.maps['nomad_exact']?.entries).to.have.property('web.example.com');
  });

  it('a hole is filled even while another backend shrinks for it', () => {
    const settings = withSettings({ slots: { spareMin: 1, spareFactor: 0 } });
    const slots = [slot(web(2), { binding: 'a' }), slot(web(3))];
    const desired = desiredState([backend('web', { endpoints: [endpoint('a')] })]);
    const after = converge(
      input(desired, actualState([actualBackend('web', { slots })]), { settings }),
    );
    expect(after.backends['nomad_web']?.slots.map(({ name }) => name)).to.deep.equal([
      web(1),
      web(2),
    ]);
  });

  it('a drain survives that its backend is written whole (S20)', () => {
    const slots = [drainingSlot(web(1), 'a', 3), slot(web(2), { binding: 'b' })];
    const section = { ...checkedSection, adv_check: 'httpchk' };
    const desired = desiredState([backend('web', { section, endpoints: [endpoint('b')] })]);
    const actual = actualState([actualBackend('web', { slots })]);
    const after = applyToModel(actual, planFor(desired, actual));
    const [first] = after.backends['nomad_web']?.slots ?? [];
    expect(first?.binding?.drainingSince).to.equal(slots[0]?.binding?.drainingSince);
    expect(first?.runtime?.admin).to.equal('maint');
  });

  describe("the operator's backends", () => {
    const actual = actualState([operatorBackend('pool'), operatorBackend('nomad_web')]);

    it('none of them is removed, whatever its name', () => {
      expect(planFor(desiredState(), actual).steps).to.deep.equal([]);
    });

    it('a custom backend gets our servers, and nothing else is touched', () => {
      const wanted = customBackend('web', { endpoints: [endpoint('a')] });
      const plan_ = planFor(desiredState([wanted]), actual);
      expect(kindsOf(plan_)).to.deep.equal(['create-server', 'set-marker']);
      const [first] = stepsOf(plan_, 'create-server');
      expect(first).to.deep.include({ backend: 'pool', fields: wanted.serverFields });
    });

    it('a custom backend that is not there is told of, by service', () => {
      const wanted = customBackend('web', { name: 'nowhere' });
      expect(planFor(desiredState([wanted]), actual)).to.deep.include({
        steps: [],
        skipped: [
          {
            service: 'default/web',
            code: 'backend-conflict',
            reason: "backend nowhere is not in HAProxy's configuration",
          },
        ],
      });
    });

    it('two services share a custom backend, each with its own servers', () => {
      const both = desiredState([
        customBackend('api', { endpoints: [endpoint('b')] }),
        customBackend('web', { endpoints: [endpoint('a')] }),
      ]);
      const shared = converge(
        input(both, actual, { settings: withSettings({ guard: { allowRemovals: true } }) }),
      );
      const withoutApi = desiredState(both.backends.slice(1));
      const steps = stepsOf(planFor(withoutApi, shared), 'delete-server');
      expect(new Set(steps.map(({ service }) => service))).to.deep.equal(new Set(['default/api']));
    });

    it('one of the same name: use_existing puts our servers in it, with their check', () => {
      const wanted = backend('web', { endpoints: [endpoint('a')] });
      const [first] = stepsOf(planFor(desiredState([wanted]), actual), 'create-server');
      expect(first).to.deep.include({ backend: 'nomad_web' });
      expect(first?.fields).to.deep.equal({ check: 'enabled', inter: 10_000, rise: 1, fall: 3 });
    });

    it("one of the same name: use_existing asks for no more than HAProxy's own weight, unless told", () => {
      const endpoints = [endpoint('a', { isUsualWeight: true }), endpoint('b', { weight: 50 })];
      const steps = stepsOf(
        planFor(desiredState([backend('web', { endpoints })]), actual),
        'create-server',
      );
      expect(steps.slice(0, 2).map(({ slot }) => slot.config.weight)).to.deep.equal([1, 50]);
    });

    it('one of the same name and another mode is a conflict', () => {
      const tcp = actualState([operatorBackend('nomad_web', [], 'tcp')]);
      const [skipped] = planFor(desiredState([backend('web')]), tcp).skipped;
      expect(skipped?.reason).to.contain('its mode is tcp, not http');
    });

    it('one of the same name: create_new is a conflict', () => {
      const plan_ = planFor(desiredState([backend('web', { strategy: 'create_new' })]), actual);
      expect(plan_.steps).to.deep.equal([]);
      expect(plan_.skipped[0]).to.include({ service: 'default/web', code: 'backend-conflict' });
    });

    it('one of the same name: fail_on_conflict fails the pass', () => {
      const wanted = backend('web', { strategy: 'fail_on_conflict' });
      expect(() => planFor(desiredState([wanted]), actual)).to.throw(
        /default\/web.*is not the connector's/,
      );
    });

    it("a name that every object in JavaScript has is no one's backend", () => {
      const wanted = customBackend('web', { name: 'toString' });
      expect(planFor(desiredState([wanted]), actual).skipped).to.have.length(1);
    });
  });

  describe('a service whose backend can not be planned', () => {
    const broken = (name: string, given = {}) =>
      Object.defineProperty(backend(name, given), 'hasCheck', {
        get: () => {
          throw new Error('a defect\nof ours');
        },
      });
    const reason = "service default/web can't be planned: a defect\\nof ours";

    it('is skipped, and what is there of it stays as it is', () => {
      const actual = actualState([actualBackend('web', { slots: served })]);
      const endpoints = [endpoint('a'), endpoint('b')];
      const desired = desiredState([backend('api'), broken('web', { endpoints })], [route('x.io')]);
      const plan_ = planFor(desired, actual);
      expect(plan_.skipped).to.deep.equal([
        { service: 'default/web', code: 'plan-failed', reason },
      ]);
      expect(stepsOf(plan_, 'create-backend').map((step) => step.backend)).to.deep.equal([
        'nomad_api',
      ]);
      expect(JSON.stringify(plan_.steps)).not.to.contain('nomad_web');
    });

    it('gets no route to a backend that is not there', () => {
      const plan_ = planFor(desiredState([broken('web')], [route('x.io')]), actualState());
      expect(plan_).to.deep.include({
        steps: [],
        skipped: [{ service: 'default/web', code: 'plan-failed', reason }],
      });
    });
  });

  describe('a skipped service', () => {
    const skipped = desiredState([], [], { skipped: [skippedWeb] });

    it('is served on as it was, with its route', () => {
      const before = desiredState(
        [backend('web', { endpoints: [endpoint('a')] })],
        [route('web.example.com'), route('r.example.com', { frontends: ['other_front'] })],
      );
      const empty = actualState([], {
        frontends: { http_front: frontend('http_front'), other_front: frontend('other_front') },
      });
      const actual = converge(input(before, empty));
      const plan_ = planFor(skipped, actual);
      expect(plan_.steps, 'no reload').to.deep.equal([]);
      expect(plan_.held, 'nothing to hold').to.equal(undefined);
    });

    it('loses instances that were positively read as stopping', () => {
      const before = desiredState([backend('web', { endpoints: [endpoint('a')] })]);
      const actual = converge(input(before, actualState()));
      const stopping = allocations({ a: { desiredStatus: 'stop' } });
      const steps = planFor(skipped, actual, { catalog: catalog({ allocations: stopping }) }).steps;
      expect(steps.map(({ kind }) => kind)).to.include('drain-slot');
    });

    it('keeps its servers in a custom backend', () => {
      const pool = operatorBackend('pool', served);
      const plan_ = planFor(
        desiredState([], [], { skipped: [{ ...skippedWeb, backend: 'pool' }] }),
        actualState([pool]),
      );
      expect(stepsOf(plan_, 'delete-server')).to.deep.equal([]);
      expect(plan_.held, 'nothing to hold').to.equal(undefined);
    });

    it('drains what was positively read as stopping there too', () => {
      const before = desiredState([
        customBackend('web', { endpoints: [endpoint('a'), endpoint('b')] }),
      ]);
      const actual = converge(input(before, actualState([operatorBackend('pool')])));
      const stopping = catalog({ allocations: allocations({ a: { desiredStatus: 'stop' } }) });
      const skippedThere = desiredState([], [], { skipped: [{ ...skippedWeb, backend: 'pool' }] });
      const { steps } = planFor(skippedThere, actual, { catalog: stopping });
      expect(steps.map(({ kind }) => kind)).to.deep.equal(['drain-slot']);
    });
  });

  describe('a service that left', () => {
    const gone = { settings: withSettings({ guard: { allowRemovals: true } }) };

    it('takes its route and backend with it', () => {
      const before = desiredState(
        [backend('web', { endpoints: [endpoint('a')] })],
        [route('x.io')],
      );
      const actual = converge(input(before, actualState()));
      const plan_ = plan(input(desiredState(), actual, gone));
      expect(kindsOf(plan_)).to.deep.equal(['delete-backend', 'set-marker', 'delete-entry']);
      const after = converge(input(desiredState(), actual, gone));
      expect(after.backends).to.deep.equal({});
      expect(after.maps['nomad_exact']?.entries).to.deep.equal({});
    });
  });

  describe('what reads back differently', () => {
    it('is left alone, and said', () => {
      const section = { ...checkedSection, adv_check: 'httpchk' };
      const desired = desiredState([backend('web', { section, endpoints: [endpoint('a')] })]);
      const actual = actualState([actualBackend('web', { slots: served })]);
      const unstable = {
        nomad_web: 'backend nomad_web reads back differently from what was written',
      };
      const plan_ = planFor(desired, actual, { unstable });
      expect(stepsOf(plan_, 'replace-backend')).to.deep.equal([]);
      expect(plan_.problems).to.deep.include({
        code: 'unstable-backend',
        message: unstable.nomad_web,
      });
    });
  });
});
