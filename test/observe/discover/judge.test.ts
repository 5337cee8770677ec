import { expect } from 'chai';
import fc from 'fast-check';

import { judge } from '../../../src/observe/discover/model/judge.js';
import { nameOf } from '../../../src/observe/discover/model/names.js';
import type { DiscoverRead, Judged, Members } from '../../../src/observe/discover/model/types.js';
import type { WireAllocation, WireInstance } from '../../../src/observe/nomad/answers/shapes.js';

const none: Members = { members: [], index: 0 };
const options = {
  ...{ service: 'haproxy-dataplane', namespace: 'default', job: 'haproxy' },
  ...{ scheme: 'https' as const, holdMs: 300_000, now: 1_000_000 },
};

function instance(alloc: string, more: Partial<WireInstance> = {}): WireInstance {
  return {
    ...{ ID: `_nomad-task-${alloc}`, ServiceName: 'haproxy-dataplane', Namespace: 'default' },
    ...{ JobID: 'haproxy', AllocID: alloc, Tags: [], Address: '10.0.0.1', Port: 5555 },
    ...{ CreateIndex: 1, ...more },
  };
}

function allocation(id: string, more: Partial<WireAllocation> = {}): WireAllocation {
  return {
    ...{ ID: id, Name: 'haproxy.lb[0]', Namespace: 'default', NodeName: 'node-1' },
    ...{ JobID: 'haproxy', JobVersion: 0, TaskGroup: 'lb', CreateIndex: 10 },
    ...{ ClientStatus: 'running', DesiredStatus: 'run', ...more },
  };
}

function read(
  instances: readonly WireInstance[],
  allocations: readonly WireAllocation[],
  more: Partial<DiscoverRead> = {},
): DiscoverRead {
  return { index: 100, instances, allocations, elsewhere: [], ...more };
}

const named = (name: string) => ({ Tags: ['edge', `haproxy-name=${name}`] });
const namesOf = ({ members }: Judged) => members.map(({ name }) => name);
const reasonsOf = ({ refused }: Judged) => refused.map(({ reason }) => reason);

