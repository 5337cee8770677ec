import pc from 'picocolors';

import type { ColorChoice } from '../cli/command-types.js';
import type { Paint } from '../diff/print/print.js';
import type { Around } from './types.js';

/** `--color auto` colours a terminal, unless NO_COLOR is set (https://no-color.org). */
export function usesColor(choice: ColorChoice, env: Around['env'], isTerminal: boolean): boolean {
  const plain = (env['NO_COLOR'] ?? '') !== '' || !isTerminal;
  return choice === 'always' || (choice === 'auto' && !plain);
}

export function painter(choice: ColorChoice, env: Around['env'], isTerminal: boolean): Paint {
  const colors = pc.createColors(usesColor(choice, env, isTerminal));
  const paints = { '+': colors.green, '~': colors.yellow, '-': colors.red, '!': colors.magenta };
  return (sign, text) => paints[sign](text);
}
