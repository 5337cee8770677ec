import { formatAddress } from '../../haproxy/addresses.js';
import { ConnectorError } from '../../shared/errors.js';
import { withNomadIndex } from '../../haproxy/marker-metadata.js';
import { ownCheckPort } from '../../haproxy/slots.js';
import { markOf } from '../../haproxy/ownership.js';
import { sectionWords } from '../../haproxy/section-words.js';
import type { PlannedSlot } from '../../diff/types.js';
import { escapeRegex } from '../../shared/escape-regex.js';
import { isObject, type JsonObject } from '../../shared/json.js';

/**
 * Edits the configuration's text: only lines of our own slots, and only what can change without a
 * reload. Everything else stays byte for byte, including comments and blank lines.
 */
export interface SlotEdit {
  readonly backend: string;
  readonly slot: PlannedSlot;
}

/** The first line of a section: keyword and name. */
export const sectionLine = new RegExp(
  `^(${[...sectionWords].join('|')})(?![^\\s#])(?:\\s+(\\S+))?`,
);

/** Throws if a slot's line is missing: the file has changed since the plan was made. */
export function editServerLines(text: string, edits: readonly SlotEdit[]): string {
  const wanted = new Map(edits.map((edit) => [`${edit.backend} ${edit.slot.name}`, edit.slot]));
  let backend = '';
  const lines = text.split('\n').map((line) => {
    const section = sectionLine.exec(line);
    if (section) backend = section[1] === 'backend' ? (section[2] ?? '') : '';
    const server = backend === '' ? null : /^\s+server\s+(\S+)\s/.exec(line);
    const key = `${backend} ${server?.[1] ?? ''}`;
    const slot = wanted.get(key);
    if (slot === undefined) return line;
    wanted.delete(key);
    return editLine(line, slot);
  });
  const missing = [...wanted.keys()][0];
  if (missing !== undefined) {
    throw new ConnectorError('haproxy-conflict', `no server line for ${missing}`);
  }
  return lines.join('\n');
}

/** The marker's server line with another Nomad index; all else in it stays. */
export function editMarkerLine(text: string, server: string, nomadIndex: number): string {
  const start = new RegExp(`^\\s+server\\s+${escapeRegex(server)}\\s.*?# (?=\\{)`);
  const lines = text.split('\n').map((line) => {
    const before = start.exec(line)?.[0];
    const metadata = before === undefined ? undefined : parsedObject(line.slice(before.length));
    if (before === undefined || metadata === undefined) return line;
    return before + JSON.stringify(withNomadIndex(metadata, nomadIndex));
  });
  return lines.join('\n');
}

function parsedObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** `  server NAME ADDRESS:PORT ... # {metadata}`; other parameters keep their place. */
function editLine(line: string, { name, service, binding, config, shared }: PlannedSlot): string {
  const indent = /^\s*/.exec(line)?.[0] ?? '  ';
  const metadata = JSON.stringify(
    markOf({ service, ...(binding ? { binding } : {}), ...(shared ? { shared } : {}) }),
  );
  const checkPort = ownCheckPort(config);
  const parameters = [
    config.disabled ? 'disabled' : 'enabled',
    `weight ${config.weight}`,
    ...(checkPort === undefined ? [] : [`port ${checkPort}`]),
    ...otherParameters(line),
  ];
  const address = formatAddress(config.address, config.port);
  return `${indent}server ${name} ${address} ${parameters.join(' ')} # ${metadata}`;
}

/** A word of haproxy.cfg with its quotes. Inside them, blanks and `#` have no meaning. */
const anyWord = /(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\#])+|#.*/g;

function otherParameters(line: string): string[] {
  const all = line.match(anyWord) ?? [];
  const words = all.filter((one) => !one.startsWith('#')).slice(3);
  const kept: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === 'disabled' || word === 'enabled') continue;
    if (word === 'weight' || word === 'port') at++;
    else kept.push(word);
  }
  return kept;
}