describe('the HAProxies that Nomad knows', () => {
  it('are the instances of the job whose allocations run', () => {
    const judged = judge(
      none,
      read([instance('a'), instance('b', { Port: 5556 })], [allocation('a')]),
      options,
    );
    expect(judged.members).to.deep.equal([
      { name: 'node-1', address: 'https://10.0.0.1:5555', allocation: 'a', createIndex: 10 },
    ]);
    expect(judged).to.include({ isOpen: true, index: 100 });
  });

  it('are never those of another job, or of another namespace', () => {
    const others = [instance('a', { JobID: 'evil' }), instance('b', { Namespace: 'shop' })];
    const judged = judge(
      none,
      read(others, [allocation('a'), allocation('b')], { elsewhere: ['shop'] }),
      options,
    );
    expect(judged.members).to.deep.equal([]);
    expect(reasonsOf(judged)).to.deep.equal(['other-job', 'other-namespace', 'other-namespace']);
    expect(judged.refused[0]?.instance).to.equal('default/evil a at 10.0.0.1:5555');
    expect(judged.refused[0]?.detail).to.include('haproxy.discover.job');
  });

  it('are named by their tag, else by their node, else by their address', () => {
    const at = { Address: '10.0.0.1', Port: 5555 };
    expect(nameOf({ ...at, ...named('edge-1') }, 'node-1')).to.equal('edge-1');
    expect(nameOf({ ...at, Tags: null }, 'node-1')).to.equal('node-1');
    expect(nameOf({ ...at, ...named('${node.unique.name}') }, 'a node')).to.equal('10.0.0.1:5555');
    const judged = judge(none, read([instance('a', named('a b'))], [allocation('a')]), options);
    expect(judged.badNames).to.deep.equal(['haproxy-name=a b']);
  });

  it('are at https or http, IPv6 in brackets, and nowhere else', () => {
    const addressOf = (more: Partial<WireInstance>) =>
      judge(none, read([instance('a', more)], [allocation('a')]), options).members[0]?.address;
    expect(addressOf({ Address: '::1' })).to.equal('https://[::1]:5555');
    expect(addressOf({ Address: '[fe80::1]' })).to.equal('https://[fe80::1]:5555');
    expect(addressOf({ Address: 'edge.internal' })).to.equal('https://edge.internal:5555');
    for (const Address of ['', 'admin@evil', 'evil/x?', 'a b']) {
      expect(addressOf({ Address })).to.equal(undefined);
    }
    expect(addressOf({ Port: 0 })).to.equal(undefined);
  });

  it('are the newest of one name, which one that is about to stop never is', () => {
    const both = [instance('a', named('x')), instance('b', { ...named('x'), Port: 5556 })];
    const old = allocation('a');
    const young = allocation('b', { CreateIndex: 20 });
    const canary = judge(none, read(both, [old, young]), options);
    expect(canary.members.map(({ allocation: id }) => id)).to.deep.equal(['b']);
    expect(reasonsOf(canary)).to.deep.equal(['same-name']);
    const leaving = { ...young, DesiredStatus: 'stop' };
    const back = judge(none, read(both, [old, leaving]), options);
    expect(back.members.map(({ allocation: id }) => id)).to.deep.equal(['a']);
    expect(back.refused).to.deep.equal([]);
  });

  it('are not displaced by one that does not run yet', () => {
    const before = judge(none, read([instance('a')], [allocation('a')]), options);
    const both = [instance('a'), instance('b', { Port: 5556 })];
    const pending = allocation('b', { CreateIndex: 20, ClientStatus: 'pending' });
    const judged = judge(before, read(both, [allocation('a'), pending]), options);
    expect(judged.members).to.deep.equal(before.members);
    expect(judged.isOpen).to.equal(true);
  });

  it('are one at each address', () => {
    const both = [instance('a', named('x')), instance('b', named('y'))];
    const allocs = [allocation('a'), allocation('b', { CreateIndex: 20 })];
    const judged = judge(none, read(both, allocs), options);
    expect(namesOf(judged)).to.deep.equal(['y']);
    expect(reasonsOf(judged)).to.deep.equal(['same-address']);
    expect(judged.refused[0]?.detail).to.include('https://10.0.0.1:5555');
  });
});

describe('a HAProxy that Nomad no longer lists', () => {
  const before = judge(none, read([instance('a')], [allocation('a')]), options);
  const later = (ms: number) => ({ ...options, now: options.now + ms });

  it('stays, in an empty answer as well, until that has lasted', () => {
    const empty = read([], []);
    const first = judge(before, empty, later(1000));
    expect(first.members).to.deep.equal([{ ...before.members[0], missingSince: 1_001_000 }]);
    expect(first.isOpen).to.equal(true);
    const second = judge(first, empty, later(300_000));
    expect(namesOf(second)).to.deep.equal(['node-1']);
    expect(judge(second, empty, later(301_000)).members).to.deep.equal([]);
  });

  it('comes back as the same one', () => {
    const first = judge(before, read([], []), later(1000));
    const again = judge(first, read([instance('a')], [allocation('a')]), later(2000));
    expect(again.members).to.deep.equal(before.members);
  });

  it('is waited for anew where the index went back', () => {
    const first = judge(before, read([], []), later(1000));
    const restored = judge(first, read([], [], { index: 50 }), later(400_000));
    expect(restored.members[0]?.missingSince).to.equal(1_400_000);
  });

  const evidence: Readonly<Record<string, Partial<WireAllocation>>> = {
    'has ended': { ClientStatus: 'complete' },
    'was lost with its node': { ClientStatus: 'lost', DesiredStatus: 'stop' },
    'is to stop': { DesiredStatus: 'stop' },
    'was evicted': { DesiredStatus: 'evict' },
  };
  for (const [what, alloc] of Object.entries(evidence)) {
    it(`is gone where its allocation ${what}`, () => {
      expect(judge(before, read([], [allocation('a', alloc)]), options).members).to.deep.equal([]);
    });
  }

  it('stays registered, and in use, until it is deregistered', () => {
    const stopping = allocation('a', { DesiredStatus: 'stop' });
    expect(judge(before, read([instance('a')], [stopping]), options).members).to.have.lengthOf(1);
  });

  it('is gone where a newer one has its name or its address', () => {
    const young = allocation('b', { CreateIndex: 20 });
    const moved = read([instance('b', { Port: 6000 })], [allocation('a'), young]);
    expect(judge(before, moved, options).members.map(({ allocation: id }) => id)).to.deep.equal([
      'b',
    ]);
    const renamed = read([instance('b', named('y'))], [young]);
    expect(namesOf(judge(before, renamed, options))).to.deep.equal(['y']);
  });

  it('is not replaced by an older one while it is only missing', () => {
    const young = judge(
      none,
      read([instance('b', { Port: 6000 })], [allocation('b', { CreateIndex: 20 })]),
      options,
    );
    const judged = judge(young, read([instance('a')], [allocation('a')]), options);
    expect(judged.members.map(({ allocation: id }) => id)).to.deep.equal(['b']);
  });
});

