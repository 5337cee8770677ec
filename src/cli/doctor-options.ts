import type { Command as Parser } from 'commander';
import type { RootOptions } from './command-types.js';
import { commonOf, type Emit, forbidRunOptions, targetsOf } from './option-values.js';

/** Root options are also accepted after the subcommand. */
export function addDoctorCommand(program: Parser, emit: Emit): void {
  program
    .command('doctor')
    .description('check settings, Nomad, the Data Plane API and HAProxy, and say how to fix them')
    .action((_own: unknown, command: Parser) => {
      const root = command.optsWithGlobals<RootOptions>();
      forbidRunOptions(root, 'doctor');
      emit({ kind: 'doctor', ...commonOf(root), ...targetsOf(root) });
    });
}
