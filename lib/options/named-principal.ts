import { show } from '../common/duration.js';
import { unknownName } from '../common/option-rules.js';
import { isNamedPrincipal } from './principal-of.js';

/**
 * The principal that a call is for; `undefined` if none was named, which means everybody.
 *
 * A `principal` with the value `undefined` is refused: it is the `session.info.principal` of a visitor, who would see
 * everybody's sessions.
 *
 * @throws TypeError for that, and for a key that the call doesn't know, such as `principle`.
 */
export function namedPrincipal(call: string, query: object, known: readonly string[]): string | undefined {
  assertKeys(call, query, known);
  return 'principal' in query ? principalIn(`${call}: "principal"`, query.principal) : undefined;
}

/** A principal as text. */
export function principalIn(where: string, principal: unknown): string {
  if (isNamedPrincipal(principal)) return String(principal);
  throw new TypeError(
    `${where} got ${show(principal)}; it takes the user's id, a string or a number. If it comes from session.info.principal, nobody is logged in, or "principalOf" returns no id: use @Principal(), which answers 401 then.`,
  );
}

export function assertKeys(call: string, query: unknown, known: readonly string[]): void {
  if (typeof query !== 'object' || query === null)
    throw new TypeError(`${call} got ${show(query)}; it takes an object with ${known.join(', ')}.`);
  const unknown = unknownName(query, known);
  if (unknown !== undefined)
    throw new TypeError(`${call} got the unknown "${unknown.name}"; it takes ${known.join(', ')}.${unknown.question}`);
}
