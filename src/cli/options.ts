import { Argument, Command as Parser, CommanderError, Option } from 'commander';
import type { Command, RootOptions } from './command-types.js';
import { completionFor, type Shell, shells } from './completion.js';
import { addExplainCommand } from './explain-options.js';
import { addDoctorCommand } from './doctor-options.js';
import { collect, commonOf, only, targetsOf, usageError, type Emit } from './option-values.js';
import { addLintCommand } from './lint-options.js';
import { addRouteCommands } from './route-options.js';
import { productVersion } from '../version.js';

export type * from './command-types.js';

/** `argv` is `process.argv.slice(2)`. */
export function parseArguments(argv: readonly string[]): Command {
  const printed: string[] = [];
  let command: Command | undefined;
  const program = rootParser((parsed) => (command = parsed), printed);
  if (!addsRoute(argv)) addTargetOption(program);
  try {
    program.parse(argv.map(longFlag), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usageError(oneLine(error));
    return { kind: 'print', text: printed.join('') };
  }
  if (command === undefined) throw usageError('nothing to do; see --help');
  return command;
}

function oneLine({ code, message }: CommanderError): string {
  // For a bare `route`, commander prints its help to stderr.
  if (code === 'commander.help') return 'route needs one of add, remove or list';
  return message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
}

/** The original connector's flags had a single dash. */
function longFlag(argument: string): string {
  return /^-(config|version|help)(=|$)/.test(argument) ? `-${argument}` : argument;
}

function rootParser(emit: Emit, printed: string[]): Parser {
  const program = new Parser('haproxy-nomad-connector')
    .description("Keeps HAProxy in sync with Nomad's service catalog.")
    .version(productVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .configureOutput({ writeOut: (text) => printed.push(text), writeErr: () => undefined });
  addRunOptions(program);
  addSettingOptions(program);
  program.allowExcessArguments().action((options: RootOptions) => {
    const [unknown] = program.args;
    if (unknown !== undefined) throw usageError(`unknown command '${unknown}'`);
    emit(runCommand(options));
  });
  addExplainCommand(program, emit);
  addDoctorCommand(program, emit);
  addRouteCommands(program, emit);
  addLintCommand(program, emit);
  addCompletionCommand(program, emit);
  return program;
}

function addCompletionCommand(program: Parser, emit: Emit): void {
  program
    .command('completion')
    .description('print a completion script: source <(haproxy-nomad-connector completion bash)')
    .addArgument(new Argument('<shell>', 'the shell that reads it').choices(shells))
    .action((shell: Shell) => emit({ kind: 'print', text: completionFor(shell, program) }));
}

function addRunOptions(program: Parser): void {
  program
    .option('--once', 'run one pass and exit')
    .option('--dry-run', 'print what a pass would change without changing anything')
    .option('--detailed-exitcode', 'exit with 2 if there are changes; needs --once or --dry-run')
    .option('--plan-out <file>', 'save the plan in a file; needs --dry-run')
    .option('--plan <file>', 'apply a saved plan if nothing moved since; needs --once')
    .addOption(
      choice(
        '--output <format>',
        'format of the plan; github is for lint',
        ['text', 'json', 'github'],
        'text',
      ),
    )
    .addOption(choice('--color <when>', 'color the plan', ['auto', 'always', 'never'], 'auto'));
}

/** `route add` has a `--target` of its own, and the program's options are taken wherever they stand. */
function addsRoute(argv: readonly string[]): boolean {
  const at = argv.indexOf('route');
  return at >= 0 && argv.includes('add', at);
}

function addTargetOption(program: Parser): void {
  const what =
    'only this one of several HAProxies (repeatable); of a single run, explain or doctor';
  program.option('--target <name>', what, collect);
}

function addSettingOptions(program: Parser): void {
  program
    .option('--config <file>', 'configuration file, YAML or JSON')
    .option('--nomad-address <url>', "address of Nomad's HTTP API, http(s):// or unix://")
    .option('--haproxy-address <url>', 'URL of the Data Plane API')
    .option('--frontend <name>', 'frontend that gets the routes (repeatable)', collect)
    .option('--routing-mode <mode>', 'routing mode: map or rules')
    .option('--http-listen <address>', 'listen address for health and metrics, or off')
    .option('--log-level <level>', 'minimum log level: error, warn, info or debug')
    .option('--policy <policy>', 'sync, upsert-only (remove no backend or route) or create-only')
    .option('--adopt', "take ownership of existing backends the connector doesn't own")
    .option('--allow-removals', 'disable the guard: apply every removal');
}

function choice(flags: string, description: string, values: string[], value: string): Option {
  return new Option(flags, description).choices(values).default(value);
}

function runCommand(options: RootOptions): Command {
  const common = commonOf(options);
  const detailedExitcode = options.detailedExitcode === true;
  // Both together: what a single pass would do.
  const isDry = options.dryRun === true;
  const isOnce = options.once === true && !isDry;
  if (options.planOut !== undefined && !isDry) throw usageError('--plan-out needs --dry-run');
  if (options.plan !== undefined && !isOnce) throw usageError('--plan needs --once');
  const run = { ...common, ...targetsOf(options), detailedExitcode };
  if (isDry) return { kind: 'dry-run', ...run, ...only(options, 'planOut') };
  if (isOnce) return { kind: 'once', ...run, ...only(options, 'plan') };
  if (options.target !== undefined) throw usageError('--target needs --once or --dry-run');
  if (detailedExitcode) throw usageError('--detailed-exitcode needs --once or --dry-run');
  return { kind: 'daemon', ...common };
}
