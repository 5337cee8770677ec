import { expect } from 'chai';
import fc from 'fast-check';

import type { Step } from '../../../src/diff/types.js';
import { findHosts, findServices, rowsPerPage } from '../../../src/server/status/model/search.js';
import type { HostStatus, TargetStatus } from '../../../src/server/status/model/types.js';
import { declaration, enabled, instance, service } from '../../desired/given.js';
import {
  actualBackend,
  actualState,
  backend,
  desiredState,
  frontend,
  route,
  slot,
} from '../../diff/given.js';
import { heldRemoval, nothing, something, times } from '../../pass/given-picture.js';
import { cluster, given, type GivenService, model, input, pictureOf, statusFor } from './given.js';

function hostOf({ hosts }: TargetStatus): Pick<HostStatus, 'state' | 'reason' | 'up' | 'wanted'> {
  expect(hosts).to.have.length(1);
  const { state, reason = '', up, wanted } = hosts[0]!;
  return { state, reason, up, wanted };
}

function of(...services: readonly GivenService[]): TargetStatus {
  return statusFor(pictureOf(services));
}

describe('the status of hosts', () => {
  it('answers with every instance UP', () => {
    const host = hostOf(of(given('web', ['up', 'up'])));
    expect(host).to.deep.equal({ state: 'answers', reason: '', up: 2, wanted: 2 });
  });

  it('is degraded with some of them DOWN', () => {
    const { state, reason } = hostOf(of(given('web', ['up', 'down'])));
    expect([state, reason]).to.deep.equal(['degraded', '1 of 2 instances are UP: 1 down']);
  });

  it('is degraded while instances are missing from Nomad', () => {
    const web = given('web', ['up']);
    const { state, reason } = hostOf(of({ ...web, desired: { ...web.desired, expected: 3 } }));
    expect([state, reason]).to.deep.equal(['degraded', '1 of 3 instances are UP']);
  });

  it('is down with none of them UP', () => {
    const { state, reason } = hostOf(of(given('web', ['down', 'drain'])));
    expect([state, reason]).to.deep.equal(['down', 'no server is UP: 1 down, 1 draining']);
  });

  it('is empty, not down, if the job asks for no instance', () => {
    expect(hostOf(of(given('web', []))).state).to.equal('empty');
  });

  it('is down if the job asks for instances and none is registered', () => {
    const web = given('web', []);
    const { state, reason } = hostOf(of({ ...web, desired: { ...web.desired, expected: 2 } }));
    expect([state, reason]).to.deep.equal(['down', 'none of 2 instances is registered in Nomad']);
  });

  it("answers from the operator's own servers in his backend", () => {
    const web = given('web', ['up']);
    const other = { address: '10.0.0.9', port: 80, admin: 'ready', operational: 'up' } as const;
    const actual = {
      ...web.actual,
      slots: [],
      others: [{ name: 'own', address: '10.0.0.9', port: 80, runtime: other }],
    };
    const desired = { ...web.desired, kind: 'custom', endpoints: [], expected: 0 } as const;
    expect(hostOf(of({ ...web, desired, actual })).state).to.equal('answers');
  });

  it('is down until HAProxy has the backend, and until it has the route', () => {
    const web = given('web');
    const picture = pictureOf([web]);
    const bare = statusFor({ ...picture, actual: actualState() });
    expect(hostOf(bare).reason).to.equal('HAProxy does not have the backend yet');
    const step: Step = {
      ...{ kind: 'add-entry', route: 'runtime', map: 'nomad_exact' },
      ...{ key: 'web.example.com', value: 'nomad_web', when: 'last' },
    };
    const late = statusFor({ ...picture, rest: { ...nothing, steps: [step] } });
    expect(hostOf(late).reason).to.equal('its route is not in HAProxy yet');
  });

  it('is down in a frontend that does not exist', () => {
    const picture = pictureOf([given('web')]);
    const frontends = { other: frontend('other') };
    const host = hostOf(statusFor({ ...picture, actual: { ...picture.actual, frontends } }));
    expect(host.reason).to.equal('no frontend http_front in HAProxy');
  });

  it('is degraded while changes of its backend are pending', () => {
    const rest = { ...nothing, steps: something.steps };
    const { state, reason } = hostOf(statusFor({ ...pictureOf([given('web')]), rest }));
    expect([state, reason]).to.deep.equal(['degraded', 'changes are pending']);
  });

  it('shows what a skipped service asks for, with the reason', () => {
    const tags = enabled('domain=A.example.com', 'domain=<b>');
    const skip = { service: 'default/bad', code: 'invalid-tag', reason: 'why' } as const;
    const declared = service('bad', { declarations: [declaration({ tags })] });
    const { hosts, services } = statusFor(pictureOf([], [skip], [declared]));
    expect(hosts.map(({ host, state, reason }) => [host, state, reason])).to.deep.equal([
      ['a.example.com', 'skipped', 'why'],
      ['<b>', 'skipped', 'why'],
    ]);
    expect(services[0]?.skipped).to.deep.equal({ code: 'invalid-tag', reason: 'why' });
  });

  it('shows no more than some of what it asks for', () => {
    const tags = enabled(...Array.from({ length: 500 }, (_, at) => `domain=a${at}.io`));
    const skip = { service: 'default/bad', code: 'limit-exceeded', reason: 'why' } as const;
    const many = service('bad', { instances: [instance({ tags })] });
    expect(statusFor(pictureOf([], [skip], [many])).hosts).to.have.length(20);
  });

  it('keeps what is gone from Nomad in view for as long as HAProxy has it', () => {
    const { actual } = pictureOf([given('web')]);
    const slots = actual.backends['nomad_web']!.slots;
    const held = { ...heldRemoval, instances: slots.map(({ binding }) => binding!.id) };
    const maps = {
      nomad_exact: { file: '/maps/nomad_exact.map', entries: { 'w.io': 'nomad_web' } },
    };
    const { hosts, services } = statusFor({
      actual: { ...actual, maps },
      rest: { ...nothing, held },
    });
    expect(services[0]?.instances.map(({ phase }) => phase)).to.deep.equal(['held', 'held']);
    expect(hosts.map(({ host, state }) => [host, state])).to.deep.equal([['w.io', 'degraded']]);
  });

  it('says that sync.policy keeps what is gone, or the route that is there', () => {
    const { actual } = pictureOf([given('web')]);
    const removed: Step = {
      ...{ kind: 'delete-backend', route: 'transaction', reload: 'removed-backend', reason: '' },
      ...{ backend: 'nomad_web', service: 'default/web', before: [] },
    };
    const kept = [removed];
    const { services, pending } = statusFor({ actual, rest: { ...nothing, kept } });
    expect(services[0]?.reason).to.match(/^gone from Nomad; sync\.policy keeps/);
    expect(pending.kept).to.deep.equal({ steps: 1, changes: ['- backend nomad_web: default/web'] });

    const web = given('web');
    const diverted: Step = {
      ...{ kind: 'set-entry', route: 'runtime', map: 'nomad_exact_path', when: 'first' },
      ...{ key: 'web.io/api/', value: 'nomad_web' },
    };
    const { hosts } = statusFor({
      ...pictureOf([{ ...web, routes: [route('web.io', { path: '/api' })] }]),
      rest: { ...nothing, kept: [diverted] },
    });
    expect(hosts.map(({ state, reason }) => [state, reason])).to.deep.equal([
      ['down', 'sync.policy keeps the route that HAProxy has'],
    ]);
  });

  it('puts what needs attention first', () => {
    const all = [given('a'), given('b', ['down']), given('c', ['up', 'down']), given('d', [])];
    const states = of(...all).hosts.map(({ state }) => state);
    expect(states).to.deep.equal(['down', 'degraded', 'empty', 'answers']);
  });

  it('writes hosts as people do', () => {
    const web = given('web');
    const [route] = web.routes;
    const routes = [
      { ...route!, match: 'wildcard', host: 'x.io' },
      { ...route!, path: '/api' },
      { ...route!, match: 'any', host: '', path: '/health' },
    ] as const;
    expect(of({ ...web, routes }).hosts.map(({ host }) => host)).to.deep.equal([
      '*.x.io',
      'web.example.com/api',
      'any host/health',
    ]);
  });
});

