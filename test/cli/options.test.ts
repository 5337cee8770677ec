import { expect } from 'chai';
import { parseArguments } from '../../src/cli/options.js';
import { problemsOf } from '../config/given.js';

const common = { flags: {}, output: 'text', color: 'auto' };

function parse(line: string) {
  return parseArguments(line === '' ? [] : line.split(' '));
}

function refused(line: string): string {
  return problemsOf(() => parse(line)).join('\n');
}

describe('parseArguments', () => {
  it('runs the daemon when nothing is said', () => {
    expect(parse('')).to.deep.equal({ kind: 'daemon', ...common });
  });

  it('makes one pass, or none', () => {
    const detailedExitcode = false;
    expect(parse('--once')).to.deep.equal({ kind: 'once', ...common, detailedExitcode });
    expect(parse('--dry-run')).to.deep.equal({ kind: 'dry-run', ...common, detailedExitcode });
  });

  it('takes doctor, with settings before or after it, and no options of a pass', () => {
    expect(parse('doctor')).to.deep.equal({ kind: 'doctor', ...common });
    const flags = { configFile: 'c.yaml' };
    const command = { kind: 'doctor', ...common, flags, output: 'json' };
    expect(parse('doctor --output json --config c.yaml')).to.deep.equal(command);
    expect(parse('--output json --config c.yaml doctor')).to.deep.equal(command);
    expect(refused('doctor --once')).to.include("--once can't be used with doctor");
  });

  it('takes names of targets, where a command reports on each', () => {
    const targets = ['a', 'b'];
    for (const kind of ['--once', '--dry-run', 'explain x', 'doctor']) {
      expect(parse(`${kind} --target a --target b`), kind).to.deep.include({ targets });
    }
    expect(parse('--target a --target b doctor')).to.deep.include({ targets });
    expect(refused('--target a')).to.contain('--target needs --once');
    expect(refused('lint --target a x.json')).to.contain("--target can't be used with lint");
    expect(refused('route list --target a')).to.contain("--target can't be used with route");
  });

  it('saves a plan, and applies one', () => {
    const detailedExitcode = false;
    expect(parse('--dry-run --plan-out p.json')).to.deep.equal({
      ...{ kind: 'dry-run', ...common, detailedExitcode },
      planOut: 'p.json',
    });
    expect(parse('--once --plan p.json')).to.deep.equal({
      ...{ kind: 'once', ...common, detailedExitcode },
      plan: 'p.json',
    });
    expect(refused('--plan-out p.json')).to.contain('--plan-out needs --dry-run');
    expect(refused('--plan p.json')).to.contain('--plan needs --once');
    expect(refused('--once --dry-run --plan p.json')).to.contain('--plan needs --once');
    expect(refused('route list --plan p.json')).to.contain("--plan can't be used with route");
  });

  it('lints files, with output for GitHub there and nowhere else', () => {
    expect(parse('lint a.json b.hcl - --output github --strict --offline')).to.deep.equal({
      ...{ kind: 'lint', ...common, files: ['a.json', 'b.hcl', '-'], format: 'github' },
      ...{ strict: true, offline: true },
    });
    expect(parse('lint a.json')).to.include({ format: 'text', strict: false, offline: false });
    expect(refused('lint')).to.contain("missing required argument 'file'");
    expect(refused('lint a --once')).to.contain("--once can't be used with lint");
    expect(refused('--dry-run --output github')).to.contain('--output github is for lint');
  });

  it('takes --once and --dry-run together as a dry run', () => {
    expect(parse('--once --dry-run --detailed-exitcode')).to.deep.equal({
      kind: 'dry-run',
      ...common,
      detailedExitcode: true,
    });
  });

  it('hands over the settings that were given as flags, and no others', () => {
    const line =
      '--config c.yaml --adopt --allow-removals --log-level debug --nomad-address http://n ' +
      '--haproxy-address http://h --frontend a --frontend b --routing-mode rules ' +
      '--http-listen :1 --output json --color never';
    expect(parse(line)).to.deep.equal({
      kind: 'daemon',
      output: 'json',
      color: 'never',
      flags: {
        configFile: 'c.yaml',
        adopt: true,
        allowRemovals: true,
        logLevel: 'debug',
        nomadAddress: 'http://n',
        haproxyAddress: 'http://h',
        frontends: ['a', 'b'],
        routingMode: 'rules',
        httpListen: ':1',
      },
    });
  });

  it('takes the flags of the original connector, with one dash', () => {
    expect(parse('-config c.json')).to.have.nested.property('flags.configFile', 'c.json');
    expect(parse('-config=c.json')).to.have.nested.property('flags.configFile', 'c.json');
    expect(parse('-version').kind).to.equal('print');
  });

  it('prints help and version', () => {
    const version = parse('--version');
    expect(version).to.have.property('kind', 'print');
    expect(version)
      .to.have.property('text')
      .that.matches(/^\d+\.\d+\.\d+\n$/);
    for (const line of ['--help', 'route --help', 'route add --help']) {
      expect(parse(line)).to.have.property('text').that.contains('Usage: haproxy-nomad-connector');
    }
  });

  it('refuses what it does not know, with what may be meant', () => {
    expect(refused('--onec')).to.contain("unknown option '--onec'").and.to.contain('--once');
    expect(refused('--output xml')).to.contain('Allowed choices are text, json');
    expect(refused('serve')).to.contain("unknown command 'serve'");
    expect(refused('--config')).to.contain("option '--config <file>' argument missing");
    expect(refused('--detailed-exitcode')).to.contain('needs --once or --dry-run');
  });

  it('says everything in one line', () => {
    for (const line of ['--onec', 'serve', 'route', 'route remove', 'route add', 'route x']) {
      expect(refused(line).split('\n')).to.have.length(1);
    }
  });
});

