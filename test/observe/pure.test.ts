import { isIP } from 'node:net';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  ipOrNothing,
  isHostName,
  withoutBrackets,
} from '../../src/observe/catalog/model/address-text.js';
import { createLineReader } from '../../src/observe/nomad/answers/heartbeat.js';
import { findBlock, instanceId } from '../../src/observe/catalog/model/instance-id.js';
import type { WireJob, WireResources } from '../../src/observe/nomad/answers/shapes.js';
import { hostAddress, resolvePort } from '../../src/observe/catalog/model/ports.js';
import { readLine } from '../../src/observe/catalog/model/events.js';
import { areQuiet } from '../../src/observe/catalog/model/quiet.js';
import { toJobSpec, type ServiceBlock } from '../../src/observe/catalog/model/spec.js';
import { optsIn } from '../../src/observe/catalog/model/tags.js';
import { isTrusted, wentBack } from '../../src/observe/nomad/answers/trust.js';
import {
  allocationVariables,
  couldBe,
  hasVariables,
  resolveVariables,
  staticVariables,
} from '../../src/observe/catalog/model/variables.js';

const name = fc.stringMatching(/^[a-z](-?[a-z0-9]){0,8}$/);

function block(part: Partial<ServiceBlock>): ServiceBlock {
  return {
    group: 'g',
    count: 1,
    name: 'web',
    portLabel: 'http',
    addressMode: 'auto',
    customAddress: false,
    tags: [],
    checks: [],
    shutdownDelayMs: 0,
    staticPorts: {},
    hostNetworks: {},
    ...part,
  };
}

describe('the block that an instance comes from', () => {
  it('is found whatever dashes names hold', () => {
    const parts = fc.record({
      group: name,
      name,
      portLabel: name,
      task: fc.option(name, { nil: undefined }),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(parts, {
          minLength: 1,
          maxLength: 6,
          selector: ({ group, name: n, portLabel, task }) =>
            instanceId({
              allocId: 'a',
              group,
              name: n,
              portLabel,
              ...(task === undefined ? {} : { task }),
            }),
        }),
        fc.uuid(),
        (list, allocId) => {
          const blocks = list.map(({ task, ...rest }) =>
            block({ ...rest, ...(task === undefined ? {} : { task }) }),
          );
          for (const one of blocks) {
            const id = instanceId({ ...one, allocId });
            const found = findBlock({ id, allocId, name: one.name, group: one.group }, blocks, {});
            expect(found).to.equal(one);
          }
        },
      ),
    );
  });

  it('has the ID that Nomad 2.0 gives', () => {
    const allocId = 'd59e5215-2868-f0ba-b971-3756d7e331d3';
    const of = (part: Partial<ServiceBlock>) => instanceId({ ...block(part), allocId });
    expect(of({ name: 'web-grp' })).to.equal(`_nomad-task-${allocId}-group-g-web-grp-http`);
    expect(of({ name: 'Task-t', task: 't' })).to.equal(`_nomad-task-${allocId}-t-Task-t-http`);
    expect(of({ name: 'noport', task: 't', portLabel: '' })).to.equal(
      `_nomad-task-${allocId}-t-noport-`,
    );
  });

  it('with a variable that only the client knows is taken if nothing fits exactly', () => {
    const open = block({ name: 'web-${node.class}' });
    const exact = block({ name: 'web-a' });
    const of = (serviceName: string) => ({
      id: `_nomad-task-x-group-g-${serviceName}-http`,
      allocId: 'x',
      name: serviceName,
      group: 'g',
    });
    expect(findBlock(of('web-a'), [open, exact], {})).to.equal(exact);
    expect(findBlock(of('web-b'), [open, exact], {})).to.equal(open);
    expect(findBlock(of('api'), [open, exact], {})).to.equal(undefined);
  });
});

