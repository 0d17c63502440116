/**
 * Whose session a row is stands in the engine's facts inside `sess`, so that the table keeps the peer's three columns.
 *
 * PostgreSQL's JSON functions fail on escapes that no text can hold (`\u0000`, half a surrogate pair) anywhere in the
 * document, and in an index they would make the write fail, the peer's too. With every `\u` made a `\n` the document
 * is still JSON, of the same shape, and has no such escape. Only a name with control characters looks different then,
 * and is looked for in the same disguise.
 */
export const PRINCIPAL = `((replace(sess::text, E'\\\\u', E'\\\\n')::json) #>> '{__keycard,p}')`;

/** A principal as `PRINCIPAL` shows it. */
export function principalKey(principal: string): string {
  return JSON.parse(JSON.stringify(principal).replaceAll('\\u', '\\n')) as string;
}
