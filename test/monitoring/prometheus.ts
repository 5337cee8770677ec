/** A real Prometheus and its promtool: PROMETHEUS_BIN and PROMTOOL_BIN, or those on PATH. */

import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { stringify } from 'yaml';

import { freePort } from '../../fixtures/ports.js';
import { atExit, start, waitFor } from '../../fixtures/process.js';

/** The program, if it is there. */
export function programOf(variable: string, name: string): string | undefined {
  const bin = process.env[variable] ?? name;
  return spawnSync(bin, ['--version']).status === 0 ? bin : undefined;
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus {
  readonly url: string;
  query(expr: string): Promise<readonly Sample[]>;
  close(): Promise<void>;
}

export type Scrapes = Readonly<Record<string, string | readonly string[]>>;

export interface PrometheusOptions {
  readonly bin: string;
  /** `host:port`, one or several, by the name of the scrape job. */
  readonly scrapes: Scrapes;
  /** The text of a file of rules. */
  readonly rules: string;
}

/** Scrapes and evaluates twice a second, in a folder and on a port of its own. */
export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const dir = await mkdtemp(join(tmpdir(), 'hnc-prometheus-'));
  const forget = atExit(() => rmSync(dir, { recursive: true, force: true }));
  const configuration = join(dir, 'prometheus.yml');
  await writeFile(join(dir, 'rules.yaml'), options.rules);
  await writeFile(configuration, configurationOf(options.scrapes));
  const listen = `127.0.0.1:${await freePort()}`;
  const process = await start(
    options.bin,
    [
      `--config.file=${configuration}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=${listen}`,
    ],
    { name: 'prometheus' },
  );
  const url = `http://${listen}`;
  const close = async (): Promise<void> => {
    await process.stop('SIGTERM', 10_000);
    forget();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await waitFor('Prometheus', async () => (await fetch(`${url}/-/ready`)).ok, { process });
  } catch (cause) {
    await close();
    throw cause;
  }
  return { url, close, query: (expr) => query(url, expr) };
}

function configurationOf(scrapes: Scrapes): string {
  return stringify({
    global: { scrape_interval: '500ms', scrape_timeout: '500ms', evaluation_interval: '500ms' },
    rule_files: ['rules.yaml'],
    scrape_configs: Object.entries(scrapes).map(([name, target]) => ({
      job_name: name,
      // As the documentation says it: only HAProxy's exporter knows it.
      params: { 'no-maint': [''] },
      static_configs: [{ targets: [target].flat() }],
    })),
  });
}

async function query(url: string, expr: string): Promise<readonly Sample[]> {
  const body = new URLSearchParams({ query: expr });
  const answer = await fetch(`${url}/api/v1/query`, { method: 'POST', body });
  const { status, error, data } = (await answer.json()) as {
    readonly status: string;
    readonly error?: string;
    readonly data: {
      readonly result: readonly { metric: Sample['metric']; value: [number, string] }[];
    };
  };
  if (status !== 'success') throw new Error(`${expr}: ${error}`);
  return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
}
