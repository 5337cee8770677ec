import { LineCounter, parseDocument } from 'yaml';
import { ConnectorError } from '../shared/errors.js';
import { isObject, type Json, type JsonObject } from '../shared/json.js';
import { leaves, type ConfigKey } from './schema.js';

export type ReadFile = (path: string) => string;

/**
 * A configuration file's content, YAML or JSON. Messages name the place only: parsers quote the
 * text around an error, and that may be a secret.
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
    // Through JSON, so that what YAML knows besides (dates, maps with odd keys) becomes plain data.
    return JSON.parse(JSON.stringify(document.toJS() ?? {})) as Json;
  } catch {
    throw invalid(`${name}: not valid YAML (an alias without its anchor?)`);
  }
}

/** Reads a file or says in one line why that failed. */
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
    EISDIR: 'it is a folder',
    ENOTDIR: 'no such file',
  };
  return known[code] ?? (code === '' ? 'unknown error' : code);
}

/** Without what counts as not set: null, and empty texts where they aren't a value. */
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
