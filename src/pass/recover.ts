import { repairView } from '../apply/apply.js';
import { asConnectorError, type ConnectorError, type ErrorCode } from '../shared/errors.js';
import type { WritingContext } from './context.js';

/**
 * | recovery | when | what is done |
 * |---|---|---|
 * | look-again | another writer was faster | read, plan and apply anew, a few times |
 * | isolate | HAProxy's check refused the configuration | find the service that caused it and skip it |
 * | repair-and-isolate | HAProxy did not load it, and the Data Plane API keeps it in its view | post the file back first |
 * | repair-and-read | an earlier process left that behind | post the file back, read anew |
 * | end | anything else | the pass ends, the last good state serves on, and the loop retries |
 */
export type Recovery = 'look-again' | 'isolate' | 'repair-and-isolate' | 'repair-and-read' | 'end';

export const recoveries: Readonly<Record<ErrorCode, Recovery>> = {
  'nomad-unreachable': 'end',
  'nomad-refused': 'end',
  'nomad-failed': 'end',
  'nomad-untrusted': 'end',
  'haproxy-unreachable': 'end',
  'haproxy-refused': 'end',
  'haproxy-down': 'end',
  'haproxy-unsupported': 'end',
  'haproxy-conflict': 'look-again',
  'haproxy-rejected': 'isolate',
  'haproxy-reload-failed': 'repair-and-isolate',
  'haproxy-poisoned': 'repair-and-read',
  'haproxy-failed': 'end',
  'other-connector': 'end',
  'conflict-strategy': 'end',
  'routes-unreadable': 'end',
  'config-invalid': 'end',
  aborted: 'end',
  internal: 'end',
};

export function recoveryFrom(error: unknown): Recovery {
  return recoveries[asConnectorError(error).code];
}

/**
 * The refusal of a configuration that was thrown, with the Data Plane API's view repaired where that
 * is needed. Throws what is no refusal: that ends the pass.
 */
export async function recoverRefusal(
  { writer, target, signal }: WritingContext,
  thrown: unknown,
): Promise<ConnectorError> {
  const error = asConnectorError(thrown);
  const recovery = recoveryFrom(error);
  target.actual.forget();
  if (recovery === 'repair-and-isolate') await repairView(writer, signal);
  else if (recovery !== 'isolate') throw error;
  return error;
}
