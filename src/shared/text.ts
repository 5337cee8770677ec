/** Makes any text safe for one line on a terminal. */
export function oneLine(text: string, max = 500): string {
  const clean = text.slice(0, 4 * max).replace(/[^\x20-\x7e]+/g, '?');
  return clean.length > max ? `${clean.slice(0, max)}...` : clean;
}
