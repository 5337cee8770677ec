import { expect } from 'chai';
import fc from 'fast-check';

import { isHcl, jobFromText } from '../../src/lint/job-file.js';
import { jobOf } from './given.js';

function read(content: unknown, namespace = 'default') {
  return jobFromText({ file: 'a.json', text: JSON.stringify(content) }, namespace);
}

describe('a job file', () => {
  it("is taken in the API's form, as nomad prints it, or bare", () => {
    for (const content of [{ Job: jobOf() }, jobOf(), { Job: jobOf(), EnforceIndex: false }]) {
      expect(read(content)).to.have.nested.property('job.ID', 'web');
    }
  });

  it('that was never submitted gets what Nomad would add', () => {
    const nulls = { Name: null, Namespace: null, Version: null, CreateIndex: null };
    expect(read(jobOf({}, {}, nulls), 'team')).to.deep.nested.include({
      'job.Name': 'web',
      'job.Namespace': 'team',
      'job.Version': 0,
      'job.CreateIndex': 0,
    });
    const scaled = read(jobOf({}, { Count: null, Scaling: { Min: 3, Max: 5 } }));
    expect(scaled).to.have.nested.property('job.TaskGroups[0].Count', 3);
    expect(read(jobOf({}, {}, { Namespace: 'own' }), 'team')).to.have.nested.property(
      'job.Namespace',
      'own',
    );
  });

  it('that holds no job says what is wrong with it', () => {
    const cases = [
      [{}, /holds no Nomad job/],
      [[], /holds no Nomad job/],
      [{ Job: null }, /holds no Nomad job/],
      [jobOf({ more: { Tags: 'x' } }), /\/TaskGroups\/0\/Services\/0\/Tags must be array,null/],
      [jobOf({ name: 7 as unknown as string }), /Services\/0\/Name must be string/],
    ] as const;
    for (const [content, message] of cases) {
      expect(read(content)).to.have.property('message').that.matches(message);
    }
    const broken = jobFromText({ file: 'a.json', text: '{"Job":' }, 'default');
    expect(broken).to.include({ code: 'not-a-job' });
  });

  it('never throws, whatever it holds', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (content, text) => {
        expect(read(content)).to.have.property('file');
        expect(jobFromText({ file: 'a', text }, 'default')).to.have.property('file');
      }),
    );
  });

  it('is HCL by its name or by how it begins', () => {
    expect(isHcl('a.hcl', '{}')).to.equal(true);
    expect(isHcl('a.nomad', '')).to.equal(true);
    expect(isHcl('stdin', 'job "x" {}')).to.equal(true);
    expect(isHcl('a.nomad.json', ' {')).to.equal(false);
    expect(isHcl('stdin', '\n{ "Job": {} }')).to.equal(false);
  });
});
