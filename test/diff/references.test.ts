import { expect } from 'chai';
import fc from 'fast-check';

import { type ConfigLine, referencesTo } from '../../src/diff/complete/references.js';
import {
  actualBackend,
  actualState,
  desiredState,
  operatorBackend,
  planFor,
  withSettings,
} from './given.js';

const lines = [
  (name: string) => `use_backend ${name} if { path_beg /x }`,
  (name: string) => `default_backend ${name}`,
  (name: string) => `use_backend "${name}" if { path /y } # really`,
  (name: string) => `http-request deny if { nbsrv(${name}) lt 1 }`,
  (name: string) => `http-request set-var(txn.n) be_conn(${name}),add(1)`,
  (name: string) => `acl up srv_is_up(${name}/${name}_1)`,
  (name: string) => `http-request track-sc0 src table ${name}`,
  (name: string) => `stick match src table ${name}`,
  (name: string) => `use_backend %[req.hdr(host),map(/etc/h.map,${name})]`,
  (name: string) => `server s1 127.0.0.1:1 track ${name}/s1`,
  (name: string) => `filter compression ${name}`,
];
const innocent = [
  (name: string) => `use_backend ${name}_2 if { path_beg /x }`,
  (name: string) => `use_backend x.${name}`,
  (name: string) => `# use_backend ${name}`,
  (name: string) => `mode http # not ${name}`,
  (name: string) => `server ${name} 127.0.0.1:1`,
  (name: string) => `acl ${name} path /x`,
  () => '',
];

const someName = fc.stringMatching(/^nomad_[a-z0-9][a-z0-9.-]{0,8}[a-z0-9]$/);
const theirs = () => false;

describe('references to a backend', () => {
  it('every line that mentions it is found, wherever it stands', () => {
    fc.assert(
      fc.property(
        someName,
        fc.constantFrom(...lines),
        fc.array(fc.constantFrom(...innocent), { maxLength: 5 }),
        fc.constantFrom('frontend f', 'backend b', 'listen l', 'defaults d', 'peers p'),
        (name, line, before, section) => {
          const raw = [section, ...before.map((one) => `  ${one(name)}`), `\t${line(name)}`, ''];
          const found = referencesTo(raw.join('\n'), [name], theirs);
          expect(found).to.have.length(1);
          expect(found[0]).to.include({ name, section, number: before.length + 2 });
          expect(line(name)).to.contain(found[0]?.text);
        },
      ),
    );
  });

  it('longer names, comments and declarations of something else are none', () => {
    fc.assert(
      fc.property(someName, fc.array(fc.constantFrom(...innocent)), (name, all) => {
        const raw = [`backend ${name}`, 'frontend f', ...all.map((one) => `  ${one(name)}`)];
        expect(referencesTo(raw.join('\n'), [name], theirs)).to.deep.equal([]);
      }),
    );
  });

  it('what is ours is left out, and each name gets its own line', () => {
    const raw =
      'backend a\n  stick on src table b\nfrontend f\n  use_backend a if x\n  default_backend b';
    const isOurs = ({ section }: ConfigLine): boolean => section === 'backend a';
    const found = referencesTo(raw, ['a', 'b', 'constructor'], isOurs);
    expect(found.map(({ name, number }) => [name, number])).to.deep.equal([
      ['a', 4],
      ['b', 5],
    ]);
  });

  it('a quoted or escaped # begins no comment', () => {
    for (const line of ['log-format "#%a" nomad_x', "set '#' nomad_x", 'set \\# nomad_x']) {
      expect(referencesTo(line, ['nomad_x'], theirs), line).to.have.length(1);
    }
  });

  it('many lines and names are one walk', () => {
    const names = Array.from({ length: 5000 }, (_, at) => `nomad_s${at}`);
    const raw = names.map((name) => `  use_backend ${name} if x`).join('\n');
    expect(referencesTo(raw, names, theirs)).to.have.length(5000);
  });
});

describe('a backend that is no longer needed', () => {
  const raw = 'frontend http_front\n  use_backend nomad_web if { path /x }\n';
  const settings = withSettings({ guard: { allowRemovals: true } });
  const planWith = (text: string) => {
    const backends = [actualBackend('web'), actualBackend('api'), operatorBackend('pool')];
    return planFor(desiredState(), { ...actualState(backends), raw: text }, { settings });
  };
  const deleted = ({ steps }: ReturnType<typeof planWith>): string[] =>
    steps.flatMap((step) => (step.kind === 'delete-backend' ? [step.backend] : []));

  it("stays where a line of the operator's names it, and all else goes", () => {
    const plan = planWith(raw);
    expect(deleted(plan)).to.deep.equal(['nomad_api']);
    expect(plan.problems).to.have.length(1);
    expect(plan.problems[0]?.code).to.equal('backend-referenced');
    expect(plan.problems[0]?.message).to.contain(
      'frontend http_front, line 2: "use_backend nomad_web if { path /x }"',
    );
  });

  it('goes where only rules of ours, or our own sections, name it', () => {
    const acl = 'nomad__acl_0123456789ab';
    const ours = `frontend http_front\n  use_backend nomad_web if ${acl}\nbackend nomad_api\n  stick match src table nomad_web\n`;
    expect(deleted(planWith(ours))).to.deep.equal(['nomad_api', 'nomad_web']);
    const both = `frontend http_front\n  use_backend nomad_web if ${acl} is_admin\n`;
    expect(deleted(planWith(both))).to.deep.equal(['nomad_api']);
  });
});
