/**
 * Classifies lines of the event stream without buffering more than needed: an event can be
 * megabytes. Only complete lines count. After a truncated one, the reconnect wakes anyway.
 */

/** `quiet`: only events that concern no service of ours. */
export type Line = 'heartbeat' | 'event' | 'quiet';

export interface LineReader {
  /** Returns the lines that end in this chunk. */
  push(chunk: Uint8Array): Line[];
}

const newline = 10;
/** A longer line counts as an event without being parsed: a plan of a hundred allocations is shorter. */
const longestRead = 1_048_576;

/** `isQuiet` is asked about each line that isn't a heartbeat; undefined: one too long to be kept. */
export function createLineReader(
  isQuiet: (line: string | undefined) => boolean = () => false,
): LineReader {
  let kept: Uint8Array[] = [];
  let length = 0;
  const keep = (part: Uint8Array): void => {
    length += part.length;
    if (length <= longestRead) kept.push(part);
    else kept = [];
  };
  const end = (): Line | undefined => {
    const isWhole = length <= longestRead;
    const text = isWhole ? new TextDecoder().decode(concat(kept)).trim() : undefined;
    kept = [];
    length = 0;
    if (text === '') return undefined;
    if (text === '{}') return 'heartbeat';
    return isQuiet(text) ? 'quiet' : 'event';
  };
  return {
    push: (chunk) => {
      const lines: Line[] = [];
      let from = 0;
      for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
        keep(chunk.subarray(from, at));
        const line = end();
        if (line !== undefined) lines.push(line);
        from = at + 1;
      }
      if (from < chunk.length) keep(chunk.slice(from));
      return lines;
    },
  };
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