describe('any reads of Nomad', () => {
  const ids = fc.constantFrom('a', 'b', 'c', 'd');
  const instances = fc.array(
    fc.record({
      id: ids,
      JobID: fc.constantFrom('haproxy', 'haproxy', 'other'),
      name: fc.constantFrom('x', 'y', ''),
      Port: fc.constantFrom(1, 2, 0),
    }),
    { maxLength: 5 },
  );
  const allocations = fc.uniqueArray(
    fc.record({
      ID: ids,
      ClientStatus: fc.constantFrom('pending', 'running', 'unknown', 'complete', 'lost'),
      DesiredStatus: fc.constantFrom('run', 'stop'),
      CreateIndex: fc.integer({ min: 1, max: 3 }),
    }),
    { selector: ({ ID }) => ID, maxLength: 4 },
  );
  const reads = fc.array(
    fc.record({ instances, allocations, index: fc.integer({ min: 1, max: 3 }) }),
    { minLength: 1, maxLength: 6 },
  );

  it('leave names and addresses unique, others out, and none gone without evidence', () => {
    fc.assert(
      fc.property(reads, (all) => {
        let before: Members = none;
        for (const [at, one] of all.entries()) {
          const given = read(
            one.instances.map(({ id, JobID, name, Port }) =>
              instance(id, { JobID, Port, ...(name === '' ? {} : named(name)) }),
            ),
            one.allocations.map((alloc) => allocation(alloc.ID, alloc)),
            { index: one.index },
          );
          const now = judge(before, given, { ...options, now: options.now + at });
          check(before, given, now);
          before = now;
        }
      }),
    );
  });

  function check(
    before: Members,
    { instances: listed, allocations: allocs }: DiscoverRead,
    now: Judged,
  ) {
    const { members } = now;
    expect(new Set(members.map(({ name }) => name)).size).to.equal(members.length);
    expect(new Set(members.map(({ address }) => address)).size).to.equal(members.length);
    for (const { allocation: id, missingSince } of members) {
      const own = listed.filter(({ AllocID, JobID }) => AllocID === id && JobID === 'haproxy');
      if (missingSince === undefined) expect(own).not.to.deep.equal([]);
    }
    for (const { allocation: id, name, address } of before.members) {
      if (members.some((one) => one.allocation === id)) continue;
      const alloc = allocs.find(({ ID }) => ID === id);
      const isEnded =
        alloc !== undefined &&
        (alloc.DesiredStatus === 'stop' || ['complete', 'lost'].includes(alloc.ClientStatus));
      const isListed = listed.some(({ AllocID }) => AllocID === id);
      const isTaken = members.some((one) => one.name === name || one.address === address);
      expect(isEnded || isListed || isTaken).to.equal(true);
    }
  }
});