describe('variables', () => {
  const job = { ID: 'vars', Name: 'vars-name', Namespace: 'default' };
  const group = staticVariables({
    job,
    region: 'global',
    group: 'g',
    metas: [{ 'a-b': 'dash', 'Ca.Se': 'case', x: 'job' }, { x: 'grp' }, null],
  });

  it("resolve as Nomad 2.0's own client resolved them", () => {
    const registered: Record<string, string> = {
      '${meta.x}': '${meta.x}',
      $NOMAD_JOB_ID: '$NOMAD_JOB_ID',
      '${NOMAD_JOB_NAME}': 'vars-name',
      '${NOMAD_META_a_b}': 'dash',
      '${NOMAD_META_A_B}': 'dash',
      '${NOMAD_META_X}': 'grp',
      '${NOMAD_META_a-b}': '${NOMAD_META_a-b}',
      '${NOMAD_META_Ca_Se}': '${NOMAD_META_Ca_Se}',
      '${NOMAD_META_Ca.Se}': 'case',
      '${NOMAD_TASK_NAME}': '${NOMAD_TASK_NAME}',
      '${NOMAD_REGION}': 'global',
      '${NOMAD_NAMESPACE}': 'default',
      '${NOMAD_UNKNOWN}': '${NOMAD_UNKNOWN}',
      '$${NOMAD_JOB_ID}': '$vars',
    };
    for (const [text, want] of Object.entries(registered)) {
      expect(resolveVariables(text, group), text).to.equal(want);
    }
  });

  it("of a task see its name, its meta before the group's and the job's, and its environment", () => {
    const task = staticVariables({
      job,
      region: 'global',
      group: 'g',
      task: 't',
      metas: [{ x: 'job', y: 'job' }, { x: 'grp' }, { x: 'task' }],
      env: { FOO: 'bar', OPEN: '${node.unique.name}' },
    });
    const text = '${NOMAD_META_x} ${NOMAD_META_y} ${NOMAD_TASK_NAME} ${FOO} ${OPEN}';
    expect(resolveVariables(text, task)).to.equal('task job t bar ${OPEN}');
  });

  it('of an allocation: its index, id and node', () => {
    const variables = allocationVariables({ id: '4415265a-19da', name: 'j.g[3]', nodeName: 'n1' });
    expect(
      resolveVariables(
        '${NOMAD_ALLOC_INDEX}/${NOMAD_SHORT_ALLOC_ID}/${node.unique.name}',
        variables,
      ),
    ).to.equal('3/4415265a/n1');
  });

  it('leave other text alone, and what is resolved fits its template', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (before, value, after) => {
        const template = `${before}\${X}${after}`;
        const resolved = resolveVariables(template, { X: value });
        expect(couldBe(template, resolved)).to.equal(true);
        if (!hasVariables(before)) expect(resolveVariables(before, { X: value })).to.equal(before);
      }),
    );
  });

  it("are no way into an object's prototype", () => {
    expect(resolveVariables('${constructor} ${__proto__}', {})).to.equal(
      '${constructor} ${__proto__}',
    );
  });
});

