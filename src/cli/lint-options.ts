import type { Command as Parser } from 'commander';

import type { LintCommand, RootOptions } from './command-types.js';
import { commonOf, type Emit, forbidRunOptions, usageError } from './option-values.js';

interface LintOptions {
  readonly strict?: true;
  readonly offline?: true;
}

/** Only parses: commands/lint.ts runs it. */
export function addLintCommand(program: Parser, emit: Emit): void {
  program
    .command('lint')
    .description('check Nomad job files: what would be routed, what would be refused')
    .argument('<file...>', 'job file, JSON or HCL; - for stdin')
    .option('--strict', 'exit with 1 for warnings too')
    .option('--offline', "don't look at Nomad's jobs and HAProxy")
    .action((files: string[], own: LintOptions, command: Parser) =>
      emit(lintCommand(files, own, command.optsWithGlobals<RootOptions>())),
    );
}

function lintCommand(files: readonly string[], own: LintOptions, root: RootOptions): LintCommand {
  forbidRunOptions(root, 'lint');
  if (root.target !== undefined) throw usageError("--target can't be used with lint");
  const { output: format } = root;
  return {
    kind: 'lint',
    ...commonOf({ ...root, output: format === 'json' ? 'json' : 'text' }),
    files,
    format,
    strict: own.strict === true,
    offline: own.offline === true,
  };
}
