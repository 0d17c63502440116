const FACTS = '"__keycard":';

/**
 * Whose a record is, as its text says: a principal; `null` where the engine's facts name none; `undefined` where no facts can
 * be seen. They come last, so that only their few bytes are parsed, unless a peer has put data after them.
 */
export function principalIn(text: string): string | null | undefined {
  const at = text.lastIndexOf(FACTS);
  if (at === -1) return undefined;
  const facts =
    parsed(text.slice(at + FACTS.length, -1)) ?? (parsed(text) as { __keycard?: unknown } | undefined)?.__keycard;
  return typeof facts === 'object' && facts !== null ? principalOfFacts(facts) : undefined;
}

/** The principal that the engine's facts name, or `null`. */
export function principalOfFacts(facts: object): string | null {
  const { p } = facts as { p?: unknown };
  return typeof p === 'string' ? p : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Not JSON: the engine, which reads records, reports it.
  }
}
