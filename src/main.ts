#!/usr/bin/env node
import { parseArguments } from './cli/options.js';
import { exitCodeOf } from './cli/exit-codes.js';
import { asConnectorError } from './shared/errors.js';
import { main } from './commands/run.js';

const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());

try {
  process.exitCode = await main(parseArguments(process.argv.slice(2)), {
    env: process.env,
    print: (text) => process.stdout.write(text),
    isTerminal: process.stdout.isTTY,
    signal: stop.signal,
  });
} catch (error) {
  process.stderr.write(`haproxy-nomad-connector: ${asConnectorError(error).message}\n`);
  process.exitCode = exitCodeOf(error);
}
