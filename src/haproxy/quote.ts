const plain = /^(?!(?:if|unless)$)[A-Za-z0-9_.:;,=/@+*-]+$/;

/**
 * A text as one word of haproxy.cfg. The grammars reject `"`, `\`, `%` and `$`, so nothing inside
 * the quotes has a special meaning.
 */
export function quoteWord(text: string): string {
  if (plain.test(text)) return text;
  return text.includes("'") ? `"${text}"` : `'${text}'`;
}
