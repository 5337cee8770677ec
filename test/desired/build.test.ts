import { expect } from 'chai';
import fc from 'fast-check';

import type { RouteFile } from '../../src/desired/types.js';
import { declaration, desired, enabled, instance, onlyBackend, service } from './given.js';

describe('the desired state', () => {
  it('holds services that opted in and nothing of others', () => {
    const off = service('off', { instances: [instance({ tags: ['haproxy.domain=x.io'] })] });
    const gone = service('gone');
    const state = desired([off, gone, service('web', { instances: [instance()] })]);
    expect(onlyBackend(state).name).to.equal('nomad_web');
    expect(state.skipped).to.be.empty;
  });

  it('R2.7: keeps backend and route of a service scaled to zero', () => {
    const declarations = [declaration({ tags: enabled('domain=x.io') })];
    const state = desired([service('web', { declarations })]);
    expect(onlyBackend(state).endpoints).to.be.empty;
    expect(state.routes.map(({ host }) => host)).to.deep.equal(['x.io']);
  });

  it("speaks with the newest instance's tags, and a canary's only when it is alone", () => {
    const of = (domain: string, jobVersion: number, canary = false) =>
      instance({ tags: enabled(`domain=${domain}`), allocation: { jobVersion, canary } });
    const hosts = (...instances: ReturnType<typeof of>[]) =>
      desired([service('web', { instances })]).routes.map(({ host }) => host);
    const canary = of('canary.io', 3, true);
    expect(hosts(of('old.io', 1), of('new.io', 2), canary)).to.deep.equal(['new.io']);
    expect(hosts(canary)).to.deep.equal(['canary.io']);
  });

  it('leaves a static service alone', () => {
    const web = service('web', { instances: [instance({ tags: enabled('backend=static') })] });
    const empty = { backends: [], routes: [], skipped: [], kept: [], warnings: [] };
    expect(desired([web])).to.deep.equal(empty);
  });

  it("joins an operator's backend with servers only", () => {
    const tags = enabled('backend=custom', 'backend.name=pool', 'check.interval=3s', 'domain=x.io');
    const state = desired([service('web', { instances: [instance({ tags })] })]);
    const backend = onlyBackend(state);
    expect(backend).to.deep.include({
      kind: 'custom',
      name: 'pool',
      slotPrefix: 'nomad_web',
      section: {},
      checkSummary: 'check every 3s',
    });
    expect(backend.serverFields).to.deep.include({ check: 'enabled', inter: 3000 });
    expect(state.routes[0]?.backend).to.equal('pool');
  });

  it("refuses a custom backend that is another service's own or the connector's", () => {
    const custom = (name: string, backend: string) =>
      service(name, {
        instances: [instance({ tags: enabled('backend=custom', `backend.name=${backend}`) })],
      });
    const web = service('web', { instances: [instance()] });
    const state = desired([custom('a', 'nomad_web'), custom('b', 'nomad__connector'), web]);
    expect(state.skipped.map(({ code, reason }) => [code, reason])).to.deep.equal([
      ['name-conflict', 'service default/a: backend nomad_web belongs to default/web'],
      ['name-conflict', 'service default/b: backend nomad__connector belongs to the connector'],
    ]);
  });

  it('skips what HAProxy refused until its input changes, and not for its endpoints', () => {
    const of = (path: string, count = 1) =>
      service('web', {
        instances: Array.from({ length: count }, () =>
          instance({ tags: enabled(`check.path=${path}`) }),
        ),
      });
    const { fingerprint } = onlyBackend(desired([of('/a')]));
    const rejected = { 'default/web': { fingerprint, reason: 'line 7: no' } };
    expect(desired([of('/a', 3)], { rejected }).skipped).to.deep.equal([
      {
        service: 'default/web',
        code: 'rejected-by-haproxy',
        reason: 'line 7: no',
        backend: 'nomad_web',
      },
    ]);
    expect(desired([of('/b')], { rejected }).skipped).to.be.empty;
  });

  it('holds routes to what is not in Nomad', () => {
    const file: RouteFile = {
      name: 'legacy',
      targets: [
        { address: '10.0.0.5', port: 8080 },
        { address: '::1', port: 80, weight: 5 },
      ],
      tags: ['domain=a.example.com', 'check.path=/health'],
    };
    const state = desired([], { routeFiles: [file] });
    const backend = onlyBackend(state);
    expect(backend).to.deep.include({
      name: 'nomad_route.file_legacy',
      service: 'file:legacy',
      checkSummary: 'check GET /health every 10s',
    });
    expect(backend.endpoints.map(({ id, weight }) => [id, weight])).to.deep.equal([
      ['10.0.0.5:8080', 100],
      ['[::1]:80', 5],
    ]);
    expect(state.routes[0]).to.deep.include({ host: 'a.example.com', service: 'file:legacy' });
  });

  it('serves the others when some are broken, and names those', () => {
    const bad = [
      'domain=no good',
      'weight=-1',
      'cookie=a b',
      'path=x',
      'mode=udp',
      'rate-limit=fast',
    ];
    const services = Array.from({ length: 100 }, (_, number) => {
      const tags = enabled(
        `domain=s${number}.io`,
        ...(bad[number] === undefined ? [] : [bad[number]]),
      );
      return service(`s${number}`, { instances: [instance({ tags })] });
    });
    const state = desired(services);
    expect(state.backends).to.have.length(94);
    expect(state.skipped.map(({ code }) => code)).to.deep.equal(Array(6).fill('invalid-tag'));
  });

  it('does not depend on the order of anything that it is given', () => {
    const services = Array.from({ length: 8 }, (_, number) =>
      service(`s${number}`, {
        claimedAt: number % 3,
        instances: [1, 2].map((jobVersion) =>
          instance({
            tags: enabled(
              `domain=d${number % 4}.io`,
              `domain=e${number}.io`,
              `weight=${jobVersion}`,
            ),
            allocation: { jobVersion },
          }),
        ),
      }),
    );
    const expected = desired(services);
    const shuffled = fc.shuffledSubarray(services, { minLength: services.length });
    fc.assert(
      fc.property(shuffled, fc.boolean(), (given, flip) => {
        const turned = given.map((one) =>
          flip ? { ...one, instances: [...one.instances].reverse() } : one,
        );
        expect(desired(turned)).to.deep.equal(expected);
      }),
      { numRuns: 50 },
    );
  });
});
