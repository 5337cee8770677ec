/** As Nomad's own commands show an allocation: the first eight characters of its ID. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}
