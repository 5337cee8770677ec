import { shortId } from '../shared/short-id.js';
import type { Paint, Redact } from '../diff/print/print.js';
import { visible } from '../shared/text.js';
import { timeText } from './sentences.js';
import type {
  BackendExplained,
  CheckResult,
  ClaimExplained,
  End,
  Explanation,
  FrontendRoute,
  InstanceExplained,
  ServerExplained,
  ServiceExplained,
} from './types.js';

/** A block of aligned lines under a heading. */
export interface Block {
  readonly heading: string;
  readonly rows: readonly Row[];
}

export interface Row {
  readonly cells: readonly string[];
  readonly sign?: '+' | '~' | '-' | '!';
}

/**
 * The chain from tag to request for people, and the answer as its last line. Colours only through
 * `paint`; no text in it can act on the terminal.
 */
export function printExplanation(
  explanation: Explanation,
  paint: Paint = (_, text) => text,
  redact: Redact = (text) => text,
): string {
  const clean = (text: string): string => visible(redact(text));
  const blocks = blocksOf(explanation).filter(({ rows }) => rows.length > 0);
  const { answers, text } = explanation;
  return [
    ...blocks.flatMap((block) => [...printBlock(block, paint, clean), '']),
    paint(answers ? '+' : '-', clean(text)),
    '',
  ].join('\n');
}

/** The same for programs: one object with stable keys. */
export function explanationDocument({ formatVersion, ...explanation }: Explanation) {
  return { format_version: formatVersion, ...explanation };
}

function printBlock({ heading, rows }: Block, paint: Paint, clean: Redact): string[] {
  const cleaned = rows.map((row): Row => ({ ...row, cells: row.cells.map(clean) }));
  const widths = widthsOf(cleaned);
  return [
    clean(heading),
    ...cleaned.map(({ cells, sign }) => {
      const last = cells.length - 1;
      const line = cells
        .map((cell, at) => (at === last ? cell : cell.padEnd(widths[at] ?? 0)))
        .join('  ');
      const text = `  ${line}`.trimEnd();
      return sign === undefined ? text : paint(sign, text);
    }),
  ];
}

const maxWidth = 44;

/** Of the columns; the last cell of a row takes what it needs. */
function widthsOf(rows: readonly Row[]): readonly number[] {
  const widths: number[] = [];
  for (const { cells } of rows) {
    cells.slice(0, -1).forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, Math.min(cell.length, maxWidth));
    });
  }
  return widths;
}

export function blocksOf(explanation: Explanation): readonly Block[] {
  const { routes, claims, services, backends, next, suggestions } = explanation;
  return [
    { heading: `Request ${explanation.query}`, rows: routes.flatMap(routeRows) },
    { heading: 'Claims', rows: claims.map(claimRow) },
    ...services.flatMap(serviceBlocks),
    ...backends.map((backend) => ({
      heading: `Backend ${backend.name} (${ownerText(backend)})`,
      rows: backendRows(backend, services),
    })),
    { heading: 'Next pass', rows: nextRows(next) },
    { heading: 'HAProxy', rows: [{ cells: [stateText(explanation)] }] },
    { heading: 'Similar names', rows: suggestions.map((one) => ({ cells: [one] })) },
  ];
}

function routeRows({ frontends, mode, end, maybe }: FrontendRoute): Row[] {
  const where = `frontend ${frontends.join(', ')}${mode === 'http' ? '' : ` (${mode})`}`;
  return [
    ...maybe.map((rule): Row => ({ cells: [where, `may be taken first: ${rule}`], sign: '~' })),
    { cells: [where, endText(end)] },
  ];
}

function endText(end: End): string {
  switch (end.kind) {
    case 'service': {
      const { map, key, match, rule } = end.entry;
      const by =
        map === undefined ? (rule ?? 'rule') : `map ${map}${match ? ` (${match})` : ''}: ${key}`;
      return `${by} -> backend ${end.backend}`;
    }
    case 'operator': {
      const to = end.backend === undefined ? '' : ` -> backend ${end.backend}`;
      return `the operator's rule: ${end.rule}${to}${statusText(end.status)}`;
    }
    case 'default':
      return end.backend === undefined
        ? `no rule, and no default_backend${statusText(end.status)}`
        : `no rule -> default_backend ${end.backend}${statusText(end.status)}`;
  }
}

function statusText(status: number | undefined): string {
  return status === undefined ? '' : ` (${status})`;
}

function claimRow({ service, route, match, state, since, why }: ClaimExplained): Row {
  const time = since === undefined ? '' : `, claimed since ${timeText(since)}`;
  const because = why === undefined ? '' : `: ${why}`;
  const sign = state === 'owns' ? undefined : { sign: '~' as const };
  return { cells: [`${route} (${match})`, service, `${state}${time}${because}`], ...sign };
}

