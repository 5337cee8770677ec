import type { ApplyContext } from './context.js';
import { saveServerState } from './state-file.js';
import { commitStructural } from './transaction.js';

/** Whether HAProxy takes the configuration that is on disk: an empty transaction with a reload. */
export async function reloadAsItIs(context: ApplyContext): Promise<void> {
  const { configVersion } = context.actual;
  await commitStructural(context, configVersion, [], () => saveServerState(context, []));
}
