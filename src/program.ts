import type { Command } from './cli/command-types.js';
import { type ExitCode, exitCodeOf } from './cli/exit-codes.js';
import { parseArguments } from './cli/options.js';
import { createRedactor } from './config/redact.js';
import { asConnectorError } from './shared/errors.js';
import { visible } from './shared/text.js';

const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());

try {
  process.exitCode = await run(parseArguments(process.argv.slice(2)));
} catch (error) {
  // A flag's value may be a URL with credentials, or hold anything.
  const { redact } = createRedactor();
  const message = visible(redact(asConnectorError(error).message));
  process.stderr.write(`haproxy-nomad-connector: ${message}\n`);
  process.exitCode = exitCodeOf(error);
}

async function run(command: Command): Promise<ExitCode> {
  const print = (text: string): unknown => process.stdout.write(text);
  if (command.kind === 'print') {
    print(command.text);
    return 0;
  }
  // What the clients and the logger need is loaded only here: it takes longer than the help itself.
  const { runCommand } = await import('./commands/run.js');
  const { isTTY: isTerminal } = process.stdout;
  const { stderr } = process;
  const tell = stderr.isTTY ? { tell: (text: string): unknown => stderr.write(text) } : {};
  return runCommand(command, { env: process.env, print, isTerminal, signal: stop.signal, ...tell });
}
