import { readFile, writeFile } from 'node:fs/promises';

import { expect } from 'chai';

import { domainOf } from '../../fixtures/stack.js';
import { useDeploys } from '../deploys/stack.js';

describe("the server state file, where an operator's script writes too", () => {
  const deploys = useDeploys();

  it('a dry run leaves it; a pass writes its own, and a reload knows who is UP', async () => {
    const { stack, apps, serve, otherWriter } = deploys();
    const [a] = await apps('a');
    serve('web', [a!]);
    const connector = stack.connector();
    await connector.waitSettled();
    await connector.stop();
    const { serverStateFile } = stack.dp.dirs;
    const dump = await stack.dp.haproxy.runtimeCommand('show servers state');
    await writeFile(serverStateFile, dump);
    await stack.run(['--dry-run']);
    expect(await readFile(serverStateFile, 'utf8')).to.equal(dump);
    const { rest } = await stack.passes().run();
    expect(rest.steps).to.deep.equal([]);
    expect(await readFile(serverStateFile, 'utf8')).not.to.equal(dump);
    await otherWriter('theirs');
    await stack.waitServed(domainOf('web'), [a!]);
  });
});
