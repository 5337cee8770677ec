import { expect } from 'chai';

import { printReport } from '../../src/lint/print.js';
import type { LintReport } from '../../src/lint/types.js';
import { linesOf } from '../../src/lint/locate.js';

const report: LintReport = {
  format_version: 1,
  live: false,
  jobs: [
    {
      file: 'a.json',
      job: 'web',
      namespace: 'team',
      services: [
        {
          service: 'team/web',
          backend: 'nomad_team_web',
          check: 'check GET / every 5s',
          routes: [{ route: 'x.io', mode: 'http', frontends: ['https'] }],
        },
      ],
    },
  ],
  findings: [
    { severity: 'error', code: 'policy', message: '100% no:\u001b', file: 'a,b:c.json', line: 3 },
    { severity: 'notice', code: 'no-check', message: 'none', file: 'a.json', service: 'team/web' },
  ],
};
const redact = (text: string): string => text.replaceAll('secret', '***');

describe('a lint report', () => {
  it('reads file by file, with a summary', () => {
    expect(printReport(report, 'text', redact)).to.equal(
      [
        'a.json',
        '  job web in namespace team',
        '    service team/web -> backend nomad_team_web, check GET / every 5s',
        '      x.io in https',
        '  notice   service team/web: none [no-check]',
        'a,b:c.json',
        '  error    line 3: 100% no:\\x1b [policy]',
        '1 error, 0 warnings, 1 notice, 1 route. Claims of other jobs were not checked.',
        '',
      ].join('\n'),
    );
  });

  it('is JSON with a version and counts', () => {
    const json = JSON.parse(printReport(report, 'json', redact)) as object;
    expect(json).to.deep.include({
      format_version: 1,
      summary: { routes: 1, errors: 1, warnings: 0, notices: 1 },
    });
  });

  it('is escaped as workflow commands have to be', () => {
    expect(printReport(report, 'github', redact).split('\n')).to.deep.equal([
      '::error file=a%2Cb%3Ac.json,line=3,title=policy::100%25 no:\\x1b',
      '::notice file=a.json,title=no-check::none',
      '',
    ]);
  });

  it('tells no secret', () => {
    const [finding] = report.findings;
    const secret = { ...report, findings: [{ ...finding!, message: 'a secret' }] };
    for (const format of ['text', 'json', 'github'] as const) {
      expect(printReport(secret, format, redact))
        .to.include('a ***')
        .and.not.include('secret');
    }
  });
});

describe('the line of a finding', () => {
  const text = [
    'job "web" {',
    '  group "web" {',
    '    service {',
    '      name = "web"',
    '      tags = ["haproxy.enable=true", "haproxy.domain=a.io"]',
    '    }',
    '    service {',
    '      name = "other"',
    '      tags = [',
    '        "haproxy.enable=true",',
    '      ]',
    '    }',
  ].join('\n');
  const lines = linesOf(text);
  const web = { name: 'web', tags: ['haproxy.enable=true', 'haproxy.domain=a.io'] };
  const other = { name: 'other', tags: ['haproxy.enable=true'] };

  it('is that of the tag, of its own service', () => {
    expect(lines.ofTag('haproxy.domain=a.io', web)).to.equal(5);
    expect(lines.ofTag('haproxy.enable=true', web)).to.equal(5);
    expect(lines.ofTag('haproxy.enable=true', other)).to.equal(10);
    expect(lines.ofTag('haproxy.path=/${x}', web)).to.equal(undefined);
  });

  it('is that of the service or of its group', () => {
    expect(lines.ofService(web)).to.equal(4);
    expect(lines.ofService(other)).to.equal(8);
    expect(lines.ofService({ name: 'none', tags: [] })).to.equal(undefined);
    expect(lines.ofGroup('web')).to.equal(2);
  });
});
