/** The monitoring kit's files, as its tests read them. */

import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { parse } from 'yaml';

export const root = resolve(import.meta.dirname, '..', '..');
export const alertsFile = join(root, 'monitoring', 'alerts.yaml');

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly AlertRule[] }[];
}

export async function readRules(): Promise<RuleFile> {
  return parse(await readFile(alertsFile, 'utf8')) as RuleFile;
}

export interface Query {
  /** Title of the panel. */
  readonly panel: string;
  readonly expr: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { uid: string } }[];
}

export interface Dashboard {
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { name: string; expr: string }[] };
  readonly templating: {
    readonly list: readonly { name: string; type: string; definition?: string }[];
  };
}

export async function readDashboard(): Promise<Dashboard> {
  return JSON.parse(
    await readFile(join(root, 'monitoring', 'dashboard.json'), 'utf8'),
  ) as Dashboard;
}

/** Every query of the dashboard, with its variables filled in as Grafana does for "All". */
export function queriesOf({ panels, annotations }: Dashboard, rateInterval: string): Query[] {
  const fill = (expr: string): string =>
    expr.replaceAll('$__rate_interval', rateInterval).replace(/\$(connector|service)\b/g, '.*');
  return [
    ...panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ panel: title, expr: fill(expr) })),
    ),
    ...annotations.list.map(({ name, expr }) => ({ panel: name, expr: fill(expr) })),
  ];
}