describe('route commands', () => {
  it('add a route', () => {
    const line =
      'route add --domain a.io b.io --domain *.c.io --target 10.0.0.7:80 --target [fd00::7]:81 ' +
      '--check-path /health --directory /routes';
    expect(parse(line)).to.deep.equal({
      kind: 'route-add',
      ...common,
      domains: ['a.io', 'b.io', '*.c.io'],
      targets: [
        { address: '10.0.0.7', port: 80 },
        { address: 'fd00::7', port: 81 },
      ],
      checkPath: '/health',
      directory: '/routes',
    });
  });

  it('remove one by name or by domain', () => {
    const kind = 'route-remove';
    expect(parse('route remove shop')).to.deep.equal({ kind, ...common, name: 'shop' });
    const byDomain = parse('route remove --domain a.io');
    expect(byDomain).to.deep.equal({ kind, ...common, domain: 'a.io' });
  });

  it('list them, with options of the program before or after', () => {
    const list = { kind: 'route-list', ...common, output: 'json', flags: { configFile: 'c' } };
    expect(parse('route list --output json --config c')).to.deep.equal(list);
    expect(parse('--output json --config c route list')).to.deep.equal(list);
  });

  it('refuse what they can not do', () => {
    expect(refused('route')).to.contain('add, remove or list');
    expect(refused('route add --domain a.io')).to.contain("required option '--target");
    expect(refused('route add --domain a.io --target 10.0.0.7')).to.contain(
      '--target: "10.0.0.7" is not allowed; expected ADDRESS:PORT',
    );
    expect(refused('route add --domain a.io --target h:0')).to.contain('not allowed');
    expect(refused('route add --domain a --target h:1 --check-path x')).to.contain('begin with');
    expect(refused('route remove')).to.contain('either a NAME or --domain');
    expect(refused('route remove shop --domain a.io')).to.contain('either');
    expect(refused('route list --once')).to.contain("--once can't be used with route");
  });
});

describe('the explain command', () => {
  it('takes one name, with options of the program before or after', () => {
    const explain = { kind: 'explain', ...common, output: 'json', query: 'x.io/api' };
    expect(parse('explain x.io/api --output json')).to.deep.equal(explain);
    expect(parse('--output json explain x.io/api')).to.deep.equal(explain);
  });

  it('refuses none, several, and flags of a run', () => {
    expect(refused('explain')).to.contain('missing required argument');
    expect(refused('explain a b')).to.contain('too many arguments');
    expect(refused('explain a --once')).to.contain("--once can't be used with explain");
  });
});
