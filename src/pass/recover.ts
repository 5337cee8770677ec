import { repairView } from '../apply/apply.js';
import { descriptorRefusal } from '../diff/plan/descriptors.js';
import { asConnectorError, type ConnectorError, type ErrorCode } from '../shared/errors.js';
import type { WritingContext } from './context.js';

/**
 * | recovery | when | action |
 * |---|---|---|
 * | look-again | another writer was faster | read, plan and apply again, a few times |
 * | isolate | HAProxy's check refused the configuration | find the service that caused it and skip it |
 * | repair-and-isolate | HAProxy did not load it, but the Data Plane API still holds it | post the file back first |
 * | repair-and-read | an earlier process left it that way | post the file back, read again |
 * | end | anything else | the pass fails, HAProxy keeps its last good state, the loop retries |
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
  'not-leader': 'end',
  'plan-refused': 'end',
  'config-invalid': 'end',
  aborted: 'end',
  internal: 'end',
};

/** Every code of an error. A metric label, so the set is bounded. */
export const errorCodes = Object.keys(recoveries) as readonly ErrorCode[];

export function recoveryFrom(error: unknown): Recovery {
  return recoveries[asConnectorError(error).code];
}

/**
 * Returns the refusal after repairing the Data Plane API's view if needed. Rethrows any other
 * error, which ends the pass.
 */
export async function recoverRefusal(
  { writer, target, signal }: WritingContext,
  thrown: unknown,
): Promise<ConnectorError> {
  const error = asConnectorError(thrown);
  const recovery = recoveryFrom(error);
  target.actual.forget();
  const { memory } = target;
  const descriptors = descriptorRefusal(error.message, memory.descriptors);
  if (descriptors !== undefined) memory.descriptors = descriptors;
  if (recovery === 'repair-and-isolate') await repairView(writer, signal);
  else if (recovery !== 'isolate') throw error;
  return error;
}
