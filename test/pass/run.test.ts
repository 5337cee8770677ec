import { expect } from 'chai';

import { ConnectorError } from '../../src/shared/errors.js';
import type { Outcome } from '../../src/pass/run.js';
import { catalogOf, enabled, instance, service } from '../desired/given.js';
import { nomadState, passesOver } from './given.js';
import { haproxy, refuses } from './given-haproxy.js';

const web = service('web', { instances: [instance({ tags: enabled('domain=web.io') })] });
const down = new ConnectorError('haproxy-down', 'no answer');
const unreachable = new ConnectorError('nomad-unreachable', 'no answer');

/** Three HAProxies, and passes over them. */
function three() {
  const proxies = ['one', 'two', 'three'].map((name) => haproxy(name));
  const [first, second, third] = proxies;
  if (!first || !second || !third) throw new Error('there are three');
  const state = nomadState(catalogOf(web));
  const { pass, reads } = passesOver(
    proxies.map(({ target }) => target),
    state,
  );
  return { first, second, third, proxies, state, pass, reads };
}

function codes(outcomes: readonly Outcome[]): string[] {
  return outcomes.map((one) => `${one.side} ${'error' in one ? one.error.code : 'ok'}`);
}

describe('a pass over several targets', () => {
  it('reads the catalog once, and brings each in line', async () => {
    const { pass, proxies, reads } = three();
    expect(codes(await pass())).to.deep.equal(['one ok', 'two ok', 'three ok']);
    for (const { stands } of proxies) expect(stands()).to.deep.equal(['nomad_web']);
    expect(reads).to.deep.equal([{ of: 'catalog', full: false }]);
  });

  it("leaves a target's failure its own, whenever it comes", async () => {
    const reading = three();
    reading.second.state.readErrors = [down];
    expect(codes(await reading.pass())).to.deep.equal(['one ok', 'two haproxy-down', 'three ok']);
    const writing = three();
    writing.second.state.script.commit = () => refuses(500, 'no space left');
    expect(codes(await writing.pass())).to.deep.equal(['one ok', 'two haproxy-failed', 'three ok']);
    for (const { first, second, third } of [reading, writing]) {
      expect(first.stands()).to.deep.equal(['nomad_web']);
      expect(second.stands()).to.deep.equal([]);
      expect(third.stands()).to.deep.equal(['nomad_web']);
    }
  });

  it('remembers what one refuses for that one alone', async () => {
    const { pass, first, second, third } = three();
    second.state.script.commit = (_, edits) =>
      edits.length > 0 ? refuses(400, 'validation error: nomad_web') : undefined;
    await pass();
    expect(second.blamed()).to.deep.equal(['default/web']);
    expect([...first.blamed(), ...third.blamed()]).to.deep.equal([]);
  });

  it('fails for Nomad once, and writes nothing, where the catalog cannot be read', async () => {
    const { pass, proxies, state } = three();
    state.catalogErrors = [unreachable];
    const outcomes = await pass();
    expect(codes(outcomes)).to.deep.equal(['nomad nomad-unreachable']);
    for (const { sent } of proxies) expect(sent).to.deep.equal([]);
    expect(codes(await pass())).to.deep.equal(['one ok', 'two ok', 'three ok']);
  });

  it('says that Nomad failed although a target did so too', async () => {
    const { pass, second, state } = three();
    state.catalogErrors = [unreachable];
    second.state.readErrors = [down];
    expect(codes(await pass())).to.deep.equal(['nomad nomad-unreachable']);
  });

  it('runs only those that are due', async () => {
    const { pass, first, second, third, reads } = three();
    const outcomes = await pass((side) => side !== 'two');
    expect(codes(outcomes)).to.deep.equal(['one ok', 'three ok']);
    expect(second.reads).to.deep.equal([]);
    expect([...first.stands(), ...third.stands()]).to.have.length(2);
    expect(reads).to.have.length(1);
  });

  it('reads everything again where one of them failed, and HAProxy there alone', async () => {
    const { pass, first, second, reads } = three();
    await pass();
    second.state.readErrors = [down];
    await pass();
    reads.splice(0);
    for (const one of [first, second]) one.reads.splice(0);
    await pass();
    expect(reads).to.deep.equal([{ of: 'catalog', full: true }]);
    expect(second.reads[0]?.full).to.equal(true);
    expect(first.reads[0]?.full).to.equal(false);
  });

  it('says how long each took, the read of Nomad included', async () => {
    const { pass } = three();
    for (const one of await pass()) {
      const times = 'picture' in one ? one.picture.times : one.times;
      expect(Object.keys(times.phases)).to.include.members([
        'observe',
        'desired',
        'actual',
        'diff',
      ]);
    }
  });
});