describe('the status of instances', () => {
  const phasesOf = (one: GivenService): readonly string[] =>
    of(one).services[0]!.instances.map(({ phase, haproxy = '' }) => `${phase} ${haproxy}`.trim());

  it('says who serves, drains, or waits', () => {
    const web = given('web', ['up', 'down', 'drain']);
    expect(phasesOf(web)).to.deep.equal(['serving UP', 'down DOWN', 'draining DRAIN']);
  });

  it('tells one that has no server yet from one that Nomad no longer lists', () => {
    const web = given('web', ['up']);
    expect(phasesOf({ ...web, actual: { ...web.actual, slots: [] } })).to.deep.equal([
      'unassigned',
    ]);
    const desired = { ...web.desired, endpoints: [] };
    expect(phasesOf({ ...web, desired })).to.deep.equal(['leaving UP']);
  });

  it('shows a gated one as such, whatever its check says', () => {
    const web = given('web', ['drain']);
    const [endpoint] = web.desired.endpoints;
    const desired = { ...web.desired, endpoints: [{ ...endpoint!, phase: 'gate' }] } as const;
    expect(phasesOf({ ...web, desired })).to.deep.equal(['gated DRAIN']);
  });

  it('is of no free server and no marker', () => {
    const free = actualBackend('web', { slots: [slot('nomad_web_1')] });
    const marker = actualBackend('connector', { name: 'nomad__connector' });
    const { service: _, ...unnamed } = marker;
    const actual = actualState([free, unnamed]);
    const { services } = statusFor({ actual, desired: desiredState([backend('web')]) });
    expect(services.map(({ instances }) => instances)).to.deep.equal([[]]);
  });
});

