import { asConnectorError, type ConnectorError } from '../../src/shared/errors.js';

/** What a promise is rejected with; fails where it is fulfilled. */
export async function rejected(promise: Promise<unknown>): Promise<ConnectorError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => asConnectorError(reason),
  );
  if (error === undefined) throw new Error('it should have failed');
  return error;
}
