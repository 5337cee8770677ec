import { expect } from 'chai';
import { leaves } from '../../src/config/schema.js';
import { loadSettings, type SettingsSources } from '../../src/config/settings.js';
import type { Settings } from '../../src/config/types.js';
import { ConnectorError } from '../../src/shared/errors.js';

export type Files = Readonly<Record<string, string>>;

export interface Given {
  readonly flags?: SettingsSources['flags'];
  readonly env?: SettingsSources['env'];
  /** Content of the configuration file `x.yaml`. */
  readonly file?: string;
  readonly files?: Files;
}

/** Settings from sources that exist in the test alone. */
export function load({ flags = {}, env = {}, file, files = {} }: Given): Settings {
  const all: Files = file === undefined ? files : { ...files, 'x.yaml': file };
  return loadSettings({
    flags: file === undefined ? flags : { configFile: 'x.yaml', ...flags },
    env,
    readFile: (path) => {
      const text = all[path];
      if (text === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' });
      return text;
    },
  });
}

/** The lines of the error that loading ends with. */
export function problems(given: Given): readonly string[] {
  return problemsOf(() => load(given));
}

export function problemsOf(action: () => unknown): readonly string[] {
  try {
    action();
  } catch (error) {
    expect(error).to.be.instanceOf(ConnectorError);
    const { code, retryable, message } = error as ConnectorError;
    expect({ code, retryable }).to.deep.equal({ code: 'config-invalid', retryable: false });
    return message.split('\n');
  }
  throw new Error('no error was thrown');
}

/** Every variable that is read. */
export const environmentNames: readonly string[] = [...leaves.values()].flatMap((leaf) =>
  leaf.env === undefined ? [] : [leaf.env],
);

/** A file in the form of the original connector's. */
export const originalExample = JSON.stringify({
  nomad: { address: 'http://nomad-server:4646', token: '', region: 'global' },
  haproxy: {
    address: 'http://haproxy:5555',
    username: 'admin',
    password: 'other',
    backend_strategy: 'create_new',
    drain_timeout_sec: 10,
    frontend: 'http',
  },
  log: { level: 'WARNING' },
});
