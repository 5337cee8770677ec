import { readCheckResults } from '../actual/check-results.js';
import { assemble } from '../assembly.js';
import type { ExplainCommand } from '../cli/command-types.js';
import { explainExitCode, type ExitCode } from '../cli/exit-codes.js';
import type { Settings } from '../config/types.js';
import { explain } from '../explain/explain.js';
import { explanationAsJson, printExplanation } from '../explain/print.js';
import type { KnownJob, RegisteredService, Seen } from '../explain/types.js';
import { namespacesOf } from '../config/namespaces.js';
import { nomadApi } from '../observe/nomad/api.js';
import type { NomadClient } from '../observe/nomad/client.js';
import { watchRoutes } from '../routes/folder.js';
import { ConnectorError } from '../shared/errors.js';
import { tlsReporter } from '../telemetry/tls.js';
import { painter } from './painter.js';
import type { Around, Built } from './types.js';

/** `explain HOST[/PATH] | SERVICE | BACKEND`: one pass that writes nothing, and what it says. */
export async function runExplain(
  { query, output, color }: ExplainCommand,
  { settings, logger, onToken, redact }: Built,
  { print, signal, env, isTerminal }: Around,
): Promise<ExitCode> {
  const routes = watchRoutes(settings.routes.directory, { logger });
  const hooks = { onToken, onTls: tlsReporter(logger) };
  const { nomad, pass, clients } = assemble(settings, {
    writes: false,
    routeFiles: routes.current,
    hooks,
  });
  try {
    const [outcome] = await pass(() => true, signal);
    if (outcome === undefined) throw new ConnectorError('internal', 'no target is configured');
    if ('error' in outcome) throw outcome.error;
    const { picture } = outcome;
    const around = await listNomad(nomad, settings, signal);
    const first: Seen = { picture, settings, now: Date.now(), ...around };
    const client = clients[picture.target];
    const backends = explain(first, query).backends.map(({ name }) => name);
    const checks = client === undefined ? {} : await readCheckResults(client, backends, signal);
    const explanation = explain({ ...first, checks }, query);
    const paint = painter(color, env, isTerminal);
    print(
      output === 'json'
        ? `${explanationAsJson(explanation, redact)}\n`
        : printExplanation(explanation, paint, redact),
    );
    return explainExitCode(explanation);
  } finally {
    routes.close();
    nomad.close();
  }
}

/** What the catalog leaves out: services that didn't opt in, and jobs that were stopped. */
async function listNomad(
  client: NomadClient,
  { nomad }: Settings,
  signal: AbortSignal,
): Promise<{ registered: readonly RegisteredService[]; jobs: readonly KnownJob[] }> {
  const api = nomadApi(client);
  const registered: RegisteredService[] = [];
  const jobs: KnownJob[] = [];
  for (const namespace of namespacesOf(nomad.namespace)) {
    const services = await api.services(namespace, signal);
    for (const { Namespace, Services } of services.body) {
      for (const { ServiceName, Tags } of Services) {
        registered.push({ namespace: Namespace, name: ServiceName, tags: Tags ?? [] });
      }
    }
    const stubs = await api.jobs(namespace, signal);
    for (const { Namespace, ID, Status, Stop } of stubs.body) {
      jobs.push({ namespace: Namespace, id: ID, status: Status, stopped: Stop });
    }
  }
  return { registered, jobs };
}
