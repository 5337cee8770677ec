/**
 * The Nomad Pack is the job file with other variables. What nomad-pack renders is compared by Nomad's
 * own parser where NOMAD_PACK_BIN and NOMAD_BIN name programs; skipped, loudly, otherwise.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { expect } from 'chai';

import { nomadBin, startNomadAgent } from '../../fixtures/nomad/real.js';

const deploy = resolve(import.meta.dirname, '../../deploy');
const pack = join(deploy, 'nomad-pack/haproxy_nomad_connector');
const read = (path: string): string => readFileSync(path, 'utf8');
const jobFile = read(join(deploy, 'nomad/connector.nomad.hcl'));
const jobAt = jobFile.indexOf('job "haproxy-nomad-connector"');

/** By name, with type and default: the text of its block without the description. */
function variablesIn(text: string): Record<string, string> {
  const blocks = [...text.matchAll(/^variable "(\w+)" \{\n([^}]*)\}/gm)];
  return Object.fromEntries(
    blocks.map(([, name = '', body = '']) => [
      name,
      body.replace(/^ *description.*\n/m, '').replace(/ +/g, ' '),
    ]),
  );
}

describe('the Nomad Pack', () => {
  it('is the job file, with variables of its own', () => {
    const template = read(join(pack, 'templates/connector.nomad.tpl'));
    const asHcl = template.replace(/\[\[ var "(\w+)" \.(?: \| \w+)? \]\]/g, 'var.$1');
    expect(asHcl).to.equal(jobFile.slice(jobAt));
  });

  it('has the variables of the job file, each with a description', () => {
    const text = read(join(pack, 'variables.hcl'));
    const variables = variablesIn(text);
    expect(variables).to.deep.equal(variablesIn(jobFile));
    expect(text.match(/^ *description *= ".+"$/gm)).to.have.length(Object.keys(variables).length);
  });

  it('is rendered to the same job', async function () {
    const bin = process.env['NOMAD_PACK_BIN'] ?? '';
    if (bin === '' || nomadBin() === undefined) {
      process.stderr.write('SKIPPED: nomad-pack, because NOMAD_PACK_BIN or NOMAD_BIN is not set\n');
      this.skip();
    }
    this.timeout(60_000);
    const values = { frontend: 'web', http_port: '9090', nomad_namespace: 'a,b' };
    const vars = Object.entries(values).flatMap(([name, value]) => ['--var', `${name}=${value}`]);
    const args = ['render', pack, '--no-format', ...vars];
    const rendered = execFileSync(bin, args, { encoding: 'utf8' });
    const agent = await startNomadAgent();
    try {
      const parse = (JobHCL: string, Variables: string): Promise<unknown> =>
        agent.request('POST', '/v1/jobs/parse', { JobHCL, Variables, Canonicalize: true });
      const fromPack = await parse(rendered.slice(rendered.indexOf('job "')), '');
      const variables = 'frontend = "web"\nhttp_port = 9090\nnomad_namespace = "a,b"';
      expect(fromPack).to.deep.equal(await parse(jobFile, variables));
    } finally {
      await agent.close();
    }
  });
});
