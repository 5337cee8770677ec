import { loadSettings } from '../../src/config/settings.js';
import type { Settings } from '../../src/config/types.js';
import { checks } from '../../src/doctor/checks/index.js';
import type { Facts, Finding, ProcessFact, SectionsFact } from '../../src/doctor/types.js';
import type { ActualState } from '../../src/actual/types.js';

/** As with this file, and a password of its own. */
export function settingsOf(file: object = {}): Settings {
  const env = { HAPROXY_PASSWORD: 'good', NOMAD_NAMESPACE: '*' };
  const readFile = (): string => JSON.stringify(file);
  return loadSettings({ flags: { configFile: 'doctor.json' }, env, readFile });
}

/** One row of the table, run on these facts alone. */
export function run(id: string, facts: Partial<Facts>, now = 0): readonly Finding[] {
  const check = checks.find((one) => one.id === id);
  if (check === undefined) throw new Error(`no check ${id}`);
  return check.run({ settings: settingsOf(), ...facts } as Facts, now);
}

/** `warning: the clock ... -> fix`. */
export function told(findings: readonly Finding[]): string {
  return findings
    .map((one) => `${one.level}: ${one.says}${'fix' in one ? ` -> ${one.fix}` : ''}`)
    .join('\n');
}

export const process: ProcessFact = { version: '3.2.1', pid: 1, unstoppable: 1 };

export const sections: SectionsFact = { global: {}, defaults: [], frontends: [], backends: [] };

export const actual: ActualState = {
  dataplane: { url: 'http://127.0.0.1:5555' },
  haproxy: { version: '3.2.1', pid: 1 },
  configVersion: 7,
  raw: '',
  backends: {},
  frontends: {},
  maps: {},
  marker: {},
  global: { hardStopAfter: true },
};
