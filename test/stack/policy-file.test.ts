import { expect } from 'chai';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { domainOf } from '../../fixtures/stack.js';
import { until } from './helpers.js';
import { useStack } from './stack.js';

describe('a policy file, edited while the program runs', function () {
  this.timeout(90_000);
  const stack = useStack();

  it('takes effect without a restart; while it is broken, its last valid content stays', async () => {
    const { root } = stack().dp.dirs;
    const file = join(root, 'policy.yaml');
    const config = join(root, 'with-policy.json');
    const given = JSON.parse(readFileSync(join(root, 'connector.json'), 'utf8')) as object;
    writeFileSync(config, JSON.stringify({ ...given, policy: { file } }));
    /** As editors and Nomad's templates do. */
    const write = (text: string): void => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    const [shop, blog] = [await stack().app('shop'), await stack().app('blog')];
    const isRouted = async (name: string) => (await stack().request(domainOf(name))).status === 200;
    write('mode: open\n');
    stack().serve('shop', [shop]);
    stack().serve('blog', [blog]);
    const program = await stack().spawnConnector(['--config', config, '--http-listen', 'off']);
    await stack().waitServed(domainOf('shop'), [shop]);
    await stack().waitServed(domainOf('blog'), [blog]);

    write(`reserved_domains: [${domainOf('shop')}]\n`);
    await until(async () => !(await isRouted('shop')));
    expect(await isRouted('blog')).to.equal(true);

    const warnings = (): number => program.output().split('policy file is invalid').length - 1;
    expect(warnings()).to.equal(0);
    write('reserved_domains: [unclosed\n');
    await until(() => warnings() === 1);
    // A pass since then: what it changed is seen.
    stack().serve('late', [blog]);
    await stack().waitServed(domainOf('late'), [blog]);
    expect([await isRouted('shop'), await isRouted('blog')]).to.deep.equal([false, true]);

    write(`reserved_domains: [${domainOf('blog')}]\n`);
    await stack().waitServed(domainOf('shop'), [shop]);
    await until(async () => !(await isRouted('blog')));
    expect(warnings()).to.equal(1);
    await program.stop();
  });
});
