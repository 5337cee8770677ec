import { stringify } from 'yaml';

import type {
  RouteAddCommand,
  RouteListCommand,
  RouteRemoveCommand,
} from '../cli/command-types.js';
import type { ExitCode } from '../cli/exit-codes.js';
import type { Settings } from '../config/types.js';
import { parseRouteFile } from '../desired/route-files.js';
import type { RouteFile, RouteTarget } from '../desired/types.js';
import { formatAddress } from '../haproxy/addresses.js';
import { ConnectorError } from '../shared/errors.js';
import { plainJson, visible } from '../shared/text.js';
import {
  type ReadRoute,
  readRouteFiles,
  removeRouteFile,
  writeRouteFile,
} from '../routes/files.js';

export type RouteCommand = RouteAddCommand | RouteRemoveCommand | RouteListCommand;

/** `route add|remove|list`: edits the routes folder. The daemon or the next pass applies it. */
export function runRouteCommand(
  command: RouteCommand,
  settings: Settings,
  print: (text: string) => void,
): ExitCode {
  const directory = command.directory ?? settings.routes.directory;
  if (directory === undefined) {
    throw invalid('no routes folder: set routes.directory or use --directory');
  }
  switch (command.kind) {
    case 'route-add':
      return add(command, directory, print);
    case 'route-remove':
      return remove(command, directory, print);
    case 'route-list':
      return list(command, directory, print);
  }
}

function invalid(message: string): ConnectorError {
  return new ConnectorError('config-invalid', message, { retryable: false });
}

function add(command: RouteAddCommand, directory: string, print: (text: string) => void): ExitCode {
  const { domains, targets, checkPath } = command;
  const name = fileName(domains[0] ?? '');
  const content = {
    domains: [...domains],
    targets: targets.map(formatTarget),
    ...(checkPath === undefined ? {} : { check: { path: checkPath } }),
  };
  const parsed = parseRouteFile(name, content);
  if ('problems' in parsed) throw invalid(parsed.problems.join('; '));
  print(`${writeRouteFile(directory, name, stringify(content))}\n`);
  return 0;
}

/** `*.example.com` -> `wildcard.example.com`. The same first domain gives the same file. */
function fileName(domain: string): string {
  return domain
    .toLowerCase()
    .replace(/^\*\./, 'wildcard.')
    .replace(/[^a-z0-9._-]/g, '_')
    .slice(0, 64);
}

function remove(
  { name, domain }: RouteRemoveCommand,
  directory: string,
  print: (text: string) => void,
): ExitCode {
  const found = readRouteFiles(directory).filter((route) =>
    name === undefined
      ? domainsOf(route).includes((domain ?? '').toLowerCase())
      : route.name === name,
  );
  const [only, ...others] = found;
  if (only === undefined)
    throw invalid(`no route ${name ?? `for ${domain ?? ''}`} in ${directory}`);
  if (others.length > 0) {
    throw invalid(`several routes match: ${found.map((route) => route.name).join(', ')}`);
  }
  removeRouteFile(only.path);
  print(`${only.path}\n`);
  return 0;
}

function list(
  { output }: RouteListCommand,
  directory: string,
  print: (text: string) => void,
): ExitCode {
  const routes = readRouteFiles(directory);
  if (output === 'json') {
    print(`${plainJson(routes.map(describe), 2)}\n`);
    return 0;
  }
  for (const route of routes) {
    const text =
      'file' in route
        ? `${domainsOf(route).join(' ')} -> ${route.file.targets.map(formatTarget).join(' ')}`
        : `bad: ${route.problem}`;
    print(`${visible(`${route.name}  ${text}`)}\n`);
  }
  return 0;
}

function describe(route: ReadRoute): object {
  if (!('file' in route)) return { name: route.name, problem: route.problem };
  const targets = route.file.targets.map(formatTarget);
  return { name: route.name, domains: domainsOf(route), targets };
}

function domainsOf(route: ReadRoute): string[] {
  return 'file' in route ? tagValues(route.file, 'domain').map((one) => one.toLowerCase()) : [];
}

/** Values of one tag in the file. Its tags have the default prefix. */
function tagValues({ tags }: RouteFile, key: string): string[] {
  return tags.flatMap((tag) => {
    const [name = '', value = ''] = tag.split(/=(.*)/s);
    return name.endsWith(key) && (name === key || name.endsWith(`.${key}`)) ? [value] : [];
  });
}

function formatTarget({ address, port }: Pick<RouteTarget, 'address' | 'port'>): string {
  return formatAddress(address, port);
}
