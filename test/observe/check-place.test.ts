import { expect } from 'chai';
import { declaredChecks, instanceChecks } from '../../src/observe/catalog/model/checks.js';
import type {
  WireCheck,
  WireResources,
  WireService,
} from '../../src/observe/nomad/answers/shapes.js';
import { toJobSpec, type ServiceBlock } from '../../src/observe/catalog/model/spec.js';
import type { CheckSpec } from '../../src/observe/types.js';

type Service = Pick<WireService, 'Address' | 'AddressMode' | 'PortLabel'>;

function blockOf(check: Partial<WireCheck>, service: Service = {}): ServiceBlock {
  const Checks = [{ Name: 'c', Type: 'http', Path: '/h', Interval: 1e10, Timeout: 1e9, ...check }];
  const [block] = toJobSpec({
    ID: 'web',
    Name: 'web',
    Namespace: 'default',
    Version: 0,
    CreateIndex: 1,
    JobModifyIndex: 1,
    TaskGroups: [
      {
        Name: 'g',
        Networks: [
          {
            DynamicPorts: [
              { Label: 'http', HostNetwork: 'default' },
              { Label: 'near', HostNetwork: '' },
              { Label: 'admin', HostNetwork: 'private' },
            ],
            ReservedPorts: [{ Label: 'fixed', Value: 9100, HostNetwork: 'default' }],
          },
        ],
        Services: [{ Name: 'web', Provider: 'nomad', PortLabel: 'http', ...service, Checks }],
      },
    ],
  }).blocks;
  if (block === undefined) throw new Error('no block');
  return block;
}

function resources(HostIP = '203.0.113.5', adminIP = '10.0.0.5'): WireResources {
  return {
    Shared: {
      Networks: [{ IP: HostIP }],
      Ports: [
        { Label: 'http', Value: 20001, To: 8080, HostIP },
        { Label: 'near', Value: 20002, To: 8081, HostIP },
        { Label: 'fixed', Value: 9100, HostIP },
        { Label: 'admin', Value: 21001, To: 8082, HostIP: adminIP },
      ],
    },
  };
}

type Place = Pick<CheckSpec, 'port' | 'elsewhere'>;

function placeOf(
  check: Partial<WireCheck>,
  service: Service = {},
  servicePort = 20001,
  given: WireResources | undefined = resources(),
): Place {
  const [spec] = instanceChecks(blockOf(check, service), servicePort, given, {});
  const { port, elsewhere } = spec!;
  return {
    ...(port === undefined ? {} : { port }),
    ...(elsewhere === undefined ? {} : { elsewhere }),
  };
}

const inside = { AddressMode: 'alloc' };

describe('the place of a check', () => {
  it("is the service's own port where the job names none, or that one", () => {
    for (const service of [{}, inside, { AddressMode: 'alloc_ipv6' }, { Address: 'lb.internal' }]) {
      for (const check of [{}, { PortLabel: 'http' }, { AddressMode: 'alloc' }]) {
        const port = service === inside ? 8080 : 20001;
        expect(placeOf(check, service, port)).to.deep.equal({});
      }
    }
  });

  it('is another port of the same address', () => {
    expect(placeOf({ PortLabel: 'near' })).to.deep.equal({ port: 20002 });
    expect(placeOf({ PortLabel: 'fixed', AddressMode: 'host' })).to.deep.equal({ port: 9100 });
    expect(placeOf({ PortLabel: '9000' })).to.deep.equal({ port: 9000 });
  });

  it("is elsewhere where the port is on another host network than the service's", () => {
    expect(placeOf({ PortLabel: 'admin' }).elsewhere).to.equal('its port "admin" is on 10.0.0.5');
    const six = resources('2001:db8::5', '2001:db8:0::6');
    expect(placeOf({ PortLabel: 'admin' }, {}, 20001, six).elsewhere).to.include('2001:db8::6');
    const both = resources('203.0.113.5', '2001:db8::6');
    expect(placeOf({ PortLabel: 'admin' }, {}, 20001, both).elsewhere).to.include('2001:db8::6');
  });

  it('is no other address where it is only spelled otherwise', () => {
    const same = resources('2001:db8::5', '2001:DB8:0:0::5');
    expect(placeOf({ PortLabel: 'admin' }, {}, 20001, same)).to.deep.equal({ port: 21001 });
  });

  it("is the port inside where the service registers the allocation's address", () => {
    for (const check of [{}, inside, { AddressMode: 'host' }]) {
      expect(placeOf({ ...check, PortLabel: 'admin' }, inside, 8080)).to.deep.equal({ port: 8082 });
    }
    // Mode auto, and a driver with a network of its own.
    expect(placeOf({ PortLabel: 'near' }, { AddressMode: 'auto' }, 8080)).to.deep.equal({
      port: 8081,
    });
  });

  it('of a number is at the address that Nomad checks, or elsewhere', () => {
    expect(placeOf({ PortLabel: '9000', ...inside }).elsewhere).to.equal(
      "its port 9000 is on the allocation's own address",
    );
    expect(placeOf({ PortLabel: '9000' }, inside, 8080).elsewhere).to.equal(
      "its port 9000 is on the host's address",
    );
    expect(placeOf({ PortLabel: '9000', ...inside }, inside, 8080)).to.deep.equal({ port: 9000 });
    expect(placeOf({ PortLabel: '9000', AddressMode: 'driver' }).elsewhere).to.be.a('string');
  });

  it("is elsewhere where one of both is the allocation's IPv6 address", () => {
    const six = { AddressMode: 'alloc_ipv6' };
    expect(placeOf({ PortLabel: 'near', ...six }).elsewhere).to.include('IPv6');
    expect(placeOf({ PortLabel: 'near' }, six, 8080).elsewhere).to.include('IPv6');
    expect(placeOf({ PortLabel: 'near', ...six }, six, 8080)).to.deep.equal({ port: 8081 });
  });

  it("is at the job's own address, with the host's port", () => {
    const own = { Address: 'lb.example.com' };
    expect(placeOf({ PortLabel: 'admin' }, own)).to.deep.equal({ port: 21001 });
    expect(placeOf({ PortLabel: '9000' }, own)).to.deep.equal({ port: 9000 });
  });

  it('is elsewhere where there is no such port', () => {
    expect(placeOf({ PortLabel: 'none' }).elsewhere).to.equal('its port "none" is not known');
  });

  it('is known from the spec alone as far as that goes', () => {
    const declared = (check: Partial<WireCheck>, service: Service = {}): Place => {
      const { port, elsewhere } = declaredChecks(blockOf(check, service))[0]!;
      return { ...(port ? { port } : {}), ...(elsewhere ? { elsewhere } : {}) };
    };
    expect(declared({ PortLabel: 'fixed' })).to.deep.equal({ port: 9100 });
    expect(declared({ PortLabel: 'near' })).to.deep.equal({});
    expect(declared({ PortLabel: 'admin' }).elsewhere).to.include('host network');
    expect(declared({ PortLabel: 'admin' }, inside)).to.deep.equal({});
    expect(declared({ PortLabel: '9000' })).to.deep.equal({ port: 9000 });
    expect(declared({ PortLabel: '9000', ...inside }).elsewhere).to.be.a('string');
  });

  it('comes with the body that the job sends', () => {
    const [spec] = instanceChecks(
      blockOf({ Method: 'POST', Body: ' {"q":"${NOMAD_ALLOC_INDEX}"}' }),
      20001,
      resources(),
      { NOMAD_ALLOC_INDEX: '3' },
    );
    expect(spec).to.include({ method: 'POST', body: ' {"q":"3"}' });
  });
});
