/** Error codes for logs and metrics. The set is bounded. */
export type ErrorCode =
  | 'nomad-unreachable'
  | 'nomad-refused'
  | 'nomad-failed'
  | 'nomad-untrusted'
  | 'haproxy-unreachable'
  | 'haproxy-refused'
  | 'haproxy-down'
  | 'haproxy-unsupported'
  | 'haproxy-conflict'
  | 'haproxy-rejected'
  | 'haproxy-reload-failed'
  | 'haproxy-poisoned'
  | 'haproxy-failed'
  | 'other-connector'
  | 'conflict-strategy'
  | 'routes-unreadable'
  | 'not-leader'
  | 'plan-refused'
  | 'config-invalid'
  | 'aborted'
  | 'internal';

/**
 * The only error class that leaves a module. Messages never contain secrets: clients translate
 * got's errors, which carry tokens and passwords, at the boundary and drop them as a cause.
 */
export class ConnectorError extends Error {
  override readonly name = 'ConnectorError';
  readonly code: ErrorCode;
  /** Whether another pass can succeed without human intervention. */
  readonly retryable: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    options: { retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? true;
  }
}

/** Converts any thrown value to a ConnectorError. Unknown ones become `internal`. */
export function asConnectorError(error: unknown): ConnectorError {
  if (error instanceof ConnectorError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ConnectorError('internal', message, { cause: error });
}
