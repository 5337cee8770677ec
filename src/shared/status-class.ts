/** Result of a request; `error` if there was no answer. A metric label, so the set is bounded. */
export const statusClasses = ['2xx', '3xx', '4xx', '5xx', 'error'] as const;

export type StatusClass = (typeof statusClasses)[number];

export function statusClassOf(status: number): StatusClass {
  if (status >= 500) return '5xx';
  if (status >= 400) return '4xx';
  return status >= 300 ? '3xx' : '2xx';
}