function serviceBlocks(service: ServiceExplained): readonly Block[] {
  const { skipped, routes, jobs, check, warnings, instances } = service;
  const rows: Row[] = [
    ...(skipped === undefined
      ? []
      : [{ cells: ['skipped', `${skipped.code}: ${skipped.reason}`], sign: '!' as const }]),
    ...jobs.map(({ job, count, status, stopped }) => {
      const asked = count === undefined ? 'declares it no more' : `count ${count}`;
      return {
        cells: [`job ${job}`, [asked, (stopped ? 'stopped' : status) ?? []].flat().join(', ')],
      };
    }),
    ...routes.slice(0, mostRoutes).map(({ route, match, mode, frontends }) => ({
      cells: ['route', `${route} (${match}, ${mode}, ${frontends.join(' ')})`],
    })),
    ...(routes.length > mostRoutes
      ? [{ cells: ['route', `and ${routes.length - mostRoutes} more`] }]
      : []),
    ...(check === undefined ? [] : [{ cells: ['check', check.summary] }]),
    ...(check?.values ?? []).map(({ name, value, origin }) => ({
      cells: [name, `${value} (${originText[origin]})`],
    })),
    ...warnings.map((text): Row => ({ cells: ['warning', text], sign: '~' })),
  ];
  return [
    { heading: `Service ${service.service}`, rows },
    { heading: `Instances of ${service.service}`, rows: instances.map(instanceRow) },
  ];
}

const mostRoutes = 20;

const originText = {
  tag: 'tag',
  'job-spec': 'job spec',
  setting: 'setting',
  default: 'default',
} as const;

function instanceRow(instance: InstanceExplained): Row {
  const { allocation, id, version, node, clientStatus, desiredStatus } = instance;
  const { address, phase, server, canary, job } = instance;
  const status =
    clientStatus === undefined ? 'no allocation' : `${clientStatus}/${desiredStatus ?? ''}`;
  return {
    cells: [
      allocation === '' ? id : shortId(allocation),
      `${job}${version === undefined ? '' : ` v${version}`}${canary ? ' canary' : ''}`,
      node ?? '-',
      status,
      address,
      phase,
      server ?? '-',
    ],
  };
}

function ownerText({ owner, exists }: BackendExplained): string {
  if (!exists) return 'not in HAProxy yet';
  if (owner === 'connector') return "the connector's";
  return owner === 'shared' ? "the operator's, with the connector's servers" : "the operator's";
}

function backendRows(
  { servers, free, exists }: BackendExplained,
  services: readonly ServiceExplained[],
): readonly Row[] {
  if (!exists || servers.length + free === 0) return [{ cells: ['no servers'] }];
  return [
    ...servers.map((server) => serverRow(server, services)),
    ...(free === 0 ? [] : [{ cells: [`${free} free`, 'slots without an instance'] }]),
  ];
}

const stateSigns = { up: '+', down: '-', drain: '~', maint: '~', unloaded: '!' } as const;

function serverRow(server: ServerExplained, services: readonly ServiceExplained[]): Row {
  const { name, state, disk, process, check, allocation, instance } = server;
  const loaded =
    process === undefined || process.address === disk.address
      ? disk.address
      : `${disk.address} on disk, ${process.address} in the process`;
  const on = `${disk.disabled ? ', disabled on disk' : ''}`;
  const behind =
    instance === undefined
      ? "the operator's"
      : services.flatMap(({ instances }) => instances).find(({ id }) => id === instance);
  const who =
    typeof behind === 'string'
      ? behind
      : `${allocation === undefined ? (instance ?? '') : shortId(allocation)}${behind?.node === undefined ? '' : ` on ${behind.node}`}`;
  return {
    cells: [
      name,
      state.toUpperCase(),
      `${loaded}${on}`,
      `weight ${disk.weight}`,
      checkText(check),
      who,
    ],
    sign: stateSigns[state],
  };
}

/** `L7STS 500 in 3 ms, for 12 s`. */
function checkText(check: CheckResult | undefined): string {
  if (check === undefined) return '-';
  const { result, code, durationMs, changedSeconds, status } = check;
  const outcome = result === undefined ? status : `${result}${code ? ` ${code}` : ''}`;
  const took = durationMs === undefined ? '' : ` in ${durationMs} ms`;
  const since = changedSeconds === undefined ? '' : `, for ${changedSeconds} s`;
  return `${outcome}${took}${since}`;
}

function nextRows({ steps, held, kept, problems }: Explanation['next']): readonly Row[] {
  return [
    ...steps.map((step) => ({ cells: [step] })),
    ...(held === undefined ? [] : [{ cells: [`removal held: ${held}`], sign: '!' as const }]),
    ...kept.map((step): Row => ({ cells: [`kept, as sync.policy says: ${step}`], sign: '~' })),
    ...problems.map((text) => ({ cells: [`problem: ${text}`], sign: '!' as const })),
  ];
}

function stateText({ state, target }: Explanation): string {
  const { configVersion, generation, loaded, nomadIndex, catalogIndex } = state;
  const shown = generation === undefined ? '' : `, generation ${generation}`;
  const behind = loaded ? '' : ' (HAProxy runs an older one)';
  const written = nomadIndex === undefined ? '' : `, written at Nomad index ${nomadIndex}`;
  return `target ${target}: config v${configVersion}${shown}${behind}${written}, Nomad is at ${catalogIndex}`;
}
