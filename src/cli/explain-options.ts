import type { Command as Parser } from 'commander';
import type { RootOptions } from './command-types.js';
import { commonOf, type Emit, forbidRunOptions, targetsOf } from './option-values.js';

/** Only parses: commands/explain.ts runs it. */
export function addExplainCommand(program: Parser, emit: Emit): void {
  program
    .command('explain')
    .description('say which instances answer for a host, a service or a backend, or why none does')
    .argument('<name>', 'HOST[/PATH], [NAMESPACE/]SERVICE or BACKEND')
    .allowExcessArguments(false)
    .action((query: string, _own: object, command: Parser) => {
      const root = command.optsWithGlobals<RootOptions>();
      forbidRunOptions(root, 'explain');
      emit({ kind: 'explain', ...commonOf(root), ...targetsOf(root), query });
    });
}