describe('ports', () => {
  const resources: WireResources = {
    Shared: {
      Ports: [
        { Label: 'http', Value: 23142, To: 8080, HostIP: '10.0.0.1' },
        { Label: 'same', Value: 23143, To: 0, HostIP: '10.0.0.1' },
        { Label: '9000', Value: 23144 },
      ],
      Networks: [{ IP: '10.0.0.2', DynamicPorts: [{ Label: 'net', Value: 23150 }] }],
    },
    Tasks: { t: { Networks: [{ ReservedPorts: [{ Label: 'old', Value: 53 }] }] }, u: null },
  };
  const port = (label: string, inside = false) =>
    resolvePort({ label, inside, task: 't' }, resources);

  it('are found by label, in shared ports, shared networks and task networks', () => {
    expect([port('http'), port('net'), port('old'), port('none')]).to.deep.equal([
      23142,
      23150,
      53,
      undefined,
    ]);
  });

  it("are the inner ones at an allocation's own address, where they are mapped", () => {
    expect([port('http', true), port('same', true)]).to.deep.equal([8080, 23143]);
  });

  it('can be literal, unless a label reads so', () => {
    expect([port('8443'), port('9000'), port('0'), port('70000'), port('')]).to.deep.equal([
      8443,
      23144,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('give an address to an instance that was registered without one', () => {
    expect(hostAddress(resources, 'http')).to.equal('10.0.0.1');
    expect(hostAddress(resources, '8080')).to.equal('10.0.0.2');
    expect(hostAddress(undefined, 'http')).to.equal('');
  });
});

describe('a job spec', () => {
  const service = { Name: 's', Provider: 'nomad', PortLabel: 'http' };
  const job = (part: Partial<NonNullable<WireJob['TaskGroups']>[number]>): WireJob => ({
    ID: 'j',
    Name: 'j',
    Namespace: 'default',
    Version: 0,
    CreateIndex: 1,
    JobModifyIndex: 1,
    TaskGroups: [{ Name: 'g', ...part }],
  });
  const delays = (spec: WireJob): number[] =>
    toJobSpec(spec).blocks.map((one) => one.shutdownDelayMs);

  it("gives group services the group's delay and the least of its tasks', task services their own", () => {
    const tasks = [
      { Name: 'a', ShutdownDelay: 2e9, Services: [{ ...service, Name: 't' }] },
      { Name: 'b', ShutdownDelay: 5e9 },
    ];
    expect(delays(job({ ShutdownDelay: 1e9, Services: [service], Tasks: tasks }))).to.deep.equal([
      3000, 2000,
    ]);
    expect(delays(job({ Services: [service], Tasks: [] }))).to.deep.equal([0]);
  });

  it("keeps nothing of other providers' services", () => {
    expect(toJobSpec(job({ Services: [{ ...service, Provider: 'consul' }] })).blocks).to.deep.equal(
      [],
    );
  });

  it('reads null for whatever is empty', () => {
    expect(
      toJobSpec({ ...job({ Services: null, Tasks: null, Networks: null }), Meta: null }).blocks,
    ).to.deep.equal([]);
    const [only] = toJobSpec(job({ Services: [{ ...service, Tags: null, Checks: null }] })).blocks;
    expect(only).to.deep.include({ tags: [], checks: [], count: 1 });
  });
});

describe('opting in', () => {
  it('takes any case of key and value, under the prefix given', () => {
    expect(optsIn(['HAPROXY.ENABLE=True'], 'haproxy')).to.equal(true);
    expect(optsIn(['lb.enable=true'], 'LB')).to.equal(true);
    for (const tag of ['haproxy.enable=false', 'haproxy.enabled=true', 'other.enable=true']) {
      expect(optsIn([tag], 'haproxy'), tag).to.equal(false);
    }
  });

  it('is tried by a value that can not be read: the desired state says so', () => {
    for (const tag of ['haproxy.enable', 'haproxy.enable=ture', 'haproxy.enable=true=1']) {
      expect(optsIn([tag], 'haproxy'), tag).to.equal(true);
      expect(optsIn([tag, 'haproxy.enable=false'], 'haproxy'), tag).to.equal(false);
    }
  });
});

describe('trust', () => {
  it('needs an index and a known leader', () => {
    expect(isTrusted({ index: 1, knownLeader: true })).to.equal(true);
    expect(isTrusted({ index: 0, knownLeader: true })).to.equal(false);
    expect(isTrusted({ index: 9, knownLeader: false })).to.equal(false);
  });

  it('notices any index that goes back, and none that doesn’t', () => {
    const index = fc.nat();
    const indexes = fc.record({ services: index, allocations: index, jobs: index });
    fc.assert(
      fc.property(indexes, indexes, (before, now) => {
        const back = (['services', 'allocations', 'jobs'] as const).some(
          (one) => now[one] < before[one],
        );
        expect(wentBack(before, now) !== undefined).to.equal(back);
        expect(wentBack(undefined, now)).to.equal(undefined);
      }),
    );
  });
});

describe('lines of the event stream', () => {
  it('are the same however they are cut into chunks', () => {
    const line = fc.constantFrom('{}', '{"Index":1,"Events":[]}', '{"Index":2}', '');
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.integer({ min: 1, max: 7 })), (texts, sizes) => {
        const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
        const reader = createLineReader();
        const found: string[] = [];
        for (let at = 0, i = 0; at < bytes.length; i += 1) {
          const size = sizes[i % sizes.length] ?? 3;
          found.push(...reader.push(bytes.subarray(at, at + size)));
          at += size;
        }
        const want = texts
          .filter((text) => text !== '')
          .map((text) => (text === '{}' ? 'heartbeat' : 'event'));
        expect(found).to.deep.equal(want);
      }),
    );
  });

  it('are quiet where what they hold is, and events beyond a length', () => {
    const reader = createLineReader((line) => line?.includes('quiet') === true);
    const text = `{"quiet":1}\n{}\n{"loud":1}\n{"quiet":"${'x'.repeat(1_100_000)}"}\n {} \n{"quiet":2}\n`;
    const bytes = Buffer.from(text);
    const found = [...bytes].flatMap((byte) => reader.push(Uint8Array.of(byte)));
    const want = ['quiet', 'heartbeat', 'event', 'event', 'heartbeat', 'quiet'];
    expect(found).to.deep.equal(want);
    expect(createLineReader((line) => line?.includes('quiet') === true).push(bytes)).to.deep.equal(
      want,
    );
  });

  it('that are odd are never quiet', () => {
    const quiet = { jobs: new Set(['default batch']), parents: new Set(['default many']) };
    const alloc = {
      Topic: 'Allocation',
      Namespace: 'default',
      Key: 'id',
      FilterKeys: ['batch', ''],
    };
    const isQuiet = (text: string): boolean => {
      const line = readLine(text);
      return line !== undefined && areQuiet(line.events, quiet);
    };
    const line = (...Events: unknown[]): boolean => isQuiet(JSON.stringify({ Index: 1, Events }));
    expect(line(alloc)).to.equal(true);
    expect(line(alloc, { ...alloc, FilterKeys: ['many/periodic-1'] })).to.equal(true);
    const odd = [
      { ...alloc, Topic: 'Service' },
      { ...alloc, Topic: 'Job', Key: 'batch' },
      { ...alloc, Namespace: 'team' },
      { ...alloc, FilterKeys: null },
      { ...alloc, FilterKeys: [] },
      { ...alloc, FilterKeys: ['other', 'batch'] },
    ];
    for (const one of [...odd, null, 'text', 7])
      expect(line(alloc, one), JSON.stringify(one)).to.equal(false);
    for (const text of ['', 'null', '[]', '{"Events":{}}', '{"Events":[]}', '{"Index":1,"Ev']) {
      expect(isQuiet(text), text).to.equal(false);
    }
  });

  it('that are not complete are nothing', () => {
    expect(createLineReader().push(Buffer.from('{"Index":1,"Eve'))).to.deep.equal([]);
  });
});

describe('addresses', () => {
  it('are one text however an IPv6 address is spelled, as HAProxy 3.0 and 3.2 print it', () => {
    const printed: Record<string, readonly string[]> = {
      '::ffff:10.0.0.1': ['::ffff:a00:1', '0:0:0:0:0:FFFF:10.0.0.1', '[::ffff:0a00:0001]'],
      '::10.0.0.1': ['::a00:1', '::10.0.0.1'],
      '::2': ['0::2', '::0.0.0.2'],
      '::': ['0:0:0:0:0:0:0:0'],
      '::ffff:0:102:304': ['::ffff:0:1.2.3.4'],
      '64:ff9b::102:304': ['64:ff9b::1.2.3.4'],
      '1:0:0:2::3': ['1:0:0:2:0:0:0:3'],
      '2001:db8:0:1:1:1:1:1': ['2001:DB8::1:1:1:1:1'],
    };
    for (const [text, spellings] of Object.entries(printed)) {
      for (const one of [text, ...spellings]) expect(withoutBrackets(one), one).to.equal(text);
    }
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const text = withoutBrackets(address);
        expect(withoutBrackets(text)).to.equal(text);
        expect(isIP(text)).to.equal(6);
      }),
    );
  });

  it('are nothing where they are no address', () => {
    const odd = ['10.0.0.1:80', '1.2.3', '1.2.3.4.5', '999.1.1.1', 'a:b', 'fe80::1%eth0', '[x]:1'];
    for (const one of odd) expect(ipOrNothing(withoutBrackets(one)), one).to.equal('');
    expect(ipOrNothing('10.0.0.1')).to.equal('10.0.0.1');
  });

  it('lose brackets, and are told from host names', () => {
    expect(withoutBrackets('[2001:db8::1]')).to.equal('2001:db8::1');
    expect(['10.0.0.1', '::1', '', 'db.internal', 'host-1'].map(isHostName)).to.deep.equal([
      false,
      false,
      false,
      true,
      true,
    ]);
  });
});
