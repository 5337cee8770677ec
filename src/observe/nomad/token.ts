import { readFile } from 'node:fs/promises';
import type { NomadSettings } from '../../config/types.js';

export interface TokenSource {
  current(): Promise<string | undefined>;
  /** Rereads the file. Returns whether the token changed. */
  reload(): Promise<boolean>;
}

/** Nomad renews a workload's token only in the file, so the one from the environment expires. */
export function createTokenSource(
  settings: Pick<NomadSettings, 'token' | 'tokenFile'>,
  /** Called with each token read from the file, to redact it. */
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
