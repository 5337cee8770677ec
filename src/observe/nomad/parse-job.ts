import { asConnectorError } from '../../shared/errors.js';
import type { Json } from '../../shared/json.js';
import type { NomadClient } from './client.js';
import { parsePath } from './errors.js';

/** `refused`: Nomad can't make a job of it. `failed`: it could not be asked. */
export type ParsedHcl =
  | { readonly status: 'parsed'; readonly job: Json }
  | { readonly status: 'refused' | 'failed'; readonly message: string };

/** HCL as Nomad reads it, with its defaults filled in. Nothing is registered. */
export async function parseHcl(
  client: NomadClient,
  text: string,
  signal: AbortSignal,
): Promise<ParsedHcl> {
  try {
    const post = { JobHCL: text, Canonicalize: true };
    const { body } = await client.get(parsePath, { post, signal });
    return { status: 'parsed', job: body as Json };
  } catch (thrown) {
    const { code, message } = asConnectorError(thrown);
    if (code === 'aborted') throw thrown;
    const said = /^Nomad answered \S+ with (?:400|500): (.*)$/s.exec(message)?.[1];
    return said === undefined
      ? { status: 'failed', message }
      : { status: 'refused', message: said };
  }
}
