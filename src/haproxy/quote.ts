const plain = /^(?!(?:if|unless)$)[A-Za-z0-9_.:;,=/@+*-]+$/;

/**
 * A text as one word of haproxy.cfg. The grammars let no `"`, `\`, `%` or `$` through, so that
 * nothing inside the quotes means anything.
 */
export function quoteWord(text: string): string {
  if (plain.test(text)) return text;
  return text.includes("'") ? `"${text}"` : `'${text}'`;
}
