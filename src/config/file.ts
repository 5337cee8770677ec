import { LineCounter, parseDocument } from 'yaml';
import { ConnectorError } from '../shared/errors.js';
import { isObject, type Json, type JsonObject } from '../shared/json.js';
import { leaves, type ConfigKey } from './schema.js';

export type ReadFile = (path: string) => string;

/**
 * Parses a configuration file, YAML or JSON. Messages give only the position of an error: parsers
 * quote the text around it, which may be a secret.
 */
export function parseConfig(text: string, name: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return parseYaml(text, name);
  }
}

function parseYaml(text: string, name: string): Json {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
  });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    const what = error.code.toLowerCase().replaceAll('_', ' ');
    throw invalid(`${name}: line ${line}, column ${col}: not valid YAML or JSON (${what})`);
  }
  try {
    // Through JSON, so that YAML's extra types (dates, maps with odd keys) become plain data.
    return JSON.parse(JSON.stringify(document.toJS() ?? {})) as Json;
  } catch {
    throw invalid(`${name}: not valid YAML (an alias without its anchor?)`);
  }
}

/** Reads a file. Throws a one-line reason if that fails. */
export function readNamed(readFile: ReadFile, path: string, name: string): string {
  try {
    return readFile(path);
  } catch (error) {
    throw invalid(`${name}: cannot be read: ${why(error)}`);
  }
}

function why(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'no such file',
    EACCES: 'permission denied',
    EISDIR: 'it is a directory',
    ENOTDIR: 'no such file',
  };
  return known[code] ?? (code === '' ? 'unknown error' : code);
}

/** Drops values that count as unset: null, and empty texts unless they are valid. */
export function withoutUnset(config: Json): Json {
  if (!isObject(config)) return config;
  return Object.fromEntries(
    Object.entries(config)
      .filter(([, value]) => value !== null)
      .map(([section, value]) => [section, isObject(value) ? setOnly(section, value) : value]),
  );
}

function setOnly(section: string, keys: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(keys).filter(([name, value]) => {
      const empty = leaves.get(`${section}.${name}` as ConfigKey)?.emptyIsValue !== true;
      return value !== null && !(value === '' && empty);
    }),
  );
}

export function invalid(message: string): ConnectorError {
  return new ConnectorError('config-invalid', message, { retryable: false });
}
