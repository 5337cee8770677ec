/**
 * What an answer of Nomad's is worth. An outage must never look like an empty catalog.
 *
 * | what Nomad said                                       | what it may mean                 | what we do                         |
 * |-------------------------------------------------------|----------------------------------|------------------------------------|
 * | no answer, reset, cut, too late                       | down or unreachable              | the pass ends: nomad-unreachable   |
 * | 401, 403                                              | no or lost rights                | the pass ends: nomad-refused       |
 * | 500, 429, any other status                            | no leader, unknown region, load  | the pass ends: nomad-failed        |
 * | 200, not JSON or of a wrong shape                     | a proxy, a bug                   | the pass ends: nomad-untrusted     |
 * | 200, index 0 (anonymous or weak token, or a           | no rights, told as an empty list | the pass ends: nomad-untrusted     |
 * | workload identity without a policy)                   |                                  |                                    |
 * | 200, no known leader                                  | a stale server                   | the pass ends: nomad-untrusted     |
 * | 404 on a job or an allocation                         | it went since it was listed      | read again, then removals held     |
 * | 500, 403 or nonsense on a single job spec             | a broken or forbidden job        | last known spec, else unreadable;  |
 * |                                                       |                                  | removals held if nothing is known  |
 * | different indexes over one read of the catalog        | torn: changed in the middle      | read again, then removals held     |
 * | the same in the reads that follow                     | something registers all the time | what two reads lack has gone; what |
 * |                                                       |                                  | the last alone lacks is carried    |
 * | a lower index than before                             | restored or another cluster      | caches dropped, removals held once |
 * | fewer registrations at the same index as before       | a wrong answer                   | removals held until the index      |
 * |                                                       |                                  | moves                              |
 * | a lower index than when HAProxy was last written      | restored or another cluster      | held while nothing tells why they  |
 * |                                                       |                                  | went: see traceless.ts             |
 * | a namespace went from a list                          | deleted, or rights lost          | asked for by name: 403 ends the    |
 * |                                                       |                                  | pass; an answer with content: held |
 * | no services in a namespace where allocations say that | a wrong answer                   | removals held                      |
 * | there must be some                                    |                                  |                                    |
 * | no allocations in a namespace where instances are     | a wrong answer: all would look   | the pass ends: nomad-untrusted     |
 * | registered and the jobs' summaries count running ones | like ghosts                      |                                    |
 * | instances, but no job at all and no allocation of    | lost or replaced between answers | the pass ends: nomad-untrusted     |
 * | any of them                                           |                                  |                                    |
 * | a running allocation of a job that isn't listed       | purged just now, a wrong answer  | removals held, claims kept         |
 *
 * Jobs and allocations of a new cluster are the one exception from "index 0": their tables were
 * never written to, and a token without rights gets a 403 there.
 * `stale` is never asked for: a server without a leader answers it with an empty list.
 */

export function isTrusted(answer: { index: number; knownLeader: boolean }): boolean {
  return answer.index >= 1 && answer.knownLeader;
}

/** Last seen index by table. */
export type Indexes = Readonly<Record<'services' | 'allocations' | 'jobs', number>>;

/** Describes the first table whose index went back. */
export function wentBack(before: Indexes | undefined, now: Indexes): string | undefined {
  if (before === undefined) return undefined;
  const tables = ['services', 'allocations', 'jobs'] as const;
  const table = tables.find((name) => now[name] < before[name]);
  if (table === undefined) return undefined;
  return `Nomad's index of ${table} went back from ${before[table]} to ${now[table]}`;
}
