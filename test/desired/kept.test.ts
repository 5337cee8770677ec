import { expect } from 'chai';
import fc from 'fast-check';

import { tagNames, tagRows } from '../../src/desired/vocabulary.js';
import { declaration, desired, enabled, instance, service } from './given.js';

/** No key takes this. */
const garbage = '\u0001 1k "';

const stopping = { desiredStatus: 'stop' } as const;

describe('instances of a skipped service are known all the same', () => {
  for (const name of tagNames) {
    const tag = `${tagRows[name].key}=${garbage}`;
    it(`with haproxy.${tagRows[name].key} in a form that is not allowed`, () => {
      const good = enabled('domain=web.example.com');
      const bad =
        name === 'enable' ? [`haproxy.${tag}`, ...good.slice(1)] : [...good, `haproxy.${tag}`];
      const old = instance({ id: 'old', tags: good, allocation: stopping });
      const next = instance({ id: 'new', tags: bad, allocation: { jobVersion: 1 } });
      const pending = { jobVersion: 1, clientStatus: 'pending' } as const;
      const late = instance({ id: 'late', tags: bad, allocation: pending });
      const instances = [old, next, late];
      const state = desired([
        service('web', { instances, declarations: [declaration({ count: 2 })] }),
      ]);
      expect(state.skipped.map(({ code }) => code)).to.deep.equal(['invalid-tag']);
      const [kept] = state.kept;
      expect(kept).to.include({ service: 'default/web', expected: 2 });
      expect(kept?.endpoints.map(({ id, phase }) => [id, phase])).to.deep.equal([
        ['late', 'gate'],
        ['new', 'serve'],
        ['old', 'drain'],
      ]);
    });
  }

  it('also where HAProxy refused it, or another has its domain', () => {
    const one = (name: string) =>
      service(name, { instances: [instance({ id: name, tags: enabled('domain=x.io') })] });
    const [claimed] = desired([one('a'), one('b')]).kept;
    expect(claimed?.endpoints.map(({ id }) => id)).to.deep.equal(['b']);
    const fingerprint = desired([one('a')]).backends[0]!.fingerprint;
    const rejected = { 'default/a': { fingerprint, reason: 'no' } };
    const [refused] = desired([one('a')], { rejected }).kept;
    expect(refused?.endpoints.map(({ id }) => id)).to.deep.equal(['a']);
  });

  it('one that is planned is not kept besides', () => {
    expect(desired([service('web', { instances: [instance()] })]).kept).to.deep.equal([]);
  });

  it('says what its own tags and job spec do not tell', () => {
    const tags = (...more: string[]) => enabled('maxconn=1k', ...more);
    const instances = [
      instance({ id: 'a', tags: tags('weight=7', 'check.port=9000') }),
      instance({ id: 'b', tags: tags('weight=7x', 'check.port=9000') }),
      instance({ id: 'c', tags: tags('weight=7', 'check.port=9o00') }),
      instance({ id: 'd', tags: tags(), checks: 'unreadable' }),
      instance({ id: 'e', tags: tags('canary.weight=no'), allocation: { canary: true } }),
    ];
    const [kept] = desired([service('web', { instances })]).kept;
    const shown = kept?.endpoints.map(({ weight, checkPort, unread = [] }) => [
      weight,
      checkPort,
      ...unread,
    ]);
    expect(shown).to.deep.equal([
      [7, 9000],
      [100, 9000, 'weight'],
      [7, undefined, 'checkPort'],
      [100, undefined, 'checkPort'],
      [100, undefined, 'weight'],
    ]);
    expect(kept?.canaries).to.deep.equal(['e']);
  });

  it('whatever the value, every instance is either planned or kept', () => {
    const someTag = fc
      .tuple(
        fc.constantFrom(...tagNames),
        fc.oneof(fc.string(), fc.constantFrom('1k', 'ture', 'po ol')),
      )
      .map(([name, value]) => `haproxy.${tagRows[name].key}=${value}`);
    fc.assert(
      fc.property(fc.array(someTag, { maxLength: 4 }), (tags) => {
        if (tags.some((tag) => /=\s*(static|false)\s*$/i.test(tag))) return;
        const instances = ['a', 'b'].map((id) => instance({ id, tags: [...enabled(), ...tags] }));
        const state = desired([service('web', { instances })]);
        const all = [...state.backends, ...state.kept].flatMap(({ endpoints }) => endpoints);
        expect(all.map(({ id }) => id)).to.deep.equal(['a', 'b']);
      }),
    );
  });
});

describe('an instance whose own tags can not all be read', () => {
  it('has the rest of them, and the service goes on: a canary with a slip in its share', () => {
    const stable = instance({ id: 's', tags: enabled('weight=50') });
    const slips = ['canary.weight=1O', 'weight=20', 'check.path=/canary'];
    const canary = instance({
      id: 'c',
      tags: enabled(...slips),
      allocation: { canary: true, jobVersion: 1 },
    });
    const state = desired([service('web', { instances: [stable, canary] })]);
    expect(state.skipped).to.deep.equal([]);
    const weights = state.backends[0]?.endpoints.map(({ id, weight }) => [id, weight]);
    expect(weights).to.deep.equal([
      ['c', 20],
      ['s', 50],
    ]);
    expect(state.warnings.map(({ code }) => code)).to.include('ignored-tag');
    expect(state.warnings.map(({ message }) => message).join()).to.contain(
      'tag haproxy.canary.weight=1O of instance c is ignored',
    );
  });
});
