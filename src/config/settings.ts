import { asConnectorError } from '../shared/errors.js';
import type { ReadFile } from './file.js';
import { openPolicy } from './policy.js';
import { readPolicyFile } from './policy-values.js';
import { secretFilesOf } from './hazards.js';
import type { SecretFile } from './merged.js';
import { merge, throwProblems, withSecrets } from './merge.js';
import { resolveSettings } from './resolve.js';
import {
  environmentLayer,
  fileLayer,
  flagLayer,
  type Environment,
  type Layer,
  type SettingsFlags,
} from './sources.js';
import type { Settings } from './types.js';

export interface SettingsSources {
  readonly flags: SettingsFlags;
  readonly env: Environment;
  /** Reads a file as UTF-8 text, like `readFileSync`. */
  readonly readFile: ReadFile;
}

export interface Configuration {
  readonly settings: Settings;
  readonly secretFiles: readonly SecretFile[];
}

/**
 * Flags > environment > file > defaults. All errors are reported together in one `config-invalid`.
 */
export function loadConfiguration({ flags, env, readFile }: SettingsSources): Configuration {
  const problems: string[] = [];
  const layers = [flagLayer(flags), environmentLayer(env)];
  const file = readConfigFile(flags.configFile, readFile, problems);
  if (file !== undefined) layers.push(file);
  problems.push(...layers.flatMap((layer) => layer.problems));
  const merged = withSecrets(merge(layers, problems), readFile, problems);
  const settings = resolveSettings(merged, problems);
  checkPolicyFile(settings, readFile, problems);
  throwProblems(problems);
  const path = flags.configFile;
  const layer = path === undefined || file === undefined ? undefined : { path, layer: file };
  return { settings, secretFiles: secretFilesOf(merged, layer) };
}

/** The settings alone. */
export function loadSettings(sources: SettingsSources): Settings {
  return loadConfiguration(sources).settings;
}

/** It is read before every pass; a wrong one is better known at the start. */
function checkPolicyFile(
  { policy = openPolicy }: Settings,
  readFile: ReadFile,
  problems: string[],
): void {
  if (policy.file === undefined) return;
  try {
    readPolicyFile(policy.file, policy, readFile);
  } catch (error) {
    problems.push(asConnectorError(error).message);
  }
}

function readConfigFile(
  path: string | undefined,
  readFile: ReadFile,
  problems: string[],
): Layer | undefined {
  if (path === undefined) return undefined;
  try {
    return fileLayer(path, readFile);
  } catch (error) {
    problems.push(asConnectorError(error).message);
    return undefined;
  }
}
