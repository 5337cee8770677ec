#!/usr/bin/env node
import { exitCodeOf } from './cli/exit-codes.js';
import { parseArguments } from './cli/options.js';
import { runCommand } from './commands/run.js';
import { createRedactor } from './config/redact.js';
import { asConnectorError } from './shared/errors.js';
import { visible } from './shared/text.js';

const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());

try {
  process.exitCode = await runCommand(parseArguments(process.argv.slice(2)), {
    env: process.env,
    print: (text) => process.stdout.write(text),
    isTerminal: process.stdout.isTTY,
    signal: stop.signal,
  });
} catch (error) {
  // A flag's value may be a URL with credentials, or hold anything.
  const { redact } = createRedactor();
  const message = visible(redact(asConnectorError(error).message));
  process.stderr.write(`haproxy-nomad-connector: ${message}\n`);
  process.exitCode = exitCodeOf(error);
}
