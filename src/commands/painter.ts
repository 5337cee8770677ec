import pc from 'picocolors';

import type { ColorChoice } from '../cli/command-types.js';
import type { Paint } from '../diff/print/print.js';
import type { Around } from './types.js';

/** `--color auto` colours a terminal, unless NO_COLOR is set (https://no-color.org). */
export function painter(choice: ColorChoice, env: Around['env'], isTerminal: boolean): Paint {
  const plain = (env['NO_COLOR'] ?? '') !== '' || !isTerminal;
  const colors = pc.createColors(choice === 'always' || (choice === 'auto' && !plain));
  const paints = { '+': colors.green, '~': colors.yellow, '-': colors.red, '!': colors.magenta };
  return (sign, text) => paints[sign](text);
}
