/**
 * `npm run demo`: HAProxy, a data plane, Nomad and a sample app on this machine, and the connector's
 * own program between them. `--fleet` shows three HAProxies and a pair of connectors instead. Ends with
 * 0 only if all that it claims is true. `--keep` stays up.
 */

import { Stage } from './stage.js';
import { tellFleet } from './tell-fleet.js';
import { tellOne } from './tell-one.js';

const { argv } = process;
const stage = new Stage();
try {
  const stayUp = await (argv.includes('--fleet') ? tellFleet(stage) : tellOne(stage));
  process.exitCode = stage.story.end();
  if (argv.includes('--keep')) await stayUp();
} catch (error) {
  console.error(`\nThe demo broke off: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
await stage.close();