describe('the status of passes', () => {
  it('shows what is pending, and the last changes', () => {
    const { plan, steps } = { plan: something, steps: something.steps };
    const record = { times, plan, steps, reloads: ['new-backend'] } as const;
    const { passes, pending } = statusFor({ rest: something }, { passes: [record] });
    expect(passes[0]).to.deep.include({ result: 'changed', steps: 2, durationMs: 250 });
    expect(passes[0]?.changes[0]).to.equal('+ backend nomad_web: default/web');
    expect(pending).to.deep.include({ steps: 2, reloads: ['new-backend'], waiting: 0 });
  });

  it('shows only the first of thousands of changes', () => {
    const steps = Array.from({ length: 5000 }, () => something.steps[0]!);
    const record = { times, plan: something, steps, reloads: [] };
    const { passes } = statusFor({}, { passes: [record] });
    expect(passes[0]?.steps).to.equal(5000);
    expect(passes[0]?.changes.length).to.be.within(1, 200);
  });

  it('says why a pass failed, before and after the first one', () => {
    const failure = { at: 5, code: 'nomad-unreachable', reason: 'no route' };
    const [target] = model(input({ failure, passes: [{ times, failure }] })).targets;
    expect(target).to.not.have.property('seen');
    expect(target?.notices[0]).to.deep.include({ kind: 'failure', message: 'no route' });
    expect(target?.notices[0]?.fix).to.equal('set nomad.address, or start Nomad');
    expect(target?.passes[0]).to.deep.include({
      result: 'failed',
      error: { code: 'nomad-unreachable', reason: 'no route' },
    });
  });

  it('gives a fix for what is degraded', () => {
    const degraded = [{ code: 'no-hard-stop-after', message: 'global has none' }] as const;
    const [notice] = statusFor({ degraded }).notices;
    expect(notice).to.deep.include({ level: 'warning', fix: 'in global: hard-stop-after 5m' });
  });
});

describe('search and pages', () => {
  const { hosts, services, counts } = statusFor(cluster(350));
  const words = fc.constantFrom('', 'shop', 'CART', 'example', 'shop example', '-1', 'nowhere');

  it('show every match once, on as many pages as it takes', () =>
    fc.assert(
      fc.property(words, (q) => {
        const first = findHosts(hosts, { q, page: 1 });
        const all = Array.from(
          { length: first.pages },
          (_, at) => findHosts(hosts, { q, page: at + 1 }).rows,
        );
        const wanted = q.toLowerCase().split(' ');
        const fits = ({ host, service: name, backend: of = '' }: HostStatus): boolean =>
          wanted.every((word) => `${host} ${name} ${of}`.includes(word));
        expect(all.flat()).to.have.deep.members(hosts.filter(fits));
        expect(all.every((rows) => rows.length <= rowsPerPage)).to.equal(true);
      }),
    ));

  it('show some page, whichever is asked for', () =>
    fc.assert(
      fc.property(fc.oneof(fc.integer(), fc.maxSafeInteger()), (page) => {
        const found = findServices(services, { q: '', page });
        expect(found.page).to.be.within(1, found.pages);
        expect(found.rows).to.not.have.length(0);
      }),
    ));

  it('put who has exactly that name first', () => {
    const found = findServices(services, { q: 'default/cart-1', page: 1 });
    expect(found.rows[0]?.service).to.equal('default/cart-1');
    expect(found.total).to.be.above(1);
  });

  it('filter by state, as often as it is counted', () => {
    for (const state of ['down', 'degraded', 'answers', 'skipped', 'empty'] as const) {
      expect(findHosts(hosts, { q: '', state, page: 1 }).total).to.equal(counts.hosts[state]);
    }
  });

  it('find a service by its job, allocation and address, and never by a message', () => {
    const one = services.find(({ service: name }) => name === 'default/cart-1')!;
    const found = (q: string): boolean =>
      findServices(services, { q, page: 1 }).rows.some(({ service: name }) => name === one.service);
    const { allocation = '', address } = one.instances[0]!;
    expect([found(allocation), found(address), found('cart-1')]).to.deep.equal([true, true, true]);
    expect(findServices(services, { q: 'allowed: a host name', page: 1 }).total).to.equal(0);
  });
});
