#!/usr/bin/env node
import { parseArguments } from './config/options.js';
import { exitCodeOf } from './config/exit-codes.js';
import { asConnectorError } from './errors.js';
import { main } from './main.js';

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
