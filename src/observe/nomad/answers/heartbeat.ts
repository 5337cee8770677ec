/**
 * Lines of the event stream, told apart without keeping them: an event can be megabytes, and no
 * decision is taken from what it says. A line counts when it is complete, so one that is cut in the
 * middle is nothing; the reconnect that follows wakes anyway.
 */

export type Line = 'heartbeat' | 'event';

export interface LineReader {
  /** The lines that end in this chunk. */
  push(chunk: Uint8Array): Line[];
}

const newline = 10;
const longestKept = 3;

export function createLineReader(): LineReader {
  let start = '';
  return {
    push: (chunk) => {
      const lines: Line[] = [];
      for (const byte of chunk) {
        if (byte !== newline) {
          const isBlank = byte === 32 || byte === 9 || byte === 13;
          if (!isBlank && start.length < longestKept) start += String.fromCharCode(byte);
          continue;
        }
        if (start !== '') lines.push(start === '{}' ? 'heartbeat' : 'event');
        start = '';
      }
      return lines;
    },
  };
}
