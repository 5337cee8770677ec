import type { Command as Parser } from 'commander';
import type {
  Common,
  RootOptions,
  RouteAddCommand,
  RouteRemoveCommand,
  RouteTarget,
} from './command-types.js';
import { parseHostPort } from '../config/formats.js';
import {
  collect,
  commonOf,
  forbidRunOptions,
  only,
  usageError,
  type Emit,
} from './option-values.js';

interface RouteOptions {
  readonly directory?: string;
  readonly domain?: string;
}

interface RouteAddOptions {
  readonly directory?: string;
  readonly domain: readonly string[];
  readonly target: readonly string[];
  readonly checkPath?: string;
}

/** Only parses: commands/route.ts runs them. */
export function addRouteCommands(program: Parser, emit: Emit): void {
  const route = program.command('route').description('manage routes to services outside Nomad');
  const directory = '--directory <dir>';
  const folder = 'directory of the route files';
  route
    .command('add')
    .description('add a route')
    .requiredOption('--domain <domain...>', 'domain to route (repeatable)', collect)
    .requiredOption(
      '--target <address:port...>',
      'address and port of a target (repeatable)',
      collect,
    )
    .option('--check-path <path>', 'path of an HTTP health check')
    .option(directory, folder)
    .action((own: RouteAddOptions, command: Parser) => emit(routeAdd(own, rootOptions(command))));
  route
    .command('remove')
    .description('remove a route by name or domain')
    .argument('[name]')
    .option('--domain <domain>', 'a domain of the route')
    .option(directory, folder)
    .action((name: string | undefined, own: RouteOptions, command: Parser) =>
      emit(routeRemove(name, own, withoutTarget(rootOptions(command)))),
    );
  route
    .command('list')
    .description('list routes')
    .option(directory, folder)
    .action((own: RouteOptions, command: Parser) =>
      emit({ kind: 'route-list', ...routeCommon(own, withoutTarget(rootOptions(command))) }),
    );
}

/** Root options are also accepted after the subcommand. */
function rootOptions(command: Parser): RootOptions {
  return command.optsWithGlobals<RootOptions>();
}

/** The HAProxy's; `add` has one of its own. */
function withoutTarget(root: RootOptions): RootOptions {
  if (root.target !== undefined) throw usageError("--target can't be used with route");
  return root;
}

function routeCommon(
  own: Pick<RouteOptions, 'directory'>,
  root: RootOptions,
): Common & { directory?: string } {
  forbidRunOptions(root, 'route');
  return { ...commonOf(root), ...only(own, 'directory') };
}

function routeAdd(own: RouteAddOptions, root: RootOptions): RouteAddCommand {
  const targets = own.target.map(parseTarget);
  const { checkPath } = own;
  if (checkPath !== undefined && !/^\/[\u0021-\u007e]*$/.test(checkPath)) {
    throw usageError(`--check-path: ${JSON.stringify(checkPath)} must begin with "/"`);
  }
  return {
    kind: 'route-add',
    ...routeCommon(own, root),
    domains: own.domain,
    targets,
    ...(checkPath === undefined ? {} : { checkPath }),
  };
}

function parseTarget(text: string): RouteTarget {
  const target = parseHostPort(text);
  if (target === undefined || target.host === '' || target.port === 0) {
    const form = 'ADDRESS:PORT such as 10.0.0.7:8080 or [fd00::7]:8080';
    throw usageError(`--target: ${JSON.stringify(text)} is not allowed; expected ${form}`);
  }
  return { address: target.host, port: target.port };
}

function routeRemove(
  name: string | undefined,
  own: RouteOptions,
  root: RootOptions,
): RouteRemoveCommand {
  if ((name === undefined) === (own.domain === undefined)) {
    throw usageError('route remove needs either a NAME or --domain');
  }
  return {
    kind: 'route-remove',
    ...routeCommon(own, root),
    ...(name === undefined ? {} : { name }),
    ...only(own, 'domain'),
  };
}
