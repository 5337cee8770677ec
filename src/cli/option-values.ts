import { ConnectorError } from '../shared/errors.js';
import type { Command, Common, RootOptions, TargetChoice } from './command-types.js';
import type { SettingsFlags } from '../config/sources.js';

/** Receives the parsed command, because commander's actions return nothing. */
export type Emit = (command: Command) => void;

export function usageError(message: string): ConnectorError {
  const help = message.includes('--help') ? '' : ' (see --help)';
  return new ConnectorError('config-invalid', `${message}${help}`, { retryable: false });
}

/** For an option that may be repeated. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

export function commonOf(options: RootOptions): Common {
  const { output, color } = options;
  if (output === 'github') throw usageError('--output github is for lint');
  return { flags: settingsFlags(options), output, color };
}

export function targetsOf({ target }: RootOptions): TargetChoice {
  return target === undefined ? {} : { targets: target };
}

/** Options that only a pass has. */
export function forbidRunOptions(root: RootOptions, command: string): void {
  for (const [name, flag] of [
    ['once', '--once'],
    ['dryRun', '--dry-run'],
    ['detailedExitcode', '--detailed-exitcode'],
    ['plan', '--plan'],
    ['planOut', '--plan-out'],
  ] as const) {
    if (root[name] !== undefined) throw usageError(`${flag} can't be used with ${command}`);
  }
}

function settingsFlags(options: RootOptions): SettingsFlags {
  const { config, frontend } = options;
  return {
    ...(config === undefined ? {} : { configFile: config }),
    ...(frontend === undefined ? {} : { frontends: frontend }),
    ...only(options, 'nomadAddress', 'haproxyAddress', 'routingMode', 'httpListen', 'logLevel'),
    ...only(options, 'policy', 'adopt', 'allowRemovals'),
  };
}

/** The named options that were given. */
export function only<T extends object, K extends keyof T>(options: T, ...names: K[]): Pick<T, K> {
  const given = names.filter((name) => options[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, options[name]])) as Pick<T, K>;
}
