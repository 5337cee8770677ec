import { readFile } from 'node:fs/promises';
import type { NomadSettings } from '../../config/types.js';

export interface TokenSource {
  current(): Promise<string | undefined>;
  /** Reads the file again; whether the token is another one now. */
  reload(): Promise<boolean>;
}

/** Nomad renews a workload's token in its file; the one from the environment is then outdated. */
export function createTokenSource(
  settings: Pick<NomadSettings, 'token' | 'tokenFile'>,
  /** A token that was read from the file: no log may show it. */
  onToken: (token: string) => void = () => undefined,
): TokenSource {
  const { tokenFile } = settings;
  let token = settings.token;
  const reload = async (): Promise<boolean> => {
    const read = tokenFile === undefined ? undefined : await readToken(tokenFile);
    if (read === undefined || read === token) return false;
    token = read;
    onToken(read);
    return true;
  };
  return {
    reload,
    current: async () => {
      if (token === undefined) await reload();
      return token;
    },
  };
}

async function readToken(file: string): Promise<string | undefined> {
  try {
    const text = (await readFile(file, 'utf8')).trim();
    return text === '' ? undefined : text;
  } catch {
    return undefined;
  }
}
