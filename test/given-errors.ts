import { asConnectorError, type ConnectorError } from '../src/errors.js';

/** What a promise is rejected with; fails where it is fulfilled. */
export async function rejected(promise: Promise<unknown>): Promise<ConnectorError> {
  const fulfilled = await promise.then(
    () => true,
    (error: unknown) => asConnectorError(error),
  );
  if (fulfilled === true) throw new Error('it should have failed');
  return fulfilled;
}
