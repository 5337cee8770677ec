/** Shell completion, made from the commands and options that the parser knows. */

import type { Command as Parser, Option } from 'commander';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** A command with its subcommands behind it, each with what may be typed after its words. */
interface Node {
  /** `route add`; empty for the program itself. */
  readonly path: string;
  readonly description: string;
  readonly commands: readonly string[];
  /** What its arguments may be, where they are limited. */
  readonly choices: readonly string[];
  readonly options: readonly Option[];
}

/** A script for the shell to read, such as `source <(haproxy-nomad-connector completion bash)`. */
export function completionFor(shell: Shell, program: Parser): string {
  const nodes = nodesOf(program);
  const name = program.name();
  switch (shell) {
    case 'bash':
      return bash(name, nodes);
    case 'zsh':
      return `autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n${bash(name, nodes)}`;
    case 'fish':
      return fish(name, nodes);
  }
}

/** Options of the program are accepted after a subcommand too. */
function nodesOf(program: Parser): readonly Node[] {
  const walk = (parser: Parser, words: readonly string[]): readonly Node[] => [
    {
      path: words.join(' '),
      description: parser.description(),
      commands: parser.commands.map((one) => one.name()),
      choices: parser.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
      options:
        words.length === 0 ? optionsOf(parser) : [...optionsOf(parser), ...optionsOf(program)],
    },
    ...parser.commands.flatMap((one) => walk(one, [...words, one.name()])),
  ];
  return walk(program, []);
}

function optionsOf(parser: Parser): readonly Option[] {
  return parser.createHelp().visibleOptions(parser);
}

function bash(name: string, nodes: readonly Node[]): string {
  const identifier = `_${name.replace(/\W/g, '_')}`;
  const paths = nodes.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  const values = unique(nodes.flatMap(({ options }) => options)).filter(takesValue);
  return `${identifier}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
      ${paths.join('|')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$previous" in
${values.map((option) => `    ${option.long}) ${bashValues(option)}; return ;;`).join('\n')}
  esac
  case "$path" in
${nodes.map((node) => `    '${node.path}') word='${wordsOf(node).join(' ')}' ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$word" -- "$current"))
}
complete -o default -F ${identifier} ${name}
`;
}

/** Without choices nothing is offered but files. */
function bashValues({ argChoices }: Option): string {
  if (argChoices === undefined) return 'COMPREPLY=()';
  return `COMPREPLY=($(compgen -W '${argChoices.join(' ')}' -- "$current"))`;
}

function wordsOf({ commands, choices, options }: Node): readonly string[] {
  return [...commands, ...choices, ...unique(options).map(({ long }) => long ?? '')];
}

function fish(name: string, nodes: readonly Node[]): string {
  const lines = nodes.flatMap((node) => {
    const isHere = `-n '${fishCondition(node)}'`;
    const described = node.commands.map((command) => {
      const path = [node.path, command].filter((word) => word !== '').join(' ');
      const { description = '' } = nodes.find((one) => one.path === path) ?? {};
      return `complete -c ${name} ${isHere} -f -a ${command} -d ${quoted(description)}`;
    });
    if (node.choices.length > 0) {
      described.push(`complete -c ${name} ${isHere} -f -a '${node.choices.join(' ')}'`);
    }
    const own = node.path === '' ? [] : node.options;
    return [...described, ...unique(own).map((option) => fishOption(name, option, isHere))];
  });
  const everywhere = unique(nodes[0]?.options ?? []).map((option) => fishOption(name, option, ''));
  return `${[...everywhere, ...lines].join('\n')}\n`;
}

function fishCondition({ path, commands }: Node): string {
  const seen = path.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`);
  const next = `not __fish_seen_subcommand_from ${commands.join(' ')}`;
  const parts = [...(path === '' ? [] : seen), ...(commands.length === 0 ? [] : [next])];
  return parts.length === 0 ? 'true' : parts.join('; and ');
}

function fishOption(name: string, option: Option, condition: string): string {
  const { long = '', argChoices, description } = option;
  const value = argChoices === undefined ? ' -r' : ` -x -a '${argChoices.join(' ')}'`;
  const parts = [`complete -c ${name}`, condition, `-l ${long.slice(2)}`];
  const words = parts.filter((part) => part !== '').join(' ');
  return `${words}${takesValue(option) ? value : ''} -d ${quoted(description)}`;
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function unique(options: readonly Option[]): readonly Option[] {
  const byName = new Map(options.map((option) => [option.long, option]));
  byName.delete(undefined);
  return [...byName.values()];
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}
