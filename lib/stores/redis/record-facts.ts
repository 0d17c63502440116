const FACTS = '"__keycard":';

/** What the store reads out of a record that it finds: whose it is, and until when. */
export interface RecordFacts {
  readonly principal: string | undefined;
  readonly expiresAt: number | undefined;
}

/**
 * The facts that a record's own text shows, `undefined` where it shows none. Only their few bytes are parsed where they come
 * last, as we write them; a peer may have put data after them.
 */
export function factsIn(text: string): RecordFacts | undefined {
  const at = text.lastIndexOf(FACTS);
  if (at === -1) return undefined;
  // A nested key of this name leaves a brace too many behind it, and doesn't parse.
  const facts = parse(text.slice(at + FACTS.length, -1)) ?? parse(text)?.['__keycard'];
  if (typeof facts !== 'object' || facts === null) return undefined;
  const { p, e } = facts as { p?: unknown; e?: unknown };
  return { principal: typeof p === 'string' ? p : undefined, expiresAt: typeof e === 'number' ? e : undefined };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // Not JSON: the engine, which reads records, reports it.
  }
}
