import type { ApplyContext } from './context.js';
import { saveServerState } from './state-file.js';
import { commitStructural } from './transaction.js';

/**
 * Whether HAProxy accepts the configuration on disk, tested with an empty transaction and a reload.
 */
export async function reloadAsItIs(context: ApplyContext): Promise<void> {
  const { configVersion } = context.actual;
  await commitStructural(context, configVersion, [], () => saveServerState(context, []));
}
