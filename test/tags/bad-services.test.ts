import { expect } from 'chai';

import type { NewService } from '../../fixtures/nomad/services.js';
import type { Echo } from './echo.js';
import { startWorld, type World } from './world.js';

interface Broken {
  readonly tags: readonly string[];
  readonly reason: RegExp;
  readonly more?: Partial<NewService>;
}

/** Ten ways to be broken; the name is the service's. */
const broken: Readonly<Record<string, Broken>> = {
  'no-number': { tags: ['check.rise=often'], reason: /check\.rise=often is invalid.*whole number/ },
  'no-path': { tags: ['check.path=health'], reason: /check\.path=health is invalid.*a path like/ },
  injection: {
    tags: ['request-header.set=X: 1"\n  server evil 10.6.6.6:80'],
    reason: /is invalid.*a header like/,
  },
  'no-type': { tags: ['check.type=ping'], reason: /check\.type=ping.*http, https, tcp or grpc/ },
  'no-host': { tags: ['domain=a b.example.com'], reason: /domain=a b\.example\.com.*a host name/ },
  'no-regex': {
    tags: ['domain.type=regex', 'domain=^((a'],
    reason: /domain=\^\(\(a is invalid; allowed: a regular expression/,
  },
  'given-twice': { tags: ['cookie=A', 'cookie=B'], reason: /given twice/ },
  claimed: { tags: ['domain=s1.example.com'], reason: /domain s1\.example\.com belongs to s1/ },
  'no-backend': {
    tags: ['backend=custom', 'backend.name=nowhere', 'domain=nowhere.example.com'],
    reason: /backend nowhere is not in HAProxy's configuration/,
  },
  conflict: {
    tags: ['backend.strategy=create_new', 'domain=conflict.example.com'],
    reason: /backend nomad_conflict already exists and is not the connector's/,
  },
};

const count = 1000;
const good = count - Object.keys(broken).length;

/** R1.5: one bad service, or ten, hold nobody up. */
describe('1,000 services where 10 are broken in different ways', function () {
  this.timeout(300_000);
  let world: World;
  let app: Echo;

  before(async () => {
    world = await startWorld({
      intervalMs: 5000,
      operator: '\nbackend nomad_conflict\n  server own 127.0.0.1:9\n',
    });
    app = await world.app('app');
    const instances = [{ address: app.address, port: app.port }];
    for (let at = 1; at <= good; at++) {
      world.serve(`s${at}`, [`domain=s${at}.example.com`, 'check.disabled=true'], { instances });
    }
    for (const [name, { tags, more }] of Object.entries(broken)) {
      world.serve(name, tags, { instances, ...more });
    }
  });
  after(() => world.close());

  it('990 are served in the first pass, 10 are named with reasons, and the exit code is 3', async () => {
    const { code, stdout, stderr } = await world.stack.run(['--once', '--output', 'json']);
    expect(code, stderr).to.equal(3);
    const { skipped } = JSON.parse(stdout) as {
      skipped: { readonly service: string; readonly reason: string }[];
    };
    const reasons = new Map(skipped.map(({ service, reason }) => [service, reason]));
    expect([...reasons.keys()].sort()).to.deep.equal(
      Object.keys(broken)
        .map((name) => `default/${name}`)
        .sort(),
    );
    for (const [name, { reason }] of Object.entries(broken)) {
      expect(reasons.get(`default/${name}`)).to.match(reason);
    }
    const failed: string[] = [];
    for (let at = 1; at <= good; at++) {
      const { got } = await world.ask(`s${at}.example.com`);
      if (got === undefined) failed.push(`s${at}`);
    }
    expect(failed).to.deep.equal([]);
    expect(await world.stack.configuration()).not.to.include('10.6.6.6');
  });
});
