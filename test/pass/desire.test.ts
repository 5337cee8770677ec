import { expect } from 'chai';

import { desire, type DesireInput } from '../../src/pass/desire.js';
import { catalogOf, enabled, instance, onlyBackend, service, settings } from '../desired/given.js';

const web = service('web', { instances: [instance({ tags: enabled('domain=web.io') })] });
const file = {
  name: 'legacy',
  targets: [{ address: '10.9.9.9', port: 80 }],
  tags: ['domain=legacy.io'],
};

function desired(given: Partial<DesireInput> = {}) {
  const routes = { files: [], bad: [] };
  return desire({ catalog: catalogOf(web), settings, routes, rejected: {}, ...given });
}

describe('desire', () => {
  it("joins Nomad's services and the routes folder", () => {
    const { backends, routes, skipped } = desired({ routes: { files: [file], bad: [] } });
    expect(backends.map((one) => one.service)).to.have.members(['default/web', 'file:legacy']);
    expect(routes.map(({ host }) => host)).to.have.members(['web.io', 'legacy.io']);
    expect(skipped).to.deep.equal([]);
  });

  it('names a bad file, and keeps the backend of one whose last good state is not known', () => {
    const bad = [{ name: 'legacy', reason: 'targets: at least one is required' }];
    const { skipped } = desired({ routes: { files: [], bad } });
    expect(skipped).to.deep.equal([
      {
        service: 'file:legacy',
        code: 'invalid-route-file',
        reason: 'targets: at least one is required',
        backend: 'nomad_route.file_legacy',
      },
    ]);
  });

  it('serves the last good state of a file that turned bad, and names it', () => {
    const bad = [{ name: 'legacy', reason: 'no YAML' }];
    const { backends, skipped } = desired({ routes: { files: [file], bad } });
    expect(backends.map((one) => one.service)).to.include('file:legacy');
    expect(skipped).to.deep.equal([
      { service: 'file:legacy', code: 'invalid-route-file', reason: 'no YAML' },
    ]);
  });

  it('skips what HAProxy refused until its input changes', () => {
    const { fingerprint } = onlyBackend(desired());
    const rejected = { 'default/web': { fingerprint, reason: 'unknown keyword' } };
    const refused = desired({ rejected });
    expect(refused.backends).to.deep.equal([]);
    expect(refused.skipped[0]).to.include({
      service: 'default/web',
      code: 'rejected-by-haproxy',
      backend: 'nomad_web',
    });
    const changed = service('web', { instances: [instance({ tags: enabled('domain=new.io') })] });
    expect(desired({ rejected, catalog: catalogOf(changed) }).skipped).to.deep.equal([]);
  });
});
