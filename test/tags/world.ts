import { type IncomingHttpHeaders, request } from 'node:http';
import { request as requestTls } from 'node:https';

import type { Picture } from '../../src/pass/picture.js';
import { globalSection } from '../../fixtures/dataplane/config.js';
import type { NewService, ServiceHandle } from '../../fixtures/nomad/services.js';
import { freePort } from '../../fixtures/ports.js';
import { type WaitOptions, waitFor } from '../../fixtures/process.js';
import { isConverged } from '../../fixtures/stack/connector.js';
import { type Stack, startStack } from '../../fixtures/stack.js';
import type { Settings } from '../../src/config/types.js';
import type { RouteFile } from '../../src/desired/types.js';
import { type Echo, type Echoed, type EchoKind, startEcho } from './echo.js';

export interface Ask {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: IncomingHttpHeaders;
  /** A frontend other than the usual one. */
  readonly port?: number;
  /** TLS by this server name, through a frontend that passes it on. */
  readonly serverName?: string;
  /** Address from which the request comes. */
  readonly from?: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** What the app got, if it was one. */
  readonly got?: Echoed;
}

export interface Ports {
  readonly internal: number;
  readonly tls: number;
  readonly tcp: number;
}

/** A stack whose operator has several frontends and backends of his own. */
export interface World {
  readonly stack: Stack;
  readonly ports: Ports;
  /** With the changes of all tests of a file: short times, removals allowed. */
  readonly settings: Settings;
  app(name: string, kind?: EchoKind): Promise<Echo>;
  serve(name: string, tags: readonly string[], more?: Partial<NewService>): ServiceHandle;
  ask(host: string, ask?: Ask): Promise<Reply>;
  /** A new process of the connector: one pass. */
  pass(change?: Change, files?: readonly RouteFile[]): Promise<Picture>;
  /** The same, as often as it takes until nothing is left to do. */
  converge(change?: Change, files?: readonly RouteFile[]): Promise<Picture>;
  section(kind: 'backend' | 'frontend', name: string): Promise<string[]>;
  close(): Promise<void>;
}

export type Change = (settings: Settings) => Settings;

export function inRules(settings: Settings): Settings {
  return { ...settings, routing: { ...settings.routing, mode: 'rules' } };
}

export function adopting(settings: Settings): Settings {
  return { ...settings, ownership: { ...settings.ownership, adopt: true } };
}

export function until<T>(
  what: string,
  condition: () => T,
  options: WaitOptions = {},
): Promise<unknown> {
  return waitFor(what, condition, options);
}

export interface WorldOptions {
  /** More of the operator's sections. */
  readonly operator?: string;
  /** More lines of the operator's in the usual frontend. */
  readonly frontend?: string;
  readonly intervalMs?: number;
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const [internal, tls, tcp] = [await freePort(), await freePort(), await freePort()];
  const ports = { internal, tls, tcp };
  const stack = await startStack({
    haproxyConfig: (dirs, port) => globalSection(dirs) + operatorSections(port, ports, options),
  });
  const apps: Echo[] = [];
  const { checks, guard } = stack.settings;
  const settings: Settings = {
    ...stack.settings,
    guard: { ...guard, allowRemovals: true },
    checks: { ...checks, intervalMs: options.intervalMs ?? 100 },
  };
  const passes = (change: Change, files: readonly RouteFile[]) =>
    stack.passes({
      settings: () => change(settings),
      routeFiles: () => ({ files, bad: [] }),
    });
  return {
    stack,
    ports,
    settings,
    app: async (name, kind) => {
      const app = await startEcho(name, kind);
      apps.push(app);
      return app;
    },
    serve: (name, tags, more = {}) =>
      stack.nomad.addService({
        name,
        tags: ['haproxy.enable=true', ...tags.map((tag) => `haproxy.${tag}`)],
        ...more,
      }),
    ask: (host, ask = {}) => send(stack.dp.frontendPort, host, ask),
    pass: (change = (same) => same, files = []) => passes(change, files).run(),
    converge: async (change = (same) => same, files = []) => {
      const same = passes(change, files);
      for (let tries = 1; ; tries++) {
        const result = await same.run();
        if (isConverged(result)) return result;
        if (tries === 5) throw new Error(`not converged: ${JSON.stringify(result.rest.steps)}`);
      }
    },
    section: async (kind, name) => sectionOf(await stack.configuration(), kind, name),
    close: async () => {
      await stack.close();
      await Promise.all(apps.map((app) => app.close()));
    },
  };
}

function sectionOf(configuration: string, kind: string, name: string): string[] {
  const section = configuration
    .split(/^(?=\S)/m)
    .find((text) => new RegExp(`^${kind} ${name}(\\s|$)`).test(text));
  return (section ?? '').split('\n').map((line) => line.trim());
}

function operatorSections(port: number, ports: Ports, options: WorldOptions): string {
  return `
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  option redispatch 1

frontend http_front
  bind 127.0.0.1:${port} name public
  option idle-close-on-response
  acl operator_path path_beg /operator
${options.frontend ?? ''}
  use_backend operator_api if operator_path
  default_backend operator_default

frontend internal
  bind 127.0.0.1:${ports.internal}
  option idle-close-on-response
  default_backend operator_default

frontend tls_in
  mode tcp
  bind 127.0.0.1:${ports.tls}
  tcp-request inspect-delay 5s
  tcp-request content accept if { req.ssl_hello_type 1 }

frontend tcp_in
  mode tcp
  bind 127.0.0.1:${ports.tcp}

backend operator_api
  http-request return status 200 content-type text/plain string "operator api"

backend operator_default
  http-request return status 404 content-type text/plain string "operator default"
${options.operator ?? ''}`;
}

function send(usual: number, host: string, ask: Ask): Promise<Reply> {
  const { path = '/', method = 'GET', headers = {}, port = usual, serverName, from } = ask;
  const options = {
    host: '127.0.0.1',
    port,
    path,
    method,
    agent: false as const,
    headers: { host, 'x-test': '1', ...headers },
    ...(from === undefined ? {} : { localAddress: from }),
    ...(serverName === undefined ? {} : { servername: serverName, rejectUnauthorized: false }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = (serverName === undefined ? request : requestTls)(options, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (text: string) => (body += text));
      answer.on('error', reject);
      answer.on('end', () => {
        const status = answer.statusCode ?? 0;
        const echoed = body.startsWith('{"app"') ? { got: JSON.parse(body) as Echoed } : {};
        resolve({ status, headers: answer.headers, body, ...echoed });
      });
    });
    // Longer than ten retries with a second between them (ADR 0010).
    outgoing.setTimeout(20_000, () => outgoing.destroy(new Error(`no answer for ${host}${path}`)));
    outgoing.on('error', reject);
    outgoing.end();
  });
}
