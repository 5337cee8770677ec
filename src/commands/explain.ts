import { readCheckResults } from '../actual/check-results.js';
import type { DataPlaneReader } from '../actual/dataplane-client.js';
import { type Assembly, assemble } from '../assembly.js';
import type { ExplainCommand } from '../cli/command-types.js';
import { explainExitCode, type ExitCode } from '../cli/exit-codes.js';
import { namespacesOf } from '../config/namespaces.js';
import type { Settings } from '../config/types.js';
import { differencesText, differing } from '../explain/differences.js';
import { explain } from '../explain/explain.js';
import { explanationDocument, printExplanation } from '../explain/print.js';
import type { Explanation, KnownJob, RegisteredService, Seen } from '../explain/types.js';
import { createVariableLock } from '../leader/lock.js';
import { nomadApi } from '../observe/nomad/api.js';
import type { NomadClient } from '../observe/nomad/client.js';
import type { Picture } from '../pass/picture.js';
import { watchRoutes } from '../routes/folder.js';
import { asConnectorError, ConnectorError } from '../shared/errors.js';
import { visible } from '../shared/text.js';
import { tlsReporter } from '../telemetry/tls.js';
import { withTargets } from './discovered.js';
import { painter } from './painter.js';
import { chosenTargets, reportAll } from './targets.js';
import type { Around, Built } from './types.js';

/** `explain HOST[/PATH] | SERVICE | BACKEND`: one pass that writes nothing, and what it says. */
export async function runExplain(
  { query, output, color, targets: names }: ExplainCommand,
  built: Built,
  { print, signal, env, isTerminal }: Around,
): Promise<ExitCode> {
  const { logger, onToken, redact } = built;
  const settings = await withTargets(built, signal);
  const targets = chosenTargets(settings, names);
  const routes = watchRoutes(settings.routes.directory, { logger });
  const hooks = { onToken, onTls: tlsReporter(logger) };
  const assembly = assemble(settings, { writes: false, routeFiles: routes.current, hooks });
  const paint = painter(color, env, isTerminal);
  let nomads: Promise<NomadLists> | undefined;
  const lists = (): Promise<NomadLists> => (nomads ??= listNomad(assembly.nomad, settings, signal));
  const explained = new Map<string, Explanation>();
  try {
    const leader = await lastLeader(assembly.nomad, settings, signal);
    const leaderLine = leader === undefined ? '' : `${visible(redact(leaderText(leader)))}\n`;
    const isAlone = targets.length === 1;
    return await reportAll({
      ...{ targets, output, logger, print, redact },
      reportOf: async ({ name }) => {
        const picture = await pictureOf(assembly, name, signal);
        const seen: Seen = { picture, settings, now: Date.now(), ...(await lists()) };
        const explanation = await explainChecked(seen, query, assembly.clientOf(name), signal);
        explained.set(name, explanation);
        return {
          text: (isAlone ? leaderLine : '') + printExplanation(explanation, paint, redact),
          json: { ...explanationDocument(explanation), ...(isAlone && leader && { leader }) },
          code: explainExitCode(explanation),
        };
      },
      together: () => {
        const answered = targets.flatMap(({ name }) => explained.get(name) ?? []);
        const text = differencesText(answered);
        const lines = text.split('\n').map((line) => paint('!', visible(redact(line))));
        return {
          text: leaderLine + (text === '' ? '' : `${lines.join('\n')}\n`),
          json: {
            differs: differing(answered).map(({ target }) => target),
            ...(leader && { leader }),
          },
        };
      },
    });
  } finally {
    routes.close();
    assembly.nomad.close();
  }
}

/** Who took the lock last. Nomad shows only to management tokens whether it is held. */
interface LastLeader {
  readonly lock: string;
  readonly holder?: string;
  readonly term?: number;
  /** Why the lock can't be read. */
  readonly error?: string;
}

async function lastLeader(
  client: NomadClient,
  { leader, nomad }: Settings,
  signal: AbortSignal,
): Promise<LastLeader | undefined> {
  if (leader === undefined) return undefined;
  const { path } = leader;
  try {
    const seen = await createVariableLock(client, leader, nomad).read(undefined, signal);
    const { holder, term } = seen;
    return { lock: path, ...(holder !== undefined && { holder, ...(term && { term }) }) };
  } catch (error) {
    return { lock: path, error: asConnectorError(error).message };
  }
}

function leaderText({ lock, holder, term, error }: LastLeader): string {
  if (error !== undefined) return `leader: the lock ${lock} can't be read: ${error}`;
  if (holder === undefined) return `leader: nobody has taken the lock ${lock} yet`;
  return `leader: ${holder} took the lock ${lock} last, in term ${term}`;
}

async function pictureOf(
  { passOf }: Assembly,
  target: string,
  signal: AbortSignal,
): Promise<Picture> {
  const [outcome] = await passOf(target)(() => true, signal);
  if (outcome === undefined) throw new ConnectorError('internal', 'no target is configured');
  if ('error' in outcome) throw outcome.error;
  return outcome.picture;
}

/** With the last results of HAProxy's checks in the backends that it is about. */
async function explainChecked(
  seen: Seen,
  query: string,
  client: DataPlaneReader | undefined,
  signal: AbortSignal,
): Promise<Explanation> {
  const backends = explain(seen, query).backends.map(({ name }) => name);
  const checks = client === undefined ? {} : await readCheckResults(client, backends, signal);
  return explain({ ...seen, checks }, query);
}

interface NomadLists {
  readonly registered: readonly RegisteredService[];
  readonly jobs: readonly KnownJob[];
}

/** What the catalog leaves out: services that didn't opt in, and jobs that were stopped. */
async function listNomad(
  client: NomadClient,
  { nomad }: Settings,
  signal: AbortSignal,
): Promise<NomadLists> {
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
