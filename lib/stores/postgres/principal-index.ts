/**
 * The SQL for the principal of a row. It is read from the engine's metadata inside `sess`, so that the table keeps
 * connect-pg-simple's three columns.
 *
 * PostgreSQL's JSON functions fail on escapes that its text can't hold (`\u0000`, an unpaired surrogate) anywhere in
 * the document. In an index they would make each write fail, connect-pg-simple's too. So every `\u` is replaced by
 * `\n`: the document stays JSON of the same shape, without such escapes. Only a name with control characters changes,
 * and is searched for in the same form.
 */
export const PRINCIPAL = `((replace(sess::text, E'\\\\u', E'\\\\n')::json) #>> '{__keycard,p}')`;

/** A principal in the form of `PRINCIPAL`. */
export function principalKey(principal: string): string {
  return JSON.parse(JSON.stringify(principal).replaceAll('\\u', '\\n')) as string;
}
