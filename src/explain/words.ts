import type { CheckResult, ServerExplained } from './types.js';

/** `default/web` -> `web`; other namespaces are named. */
export function shortName(service: string): string {
  if (service.startsWith('file:')) return `the route file ${service.slice('file:'.length)}`;
  return service.startsWith('default/') ? service.slice('default/'.length) : service;
}

/** `the server`, `both servers`, `all 3 servers`, `2 of 3 servers`. */
export function countOf(some: number, all: number, what: string): string {
  if (some < all) return `${some} of ${all} ${what}s`;
  if (all === 1) return `the ${what}`;
  return all === 2 ? `both ${what}s` : `all ${all} ${what}s`;
}

export function isOrAre(count: number): string {
  return count === 1 ? 'is' : 'are';
}

/** `check GET /health every 10s` -> `check GET /health`. */
function checkName(summary: string): string {
  return summary.replace(/ every \S+$/, '');
}

/** What the last checks of some DOWN servers gave: `check GET /health gave 500`. */
export function checkFailure(summary: string, servers: readonly ServerExplained[]): string {
  const name = checkName(summary);
  const outcomes = servers.map(({ check }) => outcomeOf(check));
  const [most = 'fails'] = byFrequency(outcomes);
  return `${name} ${most}`;
}

function byFrequency(texts: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([text]) => text);
}

/** HAProxy's codes of a check's result (management guide, 9.1, `check_status`). */
function outcomeOf(check: CheckResult | undefined): string {
  const result = check?.result;
  if (check === undefined || result === undefined) return 'fails';
  const { code, text } = check;
  const detail = text === undefined || text === '' ? '' : ` (${text})`;
  if (code !== undefined && code > 0) return `gave ${code}`;
  if (result === 'L7STS') return 'gave a status that fails it';
  if (result.endsWith('TOUT')) return 'timed out';
  if (result === 'L4CON') return `could not connect${detail}`;
  if (result.startsWith('L6')) return `failed in TLS${detail}`;
  if (result === 'L7RSP') return `got an invalid answer${detail}`;
  if (result === 'INI') return 'has not run yet';
  return `fails${detail}`;
}
