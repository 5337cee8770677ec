import { expect } from 'chai';

import type { ActualState } from '../../src/actual/types.js';
import type { EntryStep } from '../../src/diff/types.js';
import {
  actualState,
  allocations,
  backend,
  catalog,
  desiredState,
  endpoint,
  frontend,
  input,
  planFor,
  route,
  withSettings,
} from './given.js';
import { converge } from './model.js';

const shared = withSettings({ routing: { mapFile: '/maps/hosts.map' } });

const two = [backend('api'), backend('web', { endpoints: [endpoint('a')] })];
const start = desiredState(two, [route('x.io')]);
const actual = converge(input(start, actualState()));

function entriesOf(steps: readonly { route: string }[]): string[] {
  return steps
    .filter((step): step is EntryStep => step.route === 'runtime')
    .map(({ kind, key, value, when }) => [kind, key, value, when].join(' '));
}

function stepsFor(wanted: typeof start, from: ActualState = actual, settings = withSettings({})) {
  return planFor(wanted, from, { settings }).steps;
}

describe('map entries: when a route goes live, and when it leaves', () => {
  it('without a reload: what leaves goes first, what comes goes last', () => {
    const steps = stepsFor(desiredState(two, [route('y.io', { backend: 'nomad_api' })]));
    expect(entriesOf(steps)).to.deep.equal([
      'delete-entry x.io  first',
      'add-entry y.io nomad_api last',
    ]);
    expect(steps).to.have.length(2);
  });

  it('without a reload: a route that another of its backend replaces leaves once that one is there', () => {
    const others = [route('y.io', { path: '/api' }), route('z.io')];
    const narrow = desiredState(two, [route('x.io', { path: '/api' }), ...others]);
    const before = converge(input(narrow, actualState()));
    const wide = desiredState(two, [route('x.io'), ...others]);
    expect(entriesOf(stepsFor(wide, before))).to.deep.equal([
      'add-entry x.io nomad_web last',
      'delete-entry x.io/api/  last',
    ]);
  });

  it('with a reload: entries go live, and leave, together with their backends', () => {
    const wanted = desiredState(
      [...two, backend('zoo')],
      [route('z.io', { backend: 'nomad_zoo' })],
    );
    expect(entriesOf(stepsFor(wanted))).to.deep.equal([
      'delete-entry x.io  with-commit',
      'add-entry z.io nomad_zoo with-commit',
    ]);
  });

  it('a domain that moves to another service is changed in place', () => {
    const wanted = desiredState(two, [route('x.io', { backend: 'nomad_api' })]);
    expect(entriesOf(stepsFor(wanted))).to.deep.equal(['set-entry x.io nomad_api last']);
  });

  it('a service that stopped: its route leaves with its backend', () => {
    const stopped = allocations({ a: { desiredStatus: 'stop' } });
    const given = { catalog: catalog({ allocations: stopped }) };
    const { steps } = planFor(desiredState([backend('api')]), actual, given);
    expect(entriesOf(steps)).to.deep.equal(['delete-entry x.io  with-commit']);
  });

  it('entries are in the order of their keys', () => {
    const routes = ['c.io', 'a.io', 'b.io', 'x.io'].map((host) => route(host));
    expect(entriesOf(stepsFor(desiredState(two, routes)))).to.deep.equal([
      'add-entry a.io nomad_web last',
      'add-entry b.io nomad_web last',
      'add-entry c.io nomad_web last',
    ]);
  });

  it('S2: every domain becomes an entry, one with a name from JavaScript too', () => {
    const routes = ['constructor', 'x.io'].map((host) => route(host));
    expect(entriesOf(stepsFor(desiredState(two, routes)))).to.deep.equal([
      'add-entry constructor nomad_web last',
    ]);
  });

  it('a map that is not loaded gets no entry before the reload that loads it', () => {
    const { file } = actual.maps['nomad_exact'] ?? { file: '' };
    const unread = { ...actual, maps: { nomad_exact: { file } } };
    expect(entriesOf(stepsFor(start, unread))).to.deep.equal([]);
    const lost = { ...unread, marker: { onDisk: actual.marker.onDisk ?? '' } };
    expect(entriesOf(stepsFor(start, lost))).to.deep.equal([
      'add-entry x.io nomad_web with-commit',
    ]);
  });

  it('a regex in a list waits for a reload, in the order of the lines', () => {
    const regex = route('^b$', { match: 'regex' });
    const there = converge(input(desiredState(two, [regex]), actualState()));
    const more = desiredState(two, [route('^a$', { match: 'regex' }), regex]);
    const steps = stepsFor(more, there);
    expect(entriesOf(steps)).to.deep.equal(['add-entry ^a$ nomad_web with-commit']);
    expect(steps.map(({ kind }) => kind)).to.include('reload');
  });

  describe('in a map that the operator shares with us', () => {
    const hosts = {
      file: '/maps/hosts.map',
      entries: { 'z.io': 'static', 'x.io': 'legacy', 'a.io': 'static' },
    };
    const http_front = frontend('http_front', {
      rules: [{ name: '%[req.hdr(host),map(/maps/hosts.map)]' }],
    });
    const theirs = actualState([], { maps: { hosts }, frontends: { http_front } });
    const settings = withSettings({
      routing: { mapFile: '/maps/hosts.map' },
      guard: { allowRemovals: true },
    });

    it('their entries stay, in their order, and ours come and go', () => {
      const wanted = desiredState(two, [route('y.io')]);
      const there = converge(input(wanted, theirs, { settings }));
      expect(Object.entries(there.maps['hosts']?.entries ?? {})).to.deep.equal([
        ...Object.entries(hosts.entries),
        ['y.io', 'nomad_web'],
      ]);
      const left = converge(input(desiredState(), there, { settings }));
      expect(Object.entries(left.maps['hosts']?.entries ?? {})).to.deep.equal(
        Object.entries(hosts.entries),
      );
    });

    it('a domain that they have is left to them, and said', () => {
      const plan = planFor(start, theirs, { settings: shared });
      expect(entriesOf(plan.steps)).to.deep.equal([]);
      expect(plan.problems).to.deep.equal([
        {
          code: 'foreign-entry',
          message:
            "map hosts points x.io to legacy, not to nomad_web; the entry is the operator's, so it is not changed",
        },
      ]);
    });
  });
});
