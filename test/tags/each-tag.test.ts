import { expect } from 'chai';

import { tagNames, tagRows } from '../../src/desired/vocabulary.js';
import { type Proof, proofOf, type TagCase } from './cases.js';
import { checkCases, closeHealthServers } from './check-cases.js';
import type { Echo } from './echo.js';
import { startLoad } from './load.js';
import { routeCases } from './route-cases.js';
import { closeDeafPorts, trafficCases } from './traffic-cases.js';
import { inRules, startWorld, type World } from './world.js';

const cases: readonly TagCase[] = [...routeCases, ...checkCases, ...trafficCases];
const nameOf = (one: TagCase): string => `t${cases.indexOf(one)}`;

const pools = ['own-pool', 'op_pool'].map(
  (name) => `
backend ${name}
  option httpchk HEAD /status
  http-check expect status 200
  http-response set-header X-Pool ${name}
`,
);

/**
 * Every form of every tag, through the whole connector: the catalog, one pass, HAProxy, and the
 * request or the check that proves it. All services are made in one pass, then the routes are proven
 * again in rules mode, and once more in maps.
 */
describe('every tag on real HAProxy', function () {
  this.timeout(60_000);
  let world: World;
  const proofs = new Map<TagCase, Proof>();

  before(async function () {
    this.timeout(300_000);
    world = await startWorld({ operator: pools.join('') });
    for (const one of cases) proofs.set(one, await given(world, one));
    const { rest } = await world.converge();
    expect(rest.skipped).to.deep.equal([]);
  });
  after(async () => {
    closeHealthServers();
    closeDeafPorts();
    await world.close();
  });

  const prove = (one: TagCase) => async () => {
    await one.prove(proofs.get(one)!);
  };

  for (const one of cases) it(`${one.key}: ${one.title}`, prove(one));

  it('no tag is left out', () => {
    const proven = new Set(cases.map(({ key }) => key));
    expect(tagNames.map((name) => tagRows[name].key).filter((key) => !proven.has(key))).to.be.empty;
  });

  it('to rules and back to maps in one pass each, without a lost request', async () => {
    const hosts = [
      'exact.example.com',
      'a.wild.example.com',
      'pre-1.example.com',
      'rx7.example.com',
    ];
    const load = startLoad(world, hosts);
    const first = await world.pass(inRules);
    const second = await world.pass();
    const third = await world.pass(inRules);
    expect((await load.stop()).lost).to.deep.equal([]);
    for (const { rest, steps } of [first, second, third]) {
      expect([steps.length > 0, rest.steps]).to.deep.equal([true, []]);
    }
    const [front, maps] = [await world.section('frontend', 'http_front'), 'nomad_exact.map'];
    expect(front.join('\n')).not.to.include(maps);
  });

  describe('in rules mode', () => {
    for (const one of cases.filter(({ routing }) => routing)) {
      it(`${one.key}: ${one.title}`, prove(one));
    }
  });

  describe('at last', () => {
    it('what is gone from Nomad leaves nothing but what the operator had', async () => {
      for (const one of cases) {
        world.stack.nomad.removeService(proofs.get(one)!.service);
      }
      await world.converge(inRules);
      const text = await world.stack.configuration();
      const left = text.split('\n').filter((line) => /nomad_t\d|nomad__acl/.test(line));
      expect(left).to.deep.equal([]);
      for (const one of pools) {
        for (const line of one.trim().split('\n')) expect(text).to.include(line.trim());
      }
    });
  });
});

async function given(world: World, one: TagCase): Promise<Proof> {
  const name = nameOf(one);
  const apps: Echo[] = [];
  const kinds = one.apps ?? ['http'];
  for (const [at, kind] of (one.instances === undefined ? kinds : []).entries()) {
    apps.push(await world.app(`${name}-${at}`, kind));
  }
  one.prepare?.(apps);
  const own = one.domain === false || one.tags.some((tag) => tag.startsWith('domain='));
  const tags = own ? one.tags : [...one.tags, `domain=${name}.example.com`];
  const instances = await (one.instances?.() ??
    Promise.resolve(apps.map(({ address, port }) => ({ address, port }))));
  const handle = world.serve(name, tags, { instances, ...one.more?.(apps) });
  return proofOf(world, handle.name, apps);
}
