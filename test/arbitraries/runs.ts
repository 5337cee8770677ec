/** `PROPERTY_RUNS=10` runs the costly properties ten times as often. */
const factor = Number(process.env['PROPERTY_RUNS'] ?? 1);

export function runs(usual: number): { readonly numRuns: number } {
  return { numRuns: Math.ceil(usual * factor) };
}
