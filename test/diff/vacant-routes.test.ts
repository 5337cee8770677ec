import { expect } from 'chai';

import type { DesiredRoute } from '../../src/desired/types.js';
import { connectorBackendName } from '../../src/haproxy/names.js';
import { textAt } from '../../src/shared/json.js';
import {
  actualState,
  backend,
  desiredState,
  input,
  planFor,
  route,
  withSettings,
} from './given.js';
import { converge } from './model.js';

const own = connectorBackendName('nomad_');

for (const mode of ['map', 'rules'] as const) {
  describe(`hosts whose owner is away, in mode ${mode}`, () => {
    const settings = withSettings({ routing: { mode } });
    const web = route('*.x.io', { match: 'wildcard', host: 'x.io' });
    const shopBackend = backend('shop', { service: 'other/shop', fingerprint: 'shop' });
    const shop = (host: string, more: Partial<DesiredRoute> = {}) =>
      route(host, { backend: 'nomad_shop', service: 'other/shop', ...more });
    const closed = (host: string) => route(host, { backend: own });
    const both = desiredState([backend('web'), shopBackend], [web, shop('a.x.io')]);
    const before = converge(input(both, actualState(), { settings }));
    const away = desiredState([backend('web')], [web], {
      vacant: [closed('a.x.io'), closed('a.x.io')],
    });
    const targets = ({ maps, frontends }: typeof before): string => {
      const inMaps = maps['nomad_exact']?.entries?.['a.x.io'];
      const inRules = frontends['http_front']?.rules.map((rule) => textAt(rule, 'name')).join(' ');
      return mode === 'map' ? (inMaps ?? '') : (inRules ?? '');
    };

    it("lead to the connector's backend, before the pattern, and nothing is left to do", () => {
      const actual = converge(input(away, before, { settings }));
      expect(targets(actual)).to.equal(mode === 'map' ? own : `${own} nomad_web`);
      expect(planFor(away, actual, { settings }).steps).to.deep.equal([]);
      const back = converge(input(both, actual, { settings }));
      expect(targets(back)).to.equal(mode === 'map' ? 'nomad_shop' : 'nomad_shop nomad_web');
    });

    it('stay where they lead while the service is skipped, or held', () => {
      const skipped = [
        { service: 'other/shop', code: 'invalid-tag', reason: 'tag', backend: 'nomad_shop' },
      ] as const;
      const state = { ...away, skipped };
      expect(planFor(state, before, { settings }).steps).to.deep.equal([]);
    });
  });
}
