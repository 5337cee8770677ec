/**
 * Makes a fresh clone ready for `npm test`, `npm run demo` and the like, and does nothing where it
 * is ready: the npm packages, the data plane's stand-in, HAProxy. It runs before the packages are
 * there, so it uses none. `--packages` stops after the packages.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import process from 'node:process';

const root = resolve(import.meta.dirname, '..');
const { env } = process;

checkNode();
if (!packagesFit()) installPackages();
if (!process.argv.includes('--packages')) {
  checkTools();
  run(process.execPath, ['--import', 'tsx', 'scripts/prepare.ts']);
}

function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) fail(`Node ${process.versions.node} is too old: 20 or newer is needed.`);
}

/** Whether node_modules holds what package-lock.json asks for. */
function packagesFit() {
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'));
  const wanted = readPackages(join(root, 'package-lock.json'));
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true;
    const found = installed[path];
    return found === undefined ? optional === true : found.version === version;
  });
}

function readPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : {};
}

function installPackages() {
  say('setup: npm packages (npm ci)');
  const npm = env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  if (npm === undefined) run('npm', args, 'ignore');
  else run(process.execPath, [npm, ...args], 'ignore');
}

function checkTools() {
  const missing = [];
  if (!env.DATAPLANEAPI_BIN && !isOnPath('go')) {
    missing.push('go, to build the stand-in of the Data Plane API (or set DATAPLANEAPI_BIN)');
  }
  if (!env.HAPROXY_BIN && !isOnPath('haproxy')) {
    for (const tool of ['apt-get', 'dpkg-deb']) {
      if (!isOnPath(tool)) missing.push(`${tool}, to fetch HAProxy (or set HAPROXY_BIN)`);
    }
  }
  if (missing.length > 0) fail(`Not found on this machine:\n  ${missing.join('\n  ')}`);
}

function isOnPath(tool) {
  return (env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, tool)));
}

/** Its output goes on to ours; `stdout` may say otherwise. */
function run(command, args, stdout = 'inherit') {
  const stdio = ['ignore', stdout, 'inherit'];
  const { status, error } = spawnSync(command, args, { cwd: root, stdio });
  if (error !== undefined) fail(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

function say(text) {
  process.stdout.write(`${text}\n`);
}

function fail(text) {
  process.stderr.write(`setup: ${text}\n`);
  process.exit(1);
}
