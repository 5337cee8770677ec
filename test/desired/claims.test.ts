import { expect } from 'chai';

import type { RouteFile } from '../../src/desired/types.js';
import type { CatalogService } from '../../src/observe/types.js';
import { desired, enabled, instance, service } from './given.js';

function claiming(name: string, claimedAt: number, ...domains: readonly string[]): CatalogService {
  const tags = enabled(...domains.map((domain) => `domain=${domain}`));
  return service(name, { claimedAt, instances: [instance({ tags })] });
}

const owners = (services: readonly CatalogService[], routeFiles: readonly RouteFile[] = []) =>
  desired(services, { routeFiles }).routes.map(({ host, service: owner }) => [host, owner]);

describe('a domain that several services claim', () => {
  it('belongs to the older job, and the other is skipped with a reason', () => {
    const state = desired([claiming('shop', 20, 'x.io'), claiming('web', 10, 'x.io')]);
    expect(state.routes.map(({ service: owner }) => owner)).to.deep.equal(['default/web']);
    expect(state.backends.map(({ name }) => name)).to.deep.equal(['nomad_web']);
    expect(state.skipped).to.deep.equal([
      { service: 'default/shop', code: 'domain-claimed', reason: 'domain x.io belongs to web' },
    ]);
  });

  it('goes by namespace and name between equally old ones', () => {
    const a = { ...claiming('z', 10, 'x.io'), namespace: 'a' };
    const b = { ...claiming('a', 10, 'x.io'), namespace: 'b' };
    expect(owners([b, a])).to.deep.equal([['x.io', 'a/z']]);
    expect(owners([claiming('b', 10, 'x.io'), claiming('a', 10, 'x.io')])).to.deep.equal([
      ['x.io', 'default/a'],
    ]);
  });

  it('leaves the loser its other domains, with a warning', () => {
    const state = desired([claiming('web', 10, 'x.io'), claiming('shop', 20, 'x.io', 'y.io')]);
    expect(state.routes.map(({ host, backend }) => [host, backend])).to.deep.equal([
      ['x.io', 'nomad_web'],
      ['y.io', 'nomad_shop'],
    ]);
    expect(state.skipped).to.be.empty;
    expect(state.warnings).to.deep.equal([
      { service: 'default/shop', code: 'domain-claimed', message: 'domain x.io belongs to web' },
    ]);
  });

  it("does not flip at the older one's deploy or slip in a tag", () => {
    const slip = { tags: enabled('domain=x.io', 'weight=heavy'), allocation: { jobVersion: 9 } };
    const web = service('web', { claimedAt: 10, instances: [instance(slip)] });
    const state = desired([web, claiming('shop', 20, 'x.io')]);
    expect(state.routes).to.be.empty;
    expect(state.skipped.map(({ code }) => code)).to.deep.equal(['domain-claimed', 'invalid-tag']);
  });

  it('belongs to the file that names it, however old the job', () => {
    const targets = [{ address: '10.0.0.9', port: 80 }];
    const file: RouteFile = { name: 'legacy', targets, tags: ['domain=x.io'] };
    expect(owners([claiming('web', 1, 'x.io')], [file])).to.deep.equal([['x.io', 'file:legacy']]);
    const [skipped] = desired([claiming('web', 1, 'x.io')], { routeFiles: [file] }).skipped;
    expect(skipped?.reason).to.equal('domain x.io belongs to the route file legacy');
  });

  it('is not the same with another path, type, mode or frontend', () => {
    const tags = ['domain=x.io', 'path=/api'];
    const api = service('api', { instances: [instance({ tags: enabled(...tags) })] });
    const other = service('other', {
      instances: [instance({ tags: enabled('domain=x.io', 'frontend=internal') })],
    });
    const tcp = service('tcp', {
      instances: [instance({ tags: enabled('domain=x.io', 'mode=tcp') })],
    });
    const state = desired([claiming('web', 10, 'x.io', '*.x.io'), api, other, tcp]);
    expect(state.skipped).to.be.empty;
    expect(state.routes).to.have.length(5);
  });

  it('between two ports of one job keeps a stable owner', () => {
    const both = [claiming('web', 10, 'x.io'), claiming('admin', 10, 'x.io')];
    expect(owners(both)).to.deep.equal(owners([...both].reverse()));
  });
});
